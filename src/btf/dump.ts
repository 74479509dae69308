/**
 * BTF as C declarations: the types asked for and all that they need, in an order that compiles.
 *
 *     struct sk_buff;                     named by a pointer only: declared
 *     typedef unsigned int u32;           typedefs and enums: in full before their first use
 *     struct foo { u32 a; long: 64; };    by value: in full before their first use
 *
 * Layout is kept exactly: where C would put a member elsewhere than BTF says, there is padding, and where padding
 * cannot do it the record is packed (`layout.ts`). Names that C would confuse get a suffix, `name___2`.
 */
import { declare, type NamedType, type Speller } from './declarator.ts';
import { Names } from './dump-names.ts';
import { BtfError } from './error.ts';
import { RecordLayout } from './layout.ts';
import type { BtfEnum, BtfSource, BtfStruct } from './types.ts';

export interface DumpOptions {
  /** Write type tags as attributes (clang understands them, gcc warns). Default: leave them out. */
  readonly tags?: boolean;
}

const MAX_DEPTH = 256;
/** Characters; a hostile type can nest anonymous records so that they double with each level. */
const MAX_LENGTH = 256 * 1024 * 1024;

/** C declarations of these types with their dependencies. */
export function dumpTypes(source: BtfSource, ids: Iterable<number>, options: DumpOptions = {}): string {
  const dumper = new Dumper(source, options);
  for (const id of ids) dumper.require(id);
  return dumper.text();
}

/** C declarations of all types, like a `vmlinux.h`. Functions, variables and data sections are no types. */
export function dumpAll(source: BtfSource, options: DumpOptions = {}): string {
  return dumpTypes(source, allTypes(source), options);
}

function* allTypes(source: BtfSource): Generator<number> {
  for (let id = 1; id < source.size; id++) {
    const type = source.type(id);
    if ('name' in type && type.name === '' && type.kind !== 'enum' && type.kind !== 'enum64') continue;
    switch (type.kind) {
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'typedef':
      case 'fwd':
        yield id;
        break;
      default:
    }
  }
}

type State = 'declared' | 'open' | 'done';

class Dumper {
  readonly #source: BtfSource;
  readonly #options: DumpOptions;
  readonly #out: string[] = [];
  #length = 0;
  readonly #state = new Map<number, State>();
  readonly #names: Names;
  readonly #layout: RecordLayout;

  constructor(source: BtfSource, options: DumpOptions) {
    this.#source = source;
    this.#options = options;
    this.#names = new Names(source);
    this.#layout = new RecordLayout(source);
  }

  /** Writes a type in full. */
  require(id: number): void {
    const type = this.#source.type(id);
    if (type.kind === 'func' || type.kind === 'var') {
      this.#prepare(type.type, false, 0);
      const storage = type.kind === 'var' || type.linkage === 'extern' ? 'extern ' : '';
      this.#emit(`${storage}${this.#declare(type.type, type.name, 0)};\n`);
      return;
    }
    const anonymousEnum = (type.kind === 'enum' || type.kind === 'enum64') && type.name === '';
    this.#prepare(id, true, 0);
    if (anonymousEnum && this.#state.get(id) === undefined) {
      // Its enumerators may be all that is wanted; where it is part of something else it is written there.
      this.#pendingEnums.push(id);
    }
  }

  readonly #pendingEnums: number[] = [];

  text(): string {
    for (const id of this.#pendingEnums) {
      if (this.#state.get(id) !== undefined) continue;
      this.#state.set(id, 'done');
      this.#emit(`${this.#enumBody(id, this.#source.type(id) as BtfEnum, 0)};\n\n`);
    }
    return this.#out.join('');
  }

  #emit(text: string): void {
    this.#length += text.length;
    if (this.#length > MAX_LENGTH) throw new BtfError('limit', 'the declarations become too long');
    this.#out.push(text);
  }

  /** Writes what must stand before a use of the type; `whole` where a declaration is not enough. */
  #prepare(id: number, whole: boolean, depth: number): void {
    if (id === 0) return;
    if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, id);
    const type = this.#source.type(id);
    switch (type.kind) {
      case 'ptr':
        this.#prepare(type.type, false, depth + 1);
        break;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typeTag':
      case 'declTag':
        this.#prepare(type.type, whole, depth + 1);
        break;
      case 'array':
        this.#prepare(type.element, true, depth + 1);
        break;
      case 'funcProto':
        if (this.#state.get(id) === 'open') return;
        this.#state.set(id, 'open');
        this.#prepare(type.returns, false, depth + 1);
        for (const p of type.params) this.#prepare(p.type, false, depth + 1);
        this.#state.delete(id);
        break;
      case 'typedef':
        this.#prepareTypedef(id, type.type, whole, depth);
        break;
      case 'fwd':
        if (this.#state.get(id) === undefined) {
          this.#state.set(id, 'done');
          this.#emit(`${type.union ? 'union' : 'struct'} ${this.#names.tag(id)};\n\n`);
        }
        break;
      case 'enum':
      case 'enum64':
        if (type.name === '' || this.#state.get(id) === 'done') return;
        this.#state.set(id, 'done');
        this.#emit(`${this.#enumBody(id, type, 0)};\n\n`);
        break;
      case 'struct':
      case 'union':
        this.#prepareRecord(id, type, whole, depth);
        break;
      case 'int':
      case 'float':
        this.#prepareScalar(id, type);
        break;
      case 'void':
      case 'func':
      case 'var':
      case 'datasec':
      case 'unknown':
        break;
      default:
        void (type satisfies never);
    }
  }

  #prepareTypedef(id: number, target: number, whole: boolean, depth: number): void {
    const state = this.#state.get(id);
    if (state === undefined) {
      this.#state.set(id, 'open');
      this.#prepare(target, false, depth + 1);
      this.#state.set(id, 'done');
      this.#emit(`typedef ${this.#declare(target, this.#names.ordinary(id), 0)};\n\n`);
    }
    if (whole && state !== 'open') this.#prepare(target, true, depth + 1);
  }

  #prepareRecord(id: number, type: BtfStruct, whole: boolean, depth: number): void {
    const state = this.#state.get(id);
    if (type.name === '') {
      // Written in place, so all it needs comes first, whole or not.
      if (state === 'open') throw new BtfError('cycle', `an anonymous ${type.kind} contains itself`, id);
      if (state === 'done') return;
    } else if (!whole) {
      if (state !== undefined) return;
      this.#state.set(id, 'declared');
      this.#emit(`${type.kind} ${this.#names.tag(id)};\n\n`);
      return;
    } else {
      if (state === 'open') throw new BtfError('cycle', `${type.kind} '${type.name}' contains itself`, id);
      if (state === 'done') return;
    }
    this.#state.set(id, 'open');
    for (const member of type.members) this.#prepare(member.type, true, depth + 1);
    this.#state.set(id, 'done');
    if (type.name !== '') this.#emit(`${this.#recordBody(id, type, 0)};\n\n`);
  }

  /** Compilers other than C's have integers of their own names. */
  #prepareScalar(
    id: number,
    type: { readonly kind: 'int' | 'float'; readonly name: string; readonly size: number; readonly encoding?: string },
  ): void {
    if (type.kind === 'float' || isCInteger(type.name) || this.#state.get(id) !== undefined) return;
    this.#state.set(id, 'done');
    const signs: Readonly<Record<number, string>> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long long', 16: '__int128' };
    const base = signs[type.size];
    if (base === undefined) throw new BtfError('unsupported', `integer '${type.name}' of ${type.size} bytes`, id);
    const sign = type.encoding === 'unsigned' ? 'unsigned ' : type.size === 1 ? 'signed ' : '';
    this.#emit(`typedef ${type.encoding === 'bool' ? '_Bool' : sign + base} ${this.#names.ordinary(id)};\n\n`);
  }

  #declare(id: number, name: string, level: number): string {
    return declare(this.#source, id, name, this.#speller(level));
  }

  #speller(level: number): Speller {
    return {
      named: (id, type) => this.#spell(id, type, level),
      tag: (name, attribute) => {
        if (this.#options.tags !== true) return '';
        return attribute ? `__attribute__((${name}))` : `__attribute__((btf_type_tag("${name}")))`;
      },
      // A parameter called like a type would hide it from the parameters behind it.
      parameter: () => '',
    };
  }

  #spell(id: number, type: NamedType, level: number): string {
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'int':
        return isCInteger(type.name) ? type.name : this.#names.ordinary(id);
      case 'float':
        return type.name;
      case 'typedef':
        return this.#names.ordinary(id);
      case 'struct':
      case 'union':
        return type.name === '' ? this.#recordBody(id, type, level) : `${type.kind} ${this.#names.tag(id)}`;
      case 'enum':
      case 'enum64':
        if (type.name !== '') return `enum ${this.#names.tag(id)}`;
        // Its enumerators can be declared once only.
        if (this.#state.get(id) === 'done') return this.#enumStandIn(type);
        this.#state.set(id, 'done');
        return this.#enumBody(id, type, level);
      case 'fwd':
        return `${type.union ? 'union' : 'struct'} ${this.#names.tag(id)}`;
      case 'unknown':
        throw new BtfError('unsupported', `a type of unknown kind ${type.raw} cannot be declared`, id);
      default:
        return type satisfies never;
    }
  }

  #enumStandIn(type: BtfEnum): string {
    const signs: Readonly<Record<number, string>> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long long' };
    return `${type.signed ? 'signed' : 'unsigned'} ${signs[type.size] ?? 'int'}`;
  }

  #recordBody(id: number, type: BtfStruct, level: number): string {
    if (level > MAX_DEPTH) throw new BtfError('limit', `records nested more than ${MAX_DEPTH} deep`, id);
    const pad = '\t'.repeat(level + 1);
    const { members, packed } = this.#layout.of(id);
    const lines: string[] = [];
    let length = 0;
    for (const line of members) {
      const text =
        line.kind === 'padding'
          ? line.text
          : this.#declare(line.member.type, this.#names.member(line.member.name), level + 1) +
            (line.member.bitSize > 0 ? `: ${line.member.bitSize}` : '');
      length += text.length;
      if (length > MAX_LENGTH) throw new BtfError('limit', 'the declaration becomes too long', id);
      lines.push(`${pad}${text};\n`);
    }
    const name = type.name === '' ? '' : ` ${this.#names.tag(id)}`;
    const attribute = packed ? ' __attribute__((packed))' : '';
    return `${type.kind}${name} {\n${lines.join('')}${'\t'.repeat(level)}}${attribute}`;
  }

  #enumBody(id: number, type: BtfEnum, level: number): string {
    const pad = '\t'.repeat(level + 1);
    const lines = type.values.map((v, i) => `${pad}${this.#names.enumerator(id, i)} = ${literal(v.value, type)},\n`);
    const name = type.name === '' ? '' : ` ${this.#names.tag(id)}`;
    if (lines.length === 0) return `enum${name}`;
    const sizes: Readonly<Record<number, string>> = {
      1: ' __attribute__((mode(byte)))',
      2: ' __attribute__((mode(HI)))',
      8: ' __attribute__((mode(DI)))',
    };
    return `enum${name} {\n${lines.join('')}${'\t'.repeat(level)}}${sizes[type.size] ?? ''}`;
  }
}

function literal(value: bigint, type: BtfEnum): string {
  if (type.size < 8) return String(value);
  // The most negative number cannot be written as one.
  if (value === -(1n << 63n)) return '(-9223372036854775807LL - 1)';
  return `${value}${type.signed ? 'LL' : 'ULL'}`;
}

const C_WORDS = new Set(['char', 'short', 'int', 'long', 'signed', 'unsigned', '_Bool', '__int128']);

function isCInteger(name: string): boolean {
  return name.split(' ').every((word) => C_WORDS.has(word));
}
