/**
 * CO-RE: "compile once, run everywhere". Makes the accesses of a ready object fit the kernel it is loaded into.
 *
 *   function ─▶ for each relocation: what it means in the object's types   (core-access.ts)
 *                                    candidates of the same name in the kernel's types, which agree (core-compat.ts)
 *                                    offset, size, shift, id or enumerator there
 *            ─▶ instructions patched                                       (core-patch.ts)
 *
 * Given a function of an `ObjectSpec`, the object's types and the kernel's, promises the function with every relocation
 * applied. What the kernel lacks is no error here: a question ("does the field exist?") answers no, and any other
 * access is poisoned: the instruction becomes a call that no kernel has, which the verifier refuses only if the program
 * can reach it. `poisoned` keeps what it was, for the message.
 *
 * Source: Documentation/bpf/llvm_reloc.rst; all 13 kinds of enum bpf_core_relo_kind.
 */
import { BtfError } from '../btf/error.ts';
import type { BtfSource } from '../btf/types.ts';
import { type BtfResolved, resolve, sizeOf } from '../btf/walk.ts';
import type { CoreKind, CoreRelocation, FunctionSpec } from '../object/spec.ts';
import { type Access, classOf, describeAccess, localAccess, targetAccess } from './core-access.ts';
import { essentialName, nameOf, sameKind, typesAgree, typesMatch } from './core-compat.ts';
import { type Patch, patchFunction } from './core-patch.ts';
import { CoreError } from './error.ts';

/** Types to look in: the kernel's, and those of its modules if the kernel's have no candidate. */
export interface CoreTarget {
  readonly kernel: BtfSource;
  modules?(): Iterable<BtfSource>;
}

export interface CoreResult {
  readonly function: FunctionSpec;
  /** By index into the function's instructions: what could not be found. */
  readonly poisoned: ReadonlyMap<number, string>;
}

interface Candidate {
  readonly btf: BtfSource;
  readonly id: number;
}

/** What a relocation comes to in one set of types. */
interface Outcome {
  readonly value: bigint;
  readonly poison: boolean;
  /** False where compilers are free to choose another value (which unit a bit-field is read from). */
  readonly certain: boolean;
  /** Bytes of the field, for loads and stores at its offset, whose width may have to change. */
  readonly width: number | undefined;
  /** Whether such a load may change its width and keep the value: unsigned integers and pointers. */
  readonly stretches: boolean;
}

const POISON: Outcome = { value: 0n, poison: true, certain: true, width: undefined, stretches: false };

export class CoreLinker {
  readonly #local: BtfSource;
  readonly #target: CoreTarget;
  readonly #candidates = new Map<number, readonly Candidate[]>();

  constructor(local: BtfSource, target: CoreTarget) {
    this.#local = local;
    this.#target = target;
  }

  apply(fn: FunctionSpec): CoreResult {
    const poisoned = new Map<number, string>();
    if (fn.core.length === 0) return { function: fn, poisoned };
    const patches: Patch[] = [];
    for (const relocation of fn.core) {
      try {
        patches.push(this.#resolve(relocation));
      } catch (error) {
        if (error instanceof BtfError || error instanceof CoreError)
          throw new CoreError(`${fn.name}: instruction ${relocation.insn}: ${error.message}`, undefined, error);
        throw error;
      }
    }
    return patchFunction(fn, patches);
  }

  #resolve(relocation: CoreRelocation): Patch {
    const { kind, type: root, insn } = relocation;
    const local = localAccess(this.#local, kind, root, relocation.access);
    const what = describeAccess(this.#local, kind, local);
    if (kind === 'typeIdLocal') return { insn, what, kind, before: undefined, after: BigInt(root), poison: false, width: 'same' };
    const before = outcome(kind, local, this.#local);
    const results: Outcome[] = [];
    for (const candidate of this.#candidatesFor(root)) {
      const found = this.#match(kind, local, candidate);
      if (found === undefined) continue;
      const result = outcome(kind, found, candidate.btf);
      const first = results[0];
      if (first !== undefined && (first.value !== result.value || first.poison !== result.poison)) {
        throw new CoreError(`${what}: several types of that name in the kernel disagree (${first.value} and ${result.value})`);
      }
      results.push(result);
    }
    const after = results[0] ?? absent(kind);
    const width =
      before.width === after.width || after.width === undefined ? 'same' : before.stretches && after.stretches ? after.width : 'unfit';
    return {
      insn,
      what,
      kind,
      before: kind === 'typeIdTarget' || !before.certain ? undefined : before.value,
      after: after.value,
      poison: after.poison,
      width,
    };
  }

  #match(kind: CoreKind, local: Access, candidate: Candidate): Access | undefined {
    switch (kind) {
      case 'typeMatches':
        return typesMatch(this.#local, local.root, candidate.btf, candidate.id)
          ? targetAccess(this.#local, local, 'type', candidate.btf, candidate.id)
          : undefined;
      case 'typeExists':
      case 'typeIdTarget':
      case 'typeSize':
        return typesAgree(this.#local, local.root, candidate.btf, candidate.id)
          ? targetAccess(this.#local, local, 'type', candidate.btf, candidate.id)
          : undefined;
      default:
        return targetAccess(this.#local, local, classOf(kind), candidate.btf, candidate.id);
    }
  }

  #candidatesFor(root: number): readonly Candidate[] {
    const known = this.#candidates.get(root);
    if (known !== undefined) return known;
    const type = this.#local.type(root);
    const name = essentialName(nameOf(type));
    if (name === '') throw new CoreError(`type ${root} has no name to be found by in the kernel`);
    const inSource = (btf: BtfSource): Candidate[] =>
      btf
        .findAll(name)
        .filter((id) => sameKind(btf.type(id).kind, type.kind))
        .map((id) => ({ btf, id }));
    let found = inSource(this.#target.kernel);
    if (found.length === 0) for (const module of this.#target.modules?.() ?? []) found = found.concat(inSource(module));
    this.#candidates.set(root, found);
    return found;
  }
}

/** What a relocation comes to when the kernel has nothing of the kind. */
function absent(kind: CoreKind): Outcome {
  switch (kind) {
    case 'fieldExists':
    case 'typeExists':
    case 'enumvalExists':
    case 'typeMatches':
      return plain(0n);
    default:
      return POISON;
  }
}

const plain = (value: bigint, certain = true): Outcome => ({ value, poison: false, certain, width: undefined, stretches: false });

function outcome(kind: CoreKind, access: Access, btf: BtfSource): Outcome {
  switch (kind) {
    case 'fieldExists':
    case 'typeExists':
    case 'enumvalExists':
    case 'typeMatches':
      return plain(1n);
    case 'typeIdLocal':
    case 'typeIdTarget':
      return plain(BigInt(access.root));
    case 'typeSize':
      return plain(BigInt(sizeOf(btf, access.root)));
    case 'enumvalValue':
      return plain(access.value ?? 0n);
    case 'fieldByteOffset':
    case 'fieldByteSize':
    case 'fieldSigned':
    case 'fieldLshift':
    case 'fieldRshift':
      return field(kind, access, btf);
    default:
      return kind satisfies never;
  }
}

type FieldKind = 'fieldByteOffset' | 'fieldByteSize' | 'fieldSigned' | 'fieldLshift' | 'fieldRshift';

function field(kind: FieldKind, access: Access, btf: BtfSource): Outcome {
  const type = resolve(btf, access.type);
  const bitWidth = access.member?.bitSize ?? 0;
  const isBits = bitWidth > 0;
  let size = sizeOf(btf, access.type);
  let offset = Math.floor(access.bitOffset / 8);
  if (isBits) {
    // The smallest aligned unit, from the declared type upwards, that holds all bits.
    offset = Math.floor(access.bitOffset / 8 / size) * size;
    while (access.bitOffset + bitWidth - offset * 8 > size * 8) {
      if (size >= 8) throw new CoreError('a bit-field lies across more than eight bytes');
      size *= 2;
      offset = Math.floor(access.bitOffset / 8 / size) * size;
    }
  }
  const bits = isBits ? bitWidth : size * 8;
  switch (kind) {
    case 'fieldByteOffset':
      return isBits
        ? plain(BigInt(offset), false)
        : { value: BigInt(offset), poison: false, certain: true, width: size, stretches: stretches(type) };
    case 'fieldByteSize':
      return plain(BigInt(size), !isBits);
    case 'fieldSigned':
      return plain(isSigned(type) ? 1n : 0n);
    case 'fieldLshift':
      return plain(BigInt(64 - (access.bitOffset + bits - offset * 8)), !isBits);
    case 'fieldRshift':
      return plain(BigInt(64 - bits));
    default:
      return kind satisfies never;
  }
}

const stretches = (type: BtfResolved): boolean => type.kind === 'ptr' || (type.kind === 'int' && type.encoding !== 'signed');

function isSigned(type: BtfResolved): boolean {
  return type.kind === 'int' ? type.encoding === 'signed' : (type.kind === 'enum' || type.kind === 'enum64') && type.signed;
}
