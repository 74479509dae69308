/** Both engines over the same random programs: same result, same count, same memory, same fault at the same place. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { disassemble } from '../../../src/isa/disassemble.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import type { MapSpec } from '../../../src/object/spec.ts';
import { prepare } from '../../../src/vm/code.ts';
import { VmFault } from '../../../src/vm/fault.ts';
import { runInsns } from '../../../src/vm/machine.ts';
import { graphOf } from '../../../src/vm/wasm/cfg.ts';
import { randomSource } from '../isa/random-insns.ts';
import { TAME_RESULT, tameProgram, wildProgram } from './random-program.ts';

interface Outcome {
  readonly r0?: bigint;
  readonly insnCount?: number;
  readonly ctx?: Uint8Array | undefined;
  readonly fault?: string;
}

const maps: readonly MapSpec[] = [
  { name: 'out', type: 'array', keySize: 4, valueSize: TAME_RESULT, maxEntries: 1, flags: 0, keyType: 0, valueType: 0 },
];

function outcome(insns: readonly Insn[], engine: 'wasm' | 'interpreter'): Outcome {
  try {
    const { r0, insnCount, ctx } = runInsns(
      insns,
      { ctx: Uint8Array.from({ length: 32 }, (_, i) => i * 37) },
      { engine, budget: 5000, maps, memoryLimit: 1 << 20 },
    );
    return { r0, insnCount, ctx };
  } catch (error) {
    if (error instanceof VmFault) return { fault: error.message };
    throw error;
  }
}

test('random programs that do anything', () => {
  const kinds = new Map<string, number>();
  let irreducible = 0;
  for (let seed = 1; seed <= 2000; seed++) {
    const insns = wildProgram(randomSource(seed));
    const expected = outcome(insns, 'interpreter');
    assert.deepEqual(outcome(insns, 'wasm'), expected, `seed ${seed}\n${disassemble(insns)}`);
    const kind = expected.fault === undefined ? 'finished' : (/: (\w+)/.exec(expected.fault)?.[1] ?? '');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const code = prepare({ name: 'p', id: 0, insns, constant: () => 0n });
    if (code.functions.some((fn) => !graphOf(code, fn).reducible)) irreducible++;
  }
  // The generator must keep reaching all of this, or the comparison says little.
  for (const kind of ['finished', 'read', 'write', 'more']) assert.ok((kinds.get(kind) ?? 0) > 60, `${kind}: ${kinds.get(kind)}`);
  assert.ok(irreducible > 100, `${irreducible} irreducible graphs`);
});

test('random programs that the verifier would take', () => {
  for (let seed = 1; seed <= 800; seed++) {
    const insns = tameProgram(randomSource(seed), 0);
    const expected = outcome(insns, 'interpreter');
    assert.equal(expected.fault, undefined, `seed ${seed}\n${disassemble(insns)}`);
    assert.deepEqual(outcome(insns, 'wasm'), expected, `seed ${seed}\n${disassemble(insns)}`);
  }
});
