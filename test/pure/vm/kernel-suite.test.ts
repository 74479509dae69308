/** The kernel's own tests of its interpreter, in both engines. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { CorpusMissing } from '../../corpora/corpora.ts';
import type { SuiteTest } from './kernel-suite.ts';
import { kernelSuite } from './kernel-suite.ts';

const EMPTY: ObjectSpec = {
  name: 'suite',
  license: 'GPL',
  programs: [],
  functions: new Map(),
  maps: new Map(),
  variables: new Map(),
  btf: undefined,
  sources: new Map(),
};

function check({ name, insns, data, memory, empty, runs }: SuiteTest, engine: 'wasm' | 'interpreter'): void {
  const machine = createMachine(EMPTY, { engine, memoryLimit: 1 << 24 });
  machine.load('test', insns, 'socket_filter');
  for (const { size, result } of runs) {
    const input = memory ? { ctx: new Uint8Array(size) } : empty ? {} : { packet: data.subarray(0, size) };
    const { r0 } = machine.run('test', input);
    assert.equal(Number(BigInt.asUintN(32, r0)), result, `${name} in ${engine}, ${size} bytes`);
  }
}

/** The rest are up to 200,000 instructions each; SKEP_LONG runs them all. */
const LIMIT = process.env['SKEP_LONG'] === undefined ? 8192 : Number.MAX_SAFE_INTEGER;

test('lib/test_bpf.c', (t) => {
  try {
    let count = 0;
    for (const entry of kernelSuite(LIMIT)) {
      check(entry, 'wasm');
      check(entry, 'interpreter');
      count++;
    }
    assert.ok(count >= 750, `only ${count} tests were found`);
    t.diagnostic(`${count} tests`);
  } catch (error) {
    if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
    t.skip(error.message);
  }
});
