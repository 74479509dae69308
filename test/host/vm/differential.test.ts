/** The machine against the kernel: random programs that the verifier accepts leave the same registers and frame. */
import assert from 'node:assert/strict';
import { release } from 'node:os';
import test from 'node:test';
import { disassemble } from '../../../src/isa/disassemble.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import type { MapSpec, ObjectSpec } from '../../../src/object/spec.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { randomSource } from '../../pure/isa/random-insns.ts';
import { asKnownTo, TAME_RESULT, tameProgram } from '../../pure/vm/random-program.ts';
import { tries } from '../../run/needs.ts';
import { close, createArray, loadProgram, readElement, testRun, unavailable } from './kernel-run.ts';

const OUT: MapSpec = { name: 'out', type: 'array', keySize: 4, valueSize: TAME_RESULT, maxEntries: 1, flags: 0, keyType: 0, valueType: 0 };
const SPEC: ObjectSpec = {
  name: 'random',
  license: 'GPL',
  programs: [],
  functions: new Map(),
  maps: new Map([['out', OUT]]),
  variables: new Map(),
  btf: undefined,
  sources: new Map(),
};
const ZERO = new Uint8Array(4);
const COUNT = tries(600);

const [major = 0, minor = 0] = release().split('.').map(Number);
const program = (seed: number, map: number): Insn[] => tameProgram(randomSource(seed), map).map((i) => asKnownTo([major, minor], i));

/** The value of the map after the machine ran the program. */
function inMachine(insns: readonly Insn[], engine: 'wasm' | 'interpreter'): Uint8Array {
  const machine = createMachine(SPEC, { engine, memoryLimit: 1 << 20 });
  machine.load('p', insns, 'socket_filter');
  machine.run('p', { packet: new Uint8Array(64) });
  return machine.map('out').get(ZERO) as Uint8Array;
}

test('random programs compute what the kernel computes', { skip: unavailable() }, () => {
  const fd = createArray(TAME_RESULT);
  let refused = 0;
  try {
    for (let seed = 1; seed <= COUNT; seed++) {
      const forKernel = program(seed, fd);
      let loaded: number;
      try {
        loaded = loadProgram(forKernel);
      } catch (error) {
        // Known refusals of the verifier: paths that it proves dead, reads it cannot follow. Few, or the generator is off.
        refused++;
        assert.ok(refused < COUNT / 10, `too many refused: ${String(error)}\n${disassemble(forKernel)}`);
        continue;
      }
      try {
        testRun(loaded, new Uint8Array(64));
      } finally {
        close(loaded);
      }
      const expected = readElement(fd, ZERO, TAME_RESULT);
      const insns = program(seed, 0);
      for (const engine of ['wasm', 'interpreter'] as const) {
        assert.deepEqual(inMachine(insns, engine), expected, `seed ${seed}, ${engine}\n${disassemble(insns)}`);
      }
    }
  } finally {
    close(fd);
  }
});
