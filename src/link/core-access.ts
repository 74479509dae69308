/**
 * One CO-RE access, looked up in a set of types.
 *
 *   type 17 'task_struct', access '0:12:3'  ─▶  steps [array 0] [member 'se'] [member 'vruntime']
 *                                           ─▶  the same names in the kernel's task_struct ─▶ bit offset 1024
 *
 * The object's side is walked by index (`localAccess`), the kernel's by name (`targetAccess`): members may have moved,
 * into anonymous records too.
 */
import type { BtfMember, BtfSource } from '../btf/types.ts';
import { resolve, resolveId, sizeOf } from '../btf/walk.ts';
import type { CoreKind } from '../object/spec.ts';
import { essentialName, fieldsAgree, isEnum, isRecord } from './core-compat.ts';
import { CoreError } from './error.ts';

export interface Step {
  /** Name of a member or enumerator; undefined for an array index. */
  readonly name: string | undefined;
  readonly index: number;
  /** What this step leads to. */
  readonly type: number;
}

export interface Access {
  readonly root: number;
  readonly steps: readonly Step[];
  readonly bitOffset: number;
  /** The last member, where the access ends at one (not at an array element). */
  readonly member: BtfMember | undefined;
  /** Type at the end. */
  readonly type: number;
  /** For enumerators. */
  readonly value: bigint | undefined;
}

export type AccessClass = 'type' | 'field' | 'enum';

export function classOf(kind: CoreKind): AccessClass {
  switch (kind) {
    case 'fieldByteOffset':
    case 'fieldByteSize':
    case 'fieldExists':
    case 'fieldSigned':
    case 'fieldLshift':
    case 'fieldRshift':
      return 'field';
    case 'typeIdLocal':
    case 'typeIdTarget':
    case 'typeExists':
    case 'typeSize':
    case 'typeMatches':
      return 'type';
    case 'enumvalExists':
    case 'enumvalValue':
      return 'enum';
    default:
      return kind satisfies never;
  }
}

const MAX_STEPS = 64;

export function parseAccess(text: string): number[] {
  const parts = text.split(':');
  if (parts.length > MAX_STEPS) throw new CoreError(`CO-RE access '${text.slice(0, 40)}…' has more than ${MAX_STEPS} steps`);
  return parts.map((part) => {
    const n = Number(part);
    if (part === '' || !Number.isSafeInteger(n) || n < 0 || n > 0x7fffffff) throw new CoreError(`'${text}' is no CO-RE access string`);
    return n;
  });
}

/** What the relocation means in the object's own types. Throws `CoreError` where it means nothing. */
export function localAccess(btf: BtfSource, kind: CoreKind, root: number, text: string): Access {
  const indexes = parseAccess(text);
  const [first = 0, ...rest] = indexes;
  const accessClass = classOf(kind);
  if (accessClass === 'type') {
    if (first !== 0 || rest.length > 0) throw new CoreError(`CO-RE relocation of a type has access '${text}', expected '0'`);
    return { root, steps: [], bitOffset: 0, member: undefined, type: root, value: undefined };
  }
  if (accessClass === 'enum') {
    const type = resolve(btf, root);
    const enumerator = isEnum(type) ? type.values[first] : undefined;
    if (enumerator === undefined || rest.length > 0)
      throw new CoreError(`CO-RE relocation names enumerator ${text} of type ${root}, which has none such`);
    return {
      root,
      steps: [{ name: enumerator.name, index: first, type: root }],
      bitOffset: 0,
      member: undefined,
      type: root,
      value: enumerator.value,
    };
  }
  const steps: Step[] = [{ name: undefined, index: first, type: root }];
  let at = root;
  let bitOffset = first * sizeOf(btf, root) * 8;
  let member: BtfMember | undefined;
  for (const [i, index] of rest.entries()) {
    const type = resolve(btf, at);
    if (isRecord(type)) {
      const found = type.members[index];
      if (found === undefined) throw new CoreError(`CO-RE access '${text}': ${type.kind} '${type.name}' has no member ${index}`);
      bitOffset += found.bitOffset;
      at = found.type;
      member = found;
      // Anonymous records are not part of the path: the kernel may have others, or none.
      if (found.name !== '') steps.push({ name: found.name, index, type: at });
    } else if (type.kind === 'array') {
      // An array without length at the end of a record may be indexed beyond.
      if (index >= type.length && !(type.length === 0 && member !== undefined))
        throw new CoreError(`CO-RE access '${text}': index ${index} is beyond the array (step ${i + 1})`);
      at = type.element;
      bitOffset += index * sizeOf(btf, at) * 8;
      member = undefined;
      steps.push({ name: undefined, index, type: at });
    } else {
      throw new CoreError(`CO-RE access '${text}': step ${i + 1} goes into a type of kind ${type.kind}`);
    }
  }
  return { root, steps, bitOffset, member, type: at, value: undefined };
}

/** The same access in the kernel's types, from a candidate for the root; undefined where it does not exist there. */
export function targetAccess(
  local: BtfSource,
  access: Access,
  accessClass: AccessClass,
  target: BtfSource,
  root: number,
): Access | undefined {
  if (accessClass === 'type') return { root, steps: [], bitOffset: 0, member: undefined, type: root, value: undefined };
  if (accessClass === 'enum') {
    const wanted = essentialName(access.steps[0]?.name ?? '');
    const type = resolve(target, root);
    if (!isEnum(type)) return undefined;
    const index = type.values.findIndex((v) => essentialName(v.name) === wanted);
    const found = type.values[index];
    if (found === undefined) return undefined;
    return { root, steps: [{ name: found.name, index, type: root }], bitOffset: 0, member: undefined, type: root, value: found.value };
  }
  const [first, ...rest] = access.steps;
  const steps: Step[] = [{ name: undefined, index: first?.index ?? 0, type: root }];
  let at = root;
  let member: BtfMember | undefined;
  let bitOffset = first === undefined || first.index === 0 ? 0 : first.index * sizeOf(target, root) * 8;
  for (const step of rest) {
    if (step.name !== undefined) {
      const found = memberNamed(target, at, step.name, 0);
      if (found === undefined || !fieldsAgree(local, step.type, target, found.member.type)) return undefined;
      bitOffset += found.bitOffset;
      member = found.member;
      at = found.member.type;
    } else {
      const type = resolve(target, at);
      if (type.kind !== 'array') return undefined;
      if (step.index >= type.length && !(type.length === 0 && member !== undefined)) return undefined;
      at = type.element;
      bitOffset += step.index * sizeOf(target, at) * 8;
      member = undefined;
    }
    steps.push({ name: step.name, index: step.index, type: at });
  }
  return { root, steps, bitOffset, member, type: at, value: undefined };
}

function memberNamed(
  btf: BtfSource,
  id: number,
  name: string,
  depth: number,
): { readonly member: BtfMember; readonly bitOffset: number } | undefined {
  const type = btf.type(resolveId(btf, id));
  if (!isRecord(type) || depth > 32) return undefined;
  for (const member of type.members) {
    if (member.name === name) return { member, bitOffset: member.bitOffset };
    if (member.name !== '') continue;
    const inner = memberNamed(btf, member.type, name, depth + 1);
    if (inner !== undefined) return { member: inner.member, bitOffset: member.bitOffset + inner.bitOffset };
  }
  return undefined;
}

/** 'task_struct.se.vruntime', for messages. */
export function describeAccess(btf: BtfSource, kind: CoreKind, access: Access): string {
  const type = btf.type(access.root);
  const name = 'name' in type && type.name !== '' ? type.name : `type ${access.root}`;
  const prefix = type.kind === 'struct' || type.kind === 'union' || type.kind === 'enum' ? `${type.kind} ` : '';
  if (classOf(kind) === 'enum') return `enumerator ${access.steps[0]?.name ?? '?'} of ${prefix}${name}`;
  const path = access.steps
    .slice(1)
    .map((s) => (s.name === undefined ? `[${s.index}]` : `.${s.name}`))
    .join('');
  return `${prefix}${name}${path}`;
}
