/**
 * Questions about types that take more than one step: what is behind a typedef, how big, where is a member.
 *
 * Ids come from files, so a type may refer to itself in ways C cannot say. Every walk here is bounded: by steps, by
 * depth, or by visiting each type once. What goes beyond is a `BtfError`.
 */
import { BtfError } from './error.ts';
import type { BtfArray, BtfMember, BtfSource, BtfStruct, BtfType } from './types.ts';

/** Typedefs and qualifiers in a row; real code has a handful. */
const MAX_CHAIN = 256;
/** Arrays of arrays, structs in structs. */
const MAX_DEPTH = 64;
export const POINTER_SIZE = 8;

export type BtfResolved = Exclude<BtfType, { readonly kind: 'typedef' | 'const' | 'volatile' | 'restrict' | 'typeTag' }>;

/** The id behind typedefs, qualifiers and type tags. */
export function resolveId(source: BtfSource, id: number): number {
  let at = id;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const type = source.type(at);
    switch (type.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typeTag':
        at = type.type;
        break;
      default:
        return at;
    }
  }
  throw new BtfError('cycle', `more than ${MAX_CHAIN} typedefs and qualifiers in a row`, id);
}

/** The type behind typedefs, qualifiers and type tags. */
export function resolve(source: BtfSource, id: number): BtfResolved {
  return source.type(resolveId(source, id)) as BtfResolved;
}

/** Bytes that a value of the type takes. Throws for types without size (void, functions, forward declarations). */
export function sizeOf(source: BtfSource, id: number): number {
  let factor = 1;
  let at = id;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const type = resolve(source, at);
    switch (type.kind) {
      case 'int':
      case 'float':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'datasec':
        return checkSize(factor * type.size, id);
      case 'ptr':
        return checkSize(factor * POINTER_SIZE, id);
      case 'array':
        factor *= type.length;
        at = type.element;
        break;
      case 'var':
        at = type.type;
        break;
      case 'void':
      case 'fwd':
      case 'func':
      case 'funcProto':
      case 'declTag':
      case 'unknown':
        throw new BtfError('badType', `a type of kind ${type.kind} has no size`, at);
      default:
        return type satisfies never;
    }
  }
  throw new BtfError('limit', `arrays nested more than ${MAX_DEPTH} deep`, id);
}

function checkSize(size: number, id: number): number {
  if (!Number.isSafeInteger(size)) throw new BtfError('limit', 'the type is too large', id);
  return size;
}

/**
 * Alignment in bytes. BTF does not record it; a record counts as packed where its members or size could not lie
 * where they do otherwise.
 */
export function alignOf(source: BtfSource, id: number): number {
  return alignment(source, id, new Map(), 0);
}

/** `known` has 0 for records in progress. */
function alignment(source: BtfSource, id: number, known: Map<number, number>, depth: number): number {
  if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, id);
  const at = resolveId(source, id);
  const type = source.type(at);
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'enum':
    case 'enum64':
      return scalarAlignment(type.size);
    case 'ptr':
      return POINTER_SIZE;
    case 'array':
      return alignment(source, type.element, known, depth + 1);
    case 'var':
      return alignment(source, type.type, known, depth + 1);
    case 'struct':
    case 'union': {
      const before = known.get(at);
      if (before === 0) throw new BtfError('cycle', `${type.kind} '${type.name}' contains itself`, at);
      if (before !== undefined) return before;
      known.set(at, 0);
      let align = 1;
      let packed = false;
      for (const member of type.members) {
        const memberAlign = alignment(source, member.type, known, depth + 1);
        if (member.bitSize === 0 && member.bitOffset % (memberAlign * 8) !== 0) packed = true;
        align = Math.max(align, memberAlign);
      }
      const result = packed || type.size % align !== 0 ? 1 : align;
      known.set(at, result);
      return result;
    }
    default:
      throw new BtfError('badType', `a type of kind ${type.kind} has no alignment`, at);
  }
}

export function scalarAlignment(size: number): number {
  return size >= 16 ? 16 : size > 4 ? 8 : size > 2 ? 4 : Math.max(size, 1);
}

export interface FoundMember {
  readonly member: BtfMember;
  /** The member's type; the element's where the path ends with an index. */
  readonly type: number;
  /** From the start of the outermost record. */
  readonly bitOffset: number;
  /** Width of a bit-field, else 0. */
  readonly bitSize: number;
  /** Member and array indexes on the way, as CO-RE access strings count them (without the leading 0). */
  readonly indexes: readonly number[];
}

/**
 * The member at a path such as 'se.vruntime' or 'comm[3]', through anonymous records. Undefined when there is none;
 * throws where the type is no record or the path is no path.
 */
export function findMember(source: BtfSource, id: number, path: string): FoundMember | undefined {
  let type = id;
  let bitOffset = 0;
  let found: FoundMember | undefined;
  const indexes: number[] = [];
  for (const step of parsePath(path)) {
    if (typeof step === 'number') {
      const array: BtfType = resolve(source, type);
      if (array.kind !== 'array' || found === undefined) {
        throw new BtfError('badType', `'${path}': [${step}] is applied to something that is no array`, type);
      }
      type = array.element;
      bitOffset += step * sizeOf(source, type) * 8;
      indexes.push(step);
      found = { member: found.member, type, bitOffset, bitSize: 0, indexes };
      continue;
    }
    const record: BtfType = resolve(source, type);
    if (record.kind !== 'struct' && record.kind !== 'union') {
      throw new BtfError('badType', `'${path}': '${step}' is looked for in something that is no struct or union`, type);
    }
    const hit = memberOf(source, record, step, new Set(), 0);
    if (hit === undefined) return undefined;
    type = hit.member.type;
    bitOffset += hit.bitOffset;
    indexes.push(...hit.indexes);
    found = { member: hit.member, type, bitOffset, bitSize: hit.member.bitSize, indexes };
  }
  return found;
}

interface Hit {
  readonly member: BtfMember;
  readonly bitOffset: number;
  readonly indexes: readonly number[];
}

function memberOf(source: BtfSource, record: BtfStruct, name: string, seen: Set<BtfType>, depth: number): Hit | undefined {
  // Anonymous records form a tree in C; in a damaged file each is still looked at once only.
  if (seen.has(record) || depth > MAX_DEPTH) return undefined;
  seen.add(record);
  for (let i = 0; i < record.members.length; i++) {
    const member = record.members[i];
    if (member.name === name) return { member, bitOffset: member.bitOffset, indexes: [i] };
    if (member.name !== '') continue;
    const inner = resolve(source, member.type);
    if (inner.kind !== 'struct' && inner.kind !== 'union') continue;
    const hit = memberOf(source, inner, name, seen, depth + 1);
    if (hit !== undefined) {
      return { member: hit.member, bitOffset: member.bitOffset + hit.bitOffset, indexes: [i, ...hit.indexes] };
    }
  }
  return undefined;
}

function parsePath(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const part of path.split('.')) {
    const [name, ...indexes] = part.split('[');
    if (name === '') throw new BtfError('notFound', `'${path}' is not a member path`);
    steps.push(name);
    for (const index of indexes) {
      const value = Number.parseInt(index, 10);
      if (index !== `${value}]` || value < 0) throw new BtfError('notFound', `'${path}' is not a member path`);
      steps.push(value);
    }
  }
  return steps;
}

/** True for `char`: what text is made of. `unsigned char` is a number. */
export function isChar(source: BtfSource, id: number): boolean {
  const type = resolve(source, id);
  return type.kind === 'int' && type.size === 1 && (type.encoding === 'char' || type.name === 'char');
}

/** True for `char[N]`. */
export function isText(source: BtfSource, array: BtfArray): boolean {
  return isChar(source, array.element);
}

export { formatType } from './declarator.ts';
