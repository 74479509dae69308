/** Random functions do the same as emitted code as they do as IR, for every instruction set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printFunction } from '../../../src/compiler/ir/print.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import { ALU, CLASS } from '../../../src/isa/insn.ts';
import { checkInsn } from '../../../src/isa/opcodes.ts';
import { randomSource } from '../isa/random-insns.ts';
import { assertSame, emit, randomInputs } from './compare.ts';
import type { RandomOptions } from './random-ir.ts';
import { randomModule } from './random-ir.ts';

const COUNT = Number(process.env['SKEP_RANDOM'] ?? 60);

function runSeeds(name: string, first: number, options: RandomOptions, cpus: readonly (1 | 2 | 3 | 4)[]): void {
  test(name, () => {
    for (let seed = first; seed < first + COUNT; seed++) {
      const random = randomSource(seed);
      const { module, fn } = randomModule(random, options);
      assert.deepEqual(verifyFunction(fn), []);
      const cpu = cpus[seed % cpus.length] as 1 | 2 | 3 | 4;
      const spec = emit(module, 'f', cpu);
      for (const i of spec.insns) {
        assert.equal(checkInsn(i), undefined);
        // Byte swaps share the class of 32-bit arithmetic and are older than it.
        if (cpu < 3)
          assert.ok((i.op & 7) !== CLASS.JMP32 && ((i.op & 7) !== CLASS.ALU || (i.op & 0xf0) === ALU.END), `opcode ${i.op} in v${cpu}`);
      }
      for (let k = 0; k < 4; k++) {
        assertSame(
          module,
          fn,
          spec,
          randomInputs(random),
          () => `seed ${seed} cpu v${cpu}\n${printFunction(fn)}\n${disassemble(spec.insns)}`,
        );
      }
    }
  });
}

runSeeds('straight and branching', 1, { size: 6 }, [1, 2, 3, 4]);
runSeeds('larger, many variables', 100_000, { size: 14, variables: 8 }, [3, 4]);
runSeeds('high pressure', 200_000, { size: 20, variables: 16 }, [3]);
runSeeds('atomics and packets', 300_000, { size: 8, atomics: true, packet: true }, [3, 4]);
runSeeds('no calls', 400_000, { size: 16, variables: 10, calls: false }, [1, 2, 3, 4]);
