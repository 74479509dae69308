/**
 * When a type of the object and one of the kernel count as "the same", for CO-RE. Three relations, from loose to strict:
 *
 *   fieldsAgree    two fields may stand for each other: both integers, both pointers, both records, enums of one name
 *   typesAgree     bpf_core_type_exists: same kind, and for pointers, arrays and functions what they are made of
 *   typesMatch     bpf_core_type_matches: members and enumerators too, by name (the object's may be fewer)
 *
 * Names are compared without flavour: what follows three underscores (`task_struct___old`) only tells variants apart.
 */
import type { BtfEnum, BtfFuncProto, BtfKind, BtfMember, BtfSource, BtfStruct, BtfType } from '../btf/types.ts';
import { resolve, resolveId } from '../btf/walk.ts';

const MAX_DEPTH = 32;

/** A name without its flavour: 'task_struct' for 'task_struct___old'. */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) {
    // Exactly three underscores with something before and after.
    if (name[i] !== '_' && name.startsWith('___', i + 1) && name[i + 4] !== '_') return name.slice(0, i + 1);
  }
  return name;
}

/** 'enum' and 'enum64' are one kind of thing. */
export function sameKind(a: BtfKind, b: BtfKind): boolean {
  return a === b || (isEnumKind(a) && isEnumKind(b));
}

const isEnumKind = (kind: BtfKind): boolean => kind === 'enum' || kind === 'enum64';
export const isRecord = (type: BtfType): type is BtfStruct => type.kind === 'struct' || type.kind === 'union';
export const isEnum = (type: BtfType): type is BtfEnum => isEnumKind(type.kind);

/** The name of a type that has one. */
export function nameOf(type: BtfType): string {
  return 'name' in type ? type.name : '';
}

export function fieldsAgree(local: BtfSource, localId: number, target: BtfSource, targetId: number): boolean {
  let l = localId;
  let t = targetId;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const a = resolve(local, l);
    const b = resolve(target, t);
    if (isRecord(a) && isRecord(b)) return true;
    if (!sameKind(a.kind, b.kind)) return false;
    switch (a.kind) {
      case 'ptr':
      case 'float':
      case 'int':
        return true;
      case 'enum':
      case 'enum64':
      case 'fwd': {
        const x = essentialName(nameOf(a));
        const y = essentialName(nameOf(b));
        return x === '' || y === '' || x === y;
      }
      case 'array':
        if (b.kind !== 'array') return false;
        l = a.element;
        t = b.element;
        continue;
      default:
        return false;
    }
  }
  return false;
}

export function typesAgree(local: BtfSource, localId: number, target: BtfSource, targetId: number, depth = 0): boolean {
  let l = localId;
  let t = targetId;
  for (let level = depth; level < MAX_DEPTH; level++) {
    const a = resolve(local, l);
    const b = resolve(target, t);
    if (!sameKind(a.kind, b.kind)) return false;
    switch (a.kind) {
      case 'void':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'fwd':
      case 'float':
      case 'int':
        return true;
      case 'ptr':
        if (b.kind !== 'ptr') return false;
        l = a.type;
        t = b.type;
        continue;
      case 'array':
        if (b.kind !== 'array') return false;
        l = a.element;
        t = b.element;
        continue;
      case 'funcProto': {
        if (b.kind !== 'funcProto' || a.params.length !== b.params.length) return false;
        for (let i = 0; i < a.params.length; i++) {
          if (!typesAgree(local, a.params[i]?.type ?? 0, target, b.params[i]?.type ?? 0, level + 1)) return false;
        }
        l = a.returns;
        t = b.returns;
        continue;
      }
      default:
        return false;
    }
  }
  return false;
}

export function typesMatch(local: BtfSource, localId: number, target: BtfSource, targetId: number): boolean {
  return new Matcher(local, target).types(localId, targetId, false, MAX_DEPTH);
}

class Matcher {
  readonly #local: BtfSource;
  readonly #target: BtfSource;
  /** Pairs that were compared: records refer to each other in circles and shared parts need one look only. */
  readonly #seen = new Map<string, boolean>();

  constructor(local: BtfSource, target: BtfSource) {
    this.#local = local;
    this.#target = target;
  }

  types(localId: number, targetId: number, behindPointer: boolean, levels: number): boolean {
    if (levels <= 0) return false;
    const l = resolveId(this.#local, localId);
    const t = resolveId(this.#target, targetId);
    const key = `${l} ${t} ${behindPointer}`;
    const known = this.#seen.get(key);
    if (known !== undefined) return known;
    // In progress counts as a match: a record that contains a pointer to itself.
    this.#seen.set(key, true);
    const result = this.#compare(this.#local.type(l), this.#target.type(t), behindPointer, levels);
    this.#seen.set(key, result);
    return result;
  }

  #compare(a: BtfType, b: BtfType, behindPointer: boolean, levels: number): boolean {
    if (essentialName(nameOf(a)) !== essentialName(nameOf(b))) return false;
    // Behind a pointer a forward declaration stands for the record, on either side.
    if (behindPointer && (a.kind === 'fwd' || b.kind === 'fwd')) return isForwardOf(a, b) || isForwardOf(b, a);
    if (!sameKind(a.kind, b.kind)) return false;
    switch (a.kind) {
      case 'void':
        return true;
      case 'fwd':
        return b.kind === 'fwd' && a.union === b.union;
      case 'int':
        return b.kind === 'int' && a.size === b.size && (a.encoding === 'signed') === (b.encoding === 'signed');
      case 'float':
        return b.kind === 'float' && a.size === b.size;
      case 'enum':
      case 'enum64':
        return behindPointer || (isEnum(b) && enumsMatch(a, b));
      case 'struct':
      case 'union':
        return behindPointer || (isRecord(b) && this.#members(a, b, levels));
      case 'ptr':
        return b.kind === 'ptr' && this.types(a.type, b.type, true, levels - 1);
      case 'array':
        return b.kind === 'array' && a.length === b.length && this.types(a.element, b.element, behindPointer, levels - 1);
      case 'funcProto':
        return b.kind === 'funcProto' && this.#prototypes(a, b, levels);
      default:
        return false;
    }
  }

  #prototypes(a: BtfFuncProto, b: BtfFuncProto, levels: number): boolean {
    if (a.params.length !== b.params.length) return false;
    return (
      a.params.every((p, i) => this.types(p.type, b.params[i]?.type ?? 0, false, levels - 1)) &&
      this.types(a.returns, b.returns, false, levels - 1)
    );
  }

  /** Every member of the object's record has one of the same name in the kernel's, of a type that matches. */
  #members(a: BtfStruct, b: BtfStruct, levels: number): boolean {
    if (a.members.length > b.members.length) return false;
    const byName = new Map<string, BtfMember>();
    for (const member of b.members) if (member.name !== '') byName.set(essentialName(member.name), member);
    return a.members.every((member) => {
      const other = member.name === '' ? undefined : byName.get(essentialName(member.name));
      if (other !== undefined) return this.types(member.type, other.type, false, levels - 1);
      return member.name === '' && b.members.some((m) => m.name === '' && this.types(member.type, m.type, false, levels - 1));
    });
  }
}

function isForwardOf(forward: BtfType, other: BtfType): boolean {
  if (forward.kind !== 'fwd') return false;
  if (other.kind === 'fwd') return forward.union === other.union;
  return other.kind === (forward.union ? 'union' : 'struct');
}

function enumsMatch(a: BtfEnum, b: BtfEnum): boolean {
  const names = new Set(b.values.map((v) => essentialName(v.name)));
  return a.values.length <= b.values.length && a.values.every((v) => names.has(essentialName(v.name)));
}
