import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { IrMemory, interpret } from '../../../src/compiler/ir/interpret.ts';
import type { IrFunction, IrModule } from '../../../src/compiler/ir/ir.ts';
import { alignStackAccesses } from '../../../src/compiler/ir/passes/align-stack.ts';
import { cleanupCfg } from '../../../src/compiler/ir/passes/cleanup-cfg.ts';
import { combine } from '../../../src/compiler/ir/passes/combine.ts';
import { removeDeadCode } from '../../../src/compiler/ir/passes/dce.ts';
import { removeDeadStores } from '../../../src/compiler/ir/passes/dse.ts';
import { expandMemory } from '../../../src/compiler/ir/passes/expand-memory.ts';
import { gvn } from '../../../src/compiler/ir/passes/gvn.ts';
import { initializeStack } from '../../../src/compiler/ir/passes/init-stack.ts';
import { inlineModule } from '../../../src/compiler/ir/passes/inline.ts';
import { mem2reg } from '../../../src/compiler/ir/passes/mem2reg.ts';
import { mergeConditions } from '../../../src/compiler/ir/passes/merge-conditions.ts';
import { mergeStores } from '../../../src/compiler/ir/passes/merge-stores.ts';
import { sinkLoads } from '../../../src/compiler/ir/passes/sink.ts';
import { sroa } from '../../../src/compiler/ir/passes/sroa.ts';
import { threadJumps } from '../../../src/compiler/ir/passes/thread-jumps.ts';
import { unrollLoops } from '../../../src/compiler/ir/passes/unroll.ts';
import { unsignedDivisions } from '../../../src/compiler/ir/passes/unsigned-division.ts';
import { printModule } from '../../../src/compiler/ir/print.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';
import { Random, randomModule } from './random-ir.ts';

type Pass = (fn: IrFunction, module: IrModule) => boolean;

const PASSES: Readonly<Record<string, Pass>> = {
  'cleanup-cfg': cleanupCfg,
  mem2reg,
  sroa,
  combine,
  dce: removeDeadCode,
  dse: removeDeadStores,
  'expand-memory': expandMemory,
  gvn,
  'align-stack': alignStackAccesses,
  'init-stack': initializeStack,
  'merge-stores': mergeStores,
  'merge-conditions': mergeConditions,
  sink: sinkLoads,
  'thread-jumps': threadJumps,
  'unsigned-division': unsignedDivisions,
  unroll: (fn) => unrollLoops(fn, new Diagnostics()),
  inline: (fn, module) => {
    // Works on the whole module; once is enough for all functions.
    if (fn.name === 'main') inlineModule(module, { diagnostics: new Diagnostics(), prepare: () => undefined, roots: ['main'] });
    return true;
  },
};

function run(module: IrModule, seed: number, undef: bigint): { value: bigint | undefined; buffer: string } | string {
  const r = new Random(seed + 99);
  const memory = new IrMemory();
  const bytes = Uint8Array.from({ length: 64 }, () => r.next(256));
  const p = memory.add('buffer', bytes);
  const args = [
    r.pick([0n, 1n, 5n, 255n, 0xffff_ffff_ffff_ffffn, 0x1234_5678_9abc_def0n]),
    r.pick([0n, 1n, 9n, 0x8000_0000n, 0xffff_ffffn]),
    p,
  ];
  try {
    const { value } = interpret(module, 'main', args, { memory, budget: 200_000, undef });
    return { value, buffer: Array.from(bytes, (x) => x.toString(16)).join(' ') };
  } catch (e) {
    if (e instanceof Error && e.message === 'budget') return 'budget';
    throw e;
  }
}

function compare(name: string, passes: readonly [string, Pass][], seeds: number, first = 1): void {
  for (let seed = first; seed < first + seeds; seed++) {
    const module = randomModule(seed);
    for (const f of module.functions.values()) assert.deepEqual(verifyFunction(f), [], `generator, seed ${seed}`);
    const inputs = [seed, seed + 1, seed + 2];
    const before = inputs.map((i) => run(module, i, 0n));
    let text = '';
    const done: string[] = [];
    for (const [passName, pass] of passes) {
      text = printModule(module);
      for (const f of [...module.functions.values()]) pass(f, module);
      done.push(passName);
      const where = `${name}: seed ${seed}, after ${done.join(', ')}; before the last one:\n${text}\nafter:\n`;
      for (const f of module.functions.values()) {
        const complaints = verifyFunction(f);
        if (complaints.length > 0) assert.fail(`${complaints.join('\n')}\n${where}${printModule(module)}`);
      }
      const after = inputs.map((i) => run(module, i, 0x1111_2222_3333_4444n));
      for (let k = 0; k < inputs.length; k++) {
        if (before[k] === 'budget' || after[k] === 'budget') continue;
        if (JSON.stringify(before[k], big) !== JSON.stringify(after[k], big))
          assert.fail(`${JSON.stringify(before[k], big)} became ${JSON.stringify(after[k], big)}\n${where}${printModule(module)}`);
      }
    }
  }
}
const big = (_k: string, v: unknown): unknown => (typeof v === 'bigint' ? `${v}n` : v);

for (const [name, pass] of Object.entries(PASSES)) {
  test(`${name} keeps what random programs compute`, () =>
    compare(
      name,
      [
        [name, pass],
        [name, pass],
      ],
      60,
    ));
}

test('passes in random order keep what random programs compute', () => {
  for (let round = 0; round < 25; round++) {
    const r = new Random(round + 5);
    const names = Object.keys(PASSES);
    const order = Array.from({ length: 9 }, () => r.pick(names));
    compare(
      order.join(' '),
      order.map((n) => [n, PASSES[n] as Pass]),
      6,
      round * 40 + 1000,
    );
  }
});
