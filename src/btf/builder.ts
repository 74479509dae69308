/**
 * Types put together one by one. A builder is a `BtfSource` all the time, so what is built can be used at once.
 *
 * `add` gives the id of an equal type where there is one: equal in what it says itself, so its parts must have been
 * added before. Types that refer to themselves are reserved first and defined later.
 */
import { BtfError } from './error.ts';
import { closest } from './similar.ts';
import type { BtfKind, BtfSource, BtfType } from './types.ts';

const VOID: BtfType = { kind: 'void' };
const toUtf8 = new TextEncoder();

export class BtfBuilder implements BtfSource {
  readonly #types: (BtfType | undefined)[] = [VOID];
  readonly #byName = new Map<string, number[]>();
  readonly #byContent = new Map<string, number>();
  #enumerators: Map<string, { readonly id: number; readonly value: bigint }> | undefined;

  /** Starts with all types of another source, under the same ids. */
  static from(source: BtfSource): BtfBuilder {
    const builder = new BtfBuilder();
    for (let id = 1; id < source.size; id++) builder.append(source.type(id));
    return builder;
  }

  get size(): number {
    return this.#types.length;
  }

  type(id: number): BtfType {
    const type = this.#types[id];
    if (type !== undefined) return type;
    if (id > 0 && id < this.#types.length) throw new BtfError('badType', 'the type is reserved, but not yet defined', id);
    throw new BtfError('badType', `type id ${id} is out of range: the highest is ${this.size - 1}`);
  }

  /** The id of this type: that of an equal one already there, or a new one. */
  add(type: BtfType): number {
    if (type.kind === 'void') return 0;
    const known = this.#byContent.get(contentKey(type));
    return known ?? this.append(type);
  }

  /** A new id for this type, even if there is an equal one. */
  append(type: BtfType): number {
    const id = this.#types.length;
    this.#types.push(undefined);
    this.define(id, type);
    return id;
  }

  /** An id for a type that comes later. */
  reserve(): number {
    return this.#types.push(undefined) - 1;
  }

  /** Gives a reserved id its type. */
  define(id: number, type: BtfType): void {
    if (id <= 0 || id >= this.#types.length) throw new BtfError('badType', `type id ${id} was not reserved`);
    if (this.#types[id] !== undefined) throw new BtfError('badType', 'the type is defined already', id);
    if (type.kind === 'void') throw new BtfError('badType', 'void is id 0 and nothing else', id);
    this.#types[id] = type;
    const key = contentKey(type);
    if (!this.#byContent.has(key)) this.#byContent.set(key, id);
    if ('name' in type && type.name !== '') {
      const ids = this.#byName.get(type.name);
      if (ids === undefined) this.#byName.set(type.name, [id]);
      else ids.push(id);
    }
    if (type.kind === 'enum' || type.kind === 'enum64') this.#enumerators = undefined;
  }

  /** Puts another type of the same name in the place of one. */
  replace(id: number, type: BtfType): void {
    const before = this.type(id);
    if (('name' in before ? before.name : '') !== ('name' in type ? type.name : '')) {
      throw new BtfError('badType', 'only a type of the same name can replace another', id);
    }
    const key = contentKey(before);
    if (this.#byContent.get(key) === id) this.#byContent.delete(key);
    this.#types[id] = type;
    if (!this.#byContent.has(contentKey(type))) this.#byContent.set(contentKey(type), id);
    this.#enumerators = undefined;
  }

  find(name: string, ...kinds: BtfKind[]): number | undefined {
    let lowest: number | undefined;
    for (const id of this.#matches(name, kinds)) if (lowest === undefined || id < lowest) lowest = id;
    return lowest;
  }

  findAll(name: string, ...kinds: BtfKind[]): number[] {
    return [...this.#matches(name, kinds)].sort((a, b) => a - b);
  }

  findEnumerator(name: string): { readonly id: number; readonly value: bigint } | undefined {
    if (this.#enumerators === undefined) {
      this.#enumerators = new Map();
      for (let id = 1; id < this.#types.length; id++) {
        const type = this.#types[id];
        if (type?.kind !== 'enum' && type?.kind !== 'enum64') continue;
        for (const v of type.values) if (!this.#enumerators.has(v.name)) this.#enumerators.set(v.name, { id, value: v.value });
      }
    }
    return this.#enumerators.get(name);
  }

  similar(name: string, ...kinds: BtfKind[]): string[] {
    const names: Uint8Array[] = [];
    for (const [candidate] of this.#byName) {
      if (this.find(candidate, ...kinds) !== undefined) names.push(toUtf8.encode(candidate));
    }
    return closest(name, names);
  }

  *#matches(name: string, kinds: readonly BtfKind[]): Generator<number> {
    for (const id of this.#byName.get(name) ?? []) {
      const type = this.#types[id];
      if (type !== undefined && (kinds.length === 0 || kinds.includes(type.kind))) yield id;
    }
  }
}

/** Equal types have equal keys. Object keys are listed, so that the order in which they were written does not count. */
function contentKey(type: BtfType): string {
  switch (type.kind) {
    case 'void':
    case 'unknown':
      return type.kind;
    case 'int':
      return `int ${type.size} ${type.bits} ${type.encoding} ${type.name}`;
    case 'ptr':
    case 'const':
    case 'volatile':
    case 'restrict':
      return `${type.kind} ${type.type}`;
    case 'array':
      return `array ${type.element} ${type.index} ${type.length}`;
    case 'struct':
    case 'union':
      return `${type.kind} ${type.size} ${type.name}|${type.members.map((m) => `${m.name} ${m.type} ${m.bitOffset} ${m.bitSize}`).join()}`;
    case 'enum':
    case 'enum64':
      return `${type.kind} ${type.size} ${type.signed} ${type.name}|${type.values.map((v) => `${v.name} ${v.value}`).join()}`;
    case 'fwd':
      return `fwd ${type.union} ${type.name}`;
    case 'typedef':
      return `typedef ${type.type} ${type.name}`;
    case 'typeTag':
      return `typeTag ${type.type} ${type.attribute === true} ${type.name}`;
    case 'declTag':
      return `declTag ${type.type} ${type.component} ${type.attribute === true} ${type.name}`;
    case 'funcProto':
      return `funcProto ${type.returns} ${type.variadic}|${type.params.map((p) => `${p.name} ${p.type}`).join()}`;
    case 'func':
    case 'var':
      return `${type.kind} ${type.type} ${type.linkage} ${type.name}`;
    case 'datasec':
      return `datasec ${type.size} ${type.name}|${type.entries.map((e) => `${e.type} ${e.offset} ${e.size}`).join()}`;
    case 'float':
      return `float ${type.size} ${type.name}`;
    default:
      return type satisfies never;
  }
}
