/**
 * A type as plain data, ready to be decoded, printed or turned into a TypeScript declaration.
 *
 *     BTF id ──describeType──▶ TypeSchema ──codecOf──▶ Codec
 *
 * A schema stands alone: no ids, no typedefs, anonymous members flattened into their parent, everything checked.
 * Pointers are not followed, so it is finite; equal parts are shared, so it is small even for hostile types.
 */

import { formatType } from './declarator.ts';
import { BtfError } from './error.ts';
import type { BtfMember, BtfSource, BtfStruct } from './types.ts';
import { isText, resolve, resolveId, sizeOf } from './walk.ts';

export interface SchemaOptions {
  /**
   * What an 8-byte integer is: 'bigint' (default, always exact), 'number' (rounded beyond 2^53), or 'safe': a number
   * where that is exact and a bigint where not.
   */
  readonly int64?: Int64;
  /** What `char[N]` is: a string up to the first NUL (default), or all its bytes. */
  readonly text?: 'string' | 'bytes';
  /** What an array of `unsigned char` is: an array of numbers (default), or a Uint8Array. */
  readonly bytes?: 'array' | 'bytes';
}

export type Int64 = 'bigint' | 'number' | 'safe';

export interface IntSchema {
  readonly kind: 'int';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  /** 'number' for up to 4 bytes, 'bigint' for 16, as the options say for 8. */
  readonly js: Int64;
}
export interface BoolSchema {
  readonly kind: 'bool';
  readonly size: number;
}
export interface FloatSchema {
  readonly kind: 'float';
  readonly size: number;
}
export interface EnumSchema {
  readonly kind: 'enum';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly js: Int64;
  readonly values: ReadonlyMap<string, bigint>;
}
export interface PointerSchema {
  readonly kind: 'pointer';
  readonly size: number;
  readonly to: string;
}
export interface TextSchema {
  readonly kind: 'text';
  readonly size: number;
}
/** Bytes without a form of their own: `unsigned char[N]` on request, floats that JavaScript lacks. */
export interface BytesSchema {
  readonly kind: 'bytes';
  readonly size: number;
}
export interface ArraySchema {
  readonly kind: 'array';
  readonly size: number;
  readonly length: number;
  readonly element: TypeSchema;
}
export interface RecordSchema {
  readonly kind: 'record';
  readonly tag: 'struct' | 'union';
  readonly name: string;
  readonly size: number;
  readonly members: readonly MemberSchema[];
}
export interface MemberSchema {
  readonly name: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly type: TypeSchema;
  /** For a bit-field: bits above `offset`, and width. */
  readonly bits?: { readonly shift: number; readonly width: number };
}
/** Nothing to decode: `void`, a struct without members. */
export interface VoidSchema {
  readonly kind: 'void';
  readonly size: 0;
}

export type TypeSchema =
  | IntSchema
  | BoolSchema
  | FloatSchema
  | EnumSchema
  | PointerSchema
  | TextSchema
  | BytesSchema
  | ArraySchema
  | RecordSchema
  | VoidSchema;

const MAX_DEPTH = 64;
/** Scalars in one value: above this, a value would not fit into memory as objects. */
const MAX_LEAVES = 2 ** 26;
/** Members of one record after flattening. */
const MAX_MEMBERS = 2 ** 16;

/** Nodes of the schema, were it a tree: what a codec is made of. Structs in structs can double them at each level. */
const MAX_NODES = 2 ** 17;

interface Entry {
  readonly schema: TypeSchema;
  readonly leaves: number;
  readonly nodes: number;
}

export function describeType(source: BtfSource, id: number, options: SchemaOptions = {}): TypeSchema {
  return new Describer(source, options).describe(id, 0).schema;
}

class Describer {
  readonly #source: BtfSource;
  readonly #options: SchemaOptions;
  /** `undefined` marks a type in progress. */
  readonly #known = new Map<number, Entry | undefined>();

  constructor(source: BtfSource, options: SchemaOptions) {
    this.#source = source;
    this.#options = options;
  }

  describe(id: number, depth: number): Entry {
    const at = resolveId(this.#source, id);
    const known = this.#known.get(at);
    if (known !== undefined) return known;
    if (this.#known.has(at)) throw new BtfError('cycle', 'the type contains itself', at);
    if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, at);
    this.#known.set(at, undefined);
    const entry = this.#make(at, depth);
    if (entry.leaves > MAX_LEAVES || entry.nodes > MAX_NODES)
      throw new BtfError('limit', 'the type has too many elements to be decoded', at);
    this.#known.set(at, entry);
    return entry;
  }

  #make(at: number, depth: number): Entry {
    const source = this.#source;
    const type = resolve(source, at);
    const leaf = (schema: TypeSchema): Entry => ({ schema, leaves: 1, nodes: 1 });
    switch (type.kind) {
      case 'void':
        return leaf({ kind: 'void', size: 0 });
      case 'int':
        if (type.encoding === 'bool') return leaf({ kind: 'bool', size: intSize(type.size, at) });
        return leaf({
          kind: 'int',
          name: type.name,
          size: intSize(type.size, at),
          // Plain `char` counts as it does for BPF programs and on x86: signed.
          signed: type.encoding === 'signed' || type.encoding === 'char',
          js: this.#js(type.size),
        });
      case 'enum':
      case 'enum64':
        return leaf({
          kind: 'enum',
          name: type.name,
          size: intSize(type.size, at),
          signed: type.signed,
          js: this.#js(type.size),
          values: new Map(type.values.map((v) => [v.name, v.value])),
        });
      case 'float':
        if (type.size === 4 || type.size === 8) return leaf({ kind: 'float', size: type.size });
        return leaf({ kind: 'bytes', size: checkBytes(type.size, at) });
      case 'ptr':
        return leaf({ kind: 'pointer', size: 8, to: formatType(source, type.type) });
      case 'array': {
        const size = sizeOf(source, at);
        if (isText(source, type)) return leaf({ kind: this.#options.text === 'bytes' ? 'bytes' : 'text', size });
        const element = this.describe(type.element, depth + 1);
        if (this.#options.bytes === 'bytes' && element.schema.kind === 'int' && element.schema.size === 1) {
          return leaf({ kind: 'bytes', size });
        }
        const schema: TypeSchema = { kind: 'array', size, length: type.length, element: element.schema };
        return { schema, leaves: element.leaves * type.length, nodes: element.nodes + 1 };
      }
      case 'struct':
      case 'union': {
        const members: MemberSchema[] = [];
        const count = { leaves: 1, nodes: 1 };
        this.#flatten(type, 0, members, count, type.size * 8, at, depth);
        return { schema: { kind: 'record', tag: type.kind, name: type.name, size: type.size, members }, ...count };
      }
      case 'var':
        return this.describe(type.type, depth + 1);
      case 'fwd':
      case 'func':
      case 'funcProto':
      case 'datasec':
      case 'declTag':
      case 'unknown':
        throw new BtfError('badType', `a type of kind ${type.kind} has no values`, at);
      default:
        return type satisfies never;
    }
  }

  #js(size: number): Int64 {
    return size < 8 ? 'number' : size === 8 ? (this.#options.int64 ?? 'bigint') : 'bigint';
  }

  /** Adds the members of a record at a bit offset in its parent. */
  #flatten(record: BtfStruct, base: number, into: MemberSchema[], count: Count, limit: number, id: number, depth: number): void {
    for (const member of record.members) {
      const bitOffset = base + member.bitOffset;
      const inner = resolve(this.#source, member.type);
      if (member.name === '' && (inner.kind === 'struct' || inner.kind === 'union')) {
        if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, id);
        if (bitOffset % 8 !== 0) throw new BtfError('badType', 'an anonymous member lies between bytes', id);
        this.#flatten(inner, bitOffset, into, count, limit, id, depth + 1);
        continue;
      }
      const entry = this.describe(member.type, depth + 1);
      count.leaves += entry.leaves;
      count.nodes += entry.nodes;
      const width = bitFieldWidth(member, inner);
      const schema = memberSchema(member.name, bitOffset, width, entry.schema);
      if (bitOffset + (width > 0 ? width : entry.schema.size * 8) > limit) {
        throw new BtfError('badType', `member '${member.name}' reaches beyond its ${record.kind}`, id);
      }
      if (schema === undefined) throw new BtfError('badType', `member '${member.name}' lies between bytes`, id);
      if (member.name !== '') into.push(schema);
      if (into.length > MAX_MEMBERS) throw new BtfError('limit', 'the record has too many members', id);
    }
  }
}

interface Count {
  leaves: number;
  nodes: number;
}

/** Width of a bit-field, 0 for other members. Old compilers put it into the integer type. */
function bitFieldWidth(member: BtfMember, type: { readonly kind: string; readonly bits?: number; readonly size?: number }): number {
  if (member.bitSize > 0) return member.bitSize;
  if (type.kind === 'int' && type.bits !== undefined && type.size !== undefined && type.bits < type.size * 8) return type.bits;
  return 0;
}

function memberSchema(name: string, bitOffset: number, width: number, type: TypeSchema): MemberSchema | undefined {
  const shift = bitOffset % 8;
  const offset = (bitOffset - shift) / 8;
  if (width === 0) return shift === 0 ? { name, offset, type } : undefined;
  // A bit-field of anything but an integer, or wider than its type, is no C.
  if (type.kind !== 'int' && type.kind !== 'enum' && type.kind !== 'bool') return undefined;
  if (width > type.size * 8 || width > 64) return undefined;
  return { name, offset, type, bits: { shift, width } };
}

function intSize(size: number, id: number): number {
  if (size === 1 || size === 2 || size === 4 || size === 8 || size === 16) return size;
  throw new BtfError('badType', `an integer of ${size} bytes`, id);
}

function checkBytes(size: number, id: number): number {
  if (size > 64) throw new BtfError('badType', `a floating point number of ${size} bytes`, id);
  return size;
}
