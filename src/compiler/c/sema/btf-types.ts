/**
 * C types made from BTF, by id, as they are asked for.
 *
 * A record is made empty (name and size are all that most uses need) and filled when somebody asks for its fields, so
 * one pointer to `struct task_struct` does not decode half of the kernel. Each id gives one object for as long as a
 * compilation lasts. Typedefs are resolved but leave their name in `alias`; type tags become qualifiers
 * (`user`, `percpu`, `rcu`) or `tags`.
 *
 * BTF comes from a kernel or a file and may be hostile: chains that lead back to themselves and ids out of range give
 * `void`, sizes are taken as they are said.
 */

import type { BtfArray, BtfEnum, BtfFuncProto, BtfInt, BtfKind, BtfMember, BtfSource, BtfStruct, BtfType } from '../../../btf/types.ts';
import type { CType, Enumerator, Field, IntType, ParamType, QualType } from '../types.ts';
import { QUAL } from '../types.ts';
import {
  array,
  BOOL,
  CHAR,
  DOUBLE,
  FLOAT,
  functionType,
  LDOUBLE,
  pointer,
  Q,
  qual,
  signedOfSize,
  typeOfWords,
  UINT,
  unsignedOfSize,
} from './types/basic.ts';
import { MAX_NESTING } from './types/members.ts';
import type { RecordBody } from './types/record.ts';
import { Enum, Record } from './types/record.ts';
import { alignOfQual, sizeOf } from './types/size.ts';

const TAG_QUALS: Readonly<{ [tag: string]: number | undefined }> = {
  user: QUAL.USER,
  percpu: QUAL.PERCPU,
  rcu: QUAL.RCU,
};
/** Longest chain of pointers, arrays, typedefs and qualifiers that is followed. */
const DEPTH = 64;

export class BtfTypes {
  readonly source: BtfSource;
  private readonly types = new Map<number, QualType>();
  private readonly open = new Set<number>();
  private readonly preserve: boolean;

  /** `preserve`: accesses to the kernel's records are to be relocatable. */
  constructor(source: BtfSource, preserve: boolean) {
    this.source = source;
    this.preserve = preserve;
  }

  /** The type with this id. */
  get(id: number): QualType {
    if (id === 0) return Q.void;
    const known = this.types.get(id);
    if (known) return known;
    if (this.open.has(id) || this.open.size >= DEPTH) return Q.void;
    this.open.add(id);
    const made = this.make(id);
    this.open.delete(id);
    this.types.set(id, made);
    return made;
  }

  /** The id now means a record of its own again: `record` has become one of the text. */
  forget(record: Record): void {
    if (record.btfId !== undefined) this.types.delete(record.btfId);
  }

  record(tag: 'struct' | 'union', name: string): Record | undefined {
    const id = this.source.find(name, tag);
    const t = id === undefined ? undefined : this.get(id).type;
    return t instanceof Record ? t : undefined;
  }

  enum(name: string): Enum | undefined {
    const id = this.source.find(name, 'enum', 'enum64');
    const t = id === undefined ? undefined : this.get(id).type;
    return t instanceof Enum ? t : undefined;
  }

  typedef(name: string): QualType | undefined {
    const id = this.source.find(name, 'typedef');
    return id === undefined ? undefined : this.get(id);
  }

  /** An enumerator by name, with the type of its enum. */
  enumerator(name: string): { readonly type: Enum; readonly value: bigint } | undefined {
    const found = this.source.findEnumerator(name);
    if (!found) return undefined;
    const type = this.get(found.id).type;
    return type instanceof Enum ? { type, value: found.value } : undefined;
  }

  /** The type of a kernel function. */
  function(name: string): QualType | undefined {
    const id = this.source.find(name, 'func');
    return id === undefined ? undefined : this.get(id);
  }

  similar(name: string, ...kinds: BtfKind[]): string[] {
    return this.source.similar(name, ...kinds);
  }

  private read(id: number): BtfType | undefined {
    return id > 0 && id < this.source.size ? this.source.type(id) : undefined;
  }

  private make(id: number): QualType {
    const t = this.read(id);
    if (!t) return Q.void;
    switch (t.kind) {
      case 'int':
        return qual(intType(t));
      case 'float':
        return qual(t.size === 4 ? FLOAT : t.name === 'long double' ? LDOUBLE : DOUBLE);
      case 'ptr':
        return qual(pointer(this.get(t.type)));
      case 'array':
        return this.array(t);
      case 'struct':
      case 'union':
        return qual(this.structure(id, t));
      case 'enum':
      case 'enum64':
        return qual(enumeration(id, t, this.preserve));
      case 'fwd':
        return this.forward(t.name, t.union ? 'union' : 'struct');
      case 'typedef': {
        const of = this.get(t.type);
        return qual(of.type, of.quals, of.tags, t.name, of.align);
      }
      case 'const':
        return this.qualified(t.type, QUAL.CONST);
      case 'volatile':
        return this.qualified(t.type, QUAL.VOLATILE);
      case 'restrict':
        return this.qualified(t.type, QUAL.RESTRICT);
      case 'typeTag':
        return this.tagged(t.type, t.name);
      case 'funcProto':
        return this.prototype(t);
      case 'func':
      case 'var':
        return this.get(t.type);
      case 'declTag':
      case 'datasec':
      case 'void':
      case 'unknown':
        return Q.void;
      default:
        return t satisfies never;
    }
  }

  private qualified(id: number, quals: number): QualType {
    const q = this.get(id);
    return qual(q.type, q.quals | quals, q.tags, q.alias, q.align);
  }

  private tagged(id: number, tag: string): QualType {
    const q = this.get(id);
    const bit = TAG_QUALS[tag];
    if (bit !== undefined) return qual(q.type, q.quals | bit, q.tags, q.alias, q.align);
    return qual(q.type, q.quals, [tag, ...(q.tags ?? [])], q.alias, q.align);
  }

  private array(t: BtfArray): QualType {
    return qual(array(this.get(t.element), t.length));
  }

  private forward(name: string, tag: 'struct' | 'union'): QualType {
    const id = this.source.find(name, tag);
    return id === undefined ? qual(new Record(tag, name, 0)) : this.get(id);
  }

  private prototype(t: BtfFuncProto): QualType {
    const params: ParamType[] = t.params.map((p) => ({ name: p.name || undefined, type: this.get(p.type), loc: 0 }));
    return qual(functionType(this.get(t.returns), params, t.variadic, true));
  }

  private structure(id: number, t: BtfStruct): Record {
    const record = new Record(t.kind === 'union' ? 'union' : 'struct', t.name, 0);
    record.preserveAccessIndex = this.preserve;
    record.completeFromBtf(id, t.size, () => this.body(t));
    return record;
  }

  private body(t: BtfStruct): RecordBody {
    // Records decode on their own: the depth of one has nothing to do with who asked for it.
    const outer = [...this.open];
    this.open.clear();
    const fields = t.members.map((m) => this.field(m));
    for (const id of outer) this.open.add(id);
    return new Body(fields, t.size);
  }

  private field(m: BtfMember): Field {
    const type = this.get(m.type);
    if (m.bitSize === 0 && m.bitOffset % 8 === 0) return { name: m.name, type, offset: m.bitOffset / 8, loc: 0 };
    const size = sizeOf(type.type) || 1;
    const offset = Math.floor(m.bitOffset / (size * 8)) * size;
    return { name: m.name, type, offset, bit: { offset: m.bitOffset - offset * 8, width: m.bitSize || size * 8 }, loc: 0 };
  }
}

let nesting = 0;

/** The alignment needs that of every record inside, and few ask for it. */
class Body implements RecordBody {
  readonly fields: readonly Field[];
  readonly size: number;
  private known: ReturnType<typeof alignment> | undefined = undefined;

  constructor(fields: readonly Field[], size: number) {
    this.fields = fields;
    this.size = size;
  }

  get align(): number {
    return this.alignment().align;
  }

  get packed(): boolean {
    return this.alignment().packed;
  }

  private alignment(): ReturnType<typeof alignment> {
    if (this.known) return this.known;
    // What is asked again meanwhile holds itself, or is nested beyond belief.
    this.known = { align: 1, packed: true };
    if (nesting < MAX_NESTING) {
      nesting++;
      this.known = alignment(this.fields, this.size);
      nesting--;
    }
    return this.known;
  }
}

/**
 * BTF does not say how a record is aligned. Its members do, unless they or its size stand where that alignment would
 * not have put them: then it is packed.
 */
function alignment(fields: readonly Field[], size: number): { readonly align: number; readonly packed: boolean } {
  let align = 1;
  let packed = false;
  for (const f of fields) {
    const a = alignOfQual(f.type);
    if (f.bit) {
      const unit = sizeOf(f.type.type) ?? 1;
      if (f.bit.offset + f.bit.width > unit * 8) packed = true;
    } else if (f.offset % a !== 0) packed = true;
    if (f.name !== '' || !f.bit) align = Math.max(align, a);
  }
  if (size % align !== 0) packed = true;
  return packed ? { align: 1, packed } : { align, packed };
}

function intType(t: BtfInt): IntType {
  // By name first, because it tells long from long long; a name that lies about its size loses.
  const named = typeOfWords(t.name.split(' '));
  if (named?.kind === 'int' && named.size === t.size) return named;
  if (t.encoding === 'bool' && t.size === 1) return BOOL;
  if (t.encoding === 'char') return CHAR;
  return (t.encoding === 'signed' ? signedOfSize(t.size) : unsignedOfSize(t.size)) ?? UINT;
}

function enumeration(id: number, t: BtfEnum, relocatable: boolean): Enum {
  const type = new Enum(t.name, 0);
  type.btfId = id;
  type.relocatable = relocatable;
  const unsigned = unsignedOfSize(t.size) ?? UINT;
  type.underlying = t.signed ? (signedOfSize(t.size) ?? UINT) : unsigned;
  type.values = t.values.map((v): Enumerator => ({ name: v.name, value: v.value, loc: 0 }));
  return type;
}

export type { CType };
