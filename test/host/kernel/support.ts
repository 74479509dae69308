/** What the host tests share: the kernel, tiny programs by hand, and the rule that nothing stays behind. */
import assert from 'node:assert/strict';
import { BtfBuilder } from '../../../src/btf/write.ts';
import { exit, mov64Imm } from '../../../src/isa/build.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { type KernelFacts, readTargetFacts } from '../../../src/kernel/facts.ts';
import { idsSince, madeSince, ownObjects, takeInventory } from '../../../src/kernel/inventory.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import type { Kernel } from '../../../src/kernel/port.ts';
import type { FunctionSpec, LineInfo, MapSpec, ObjectSpec, ProgramSpec, SymbolRef } from '../../../src/object/spec.ts';

export const kernel: Kernel = linuxKernel();
export const facts: KernelFacts = readTargetFacts(kernel);

export function mapSpec(spec: Partial<MapSpec> & Pick<MapSpec, 'name' | 'type'>): MapSpec {
  return { keySize: 4, valueSize: 8, maxEntries: 16, flags: 0, keyType: 0, valueType: 0, ...spec };
}

export interface TinyFunction {
  readonly insns: readonly Insn[];
  readonly refs?: readonly SymbolRef[];
  readonly lines?: readonly LineInfo[];
  readonly linkage?: FunctionSpec['linkage'];
}

export interface TinyObject {
  readonly program: Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>;
  readonly main: TinyFunction;
  readonly functions?: Readonly<Record<string, TinyFunction>>;
  readonly maps?: readonly MapSpec[];
  readonly sources?: Readonly<Record<string, string>>;
  readonly license?: string;
  /** `main` takes no context. */
  readonly contextless?: boolean;
  /** Give functions types, as a compiler does. */
  readonly typed?: boolean;
}

/** An object with one program, 'main'. */
export function tinyObject(tiny: TinyObject): ObjectSpec {
  const btf = new BtfBuilder();
  const int = btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const context = btf.add({ kind: 'ptr', type: 0 });
  const functions = new Map<string, FunctionSpec>();
  for (const [name, fn] of Object.entries({ main: tiny.main, ...tiny.functions })) {
    const isMain = name === 'main';
    const proto = btf.add({
      kind: 'funcProto',
      returns: int,
      params: isMain && tiny.contextless !== true ? [{ name: 'ctx', type: context }] : [],
      variadic: false,
    });
    const linkage = fn.linkage ?? (isMain ? 'global' : 'static');
    const btfFunc = btf.append({ kind: 'func', name, type: proto, linkage: linkage === 'weak' ? 'global' : linkage });
    functions.set(name, {
      name,
      linkage,
      insns: fn.insns,
      refs: fn.refs ?? [],
      lines: fn.lines ?? [],
      core: [],
      ...(tiny.typed === false ? {} : { btfFunc }),
    });
  }
  return {
    name: 'tiny',
    license: tiny.license ?? 'GPL',
    programs: [{ name: 'main', entry: 'main', section: 'test', autoAttach: false, autoLoad: true, ...tiny.program }],
    functions,
    maps: new Map((tiny.maps ?? []).map((m) => [m.name, m])),
    variables: new Map(),
    btf: tiny.typed === false ? undefined : btf,
    sources: new Map(Object.entries(tiny.sources ?? {})),
  };
}

/** `return value;` */
export function returns(value: number): TinyFunction {
  return { insns: [mov64Imm(0, value), exit()] };
}

/** Runs an action and fails if a descriptor of it stays open, or an object of it stays in the kernel. */
export async function leavesNothing<T>(action: () => T | Promise<T>): Promise<T> {
  const descriptors = new Set(ownObjects(kernel).map((o) => o.fd));
  const inventory = takeInventory(kernel);
  const mine = new Set<string>();
  const result = await action();
  for (const object of ownObjects(kernel)) {
    if (descriptors.has(object.fd)) continue;
    mine.add(`${object.kind} ${object.id}`);
  }
  assert.deepEqual([...mine], [], 'descriptors that stayed open');
  // Objects are freed a moment after their last descriptor; until then none is opened again (see kernel/inventory.ts).
  for (let tries = 0; tries < 100 && idsSince(kernel, inventory).length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  // Other processes of this machine make objects, too: only those with the names of these tests count.
  const left = madeSince(kernel, inventory).filter((object) => TEST_NAMES.has(object.name));
  assert.deepEqual(left, [], 'objects that stayed in the kernel');
  return result;
}

/** Kernel names of what the tests of these folders make and no one else does. */
const TEST_NAMES: ReadonlySet<string> = new Set(['main', 't_map', 't_hash', 't_array', 't_inner', 't_outer', 't_ring', 't_progs']);
