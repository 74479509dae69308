/** Runs a function as IR and as emitted code, on the same inputs, and says where they differ. */
import assert from 'node:assert/strict';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { IrMemory, interpret } from '../../../src/compiler/ir/interpret.ts';
import type { IrFunction, IrModule } from '../../../src/compiler/ir/ir.ts';
import { emitFunction } from '../../../src/compiler/target/emit-function.ts';
import { layoutGlobals } from '../../../src/compiler/target/globals.ts';
import type { FunctionSpec } from '../../../src/object/spec.ts';
import { evaluate } from './evaluate.ts';
import { BUFFER } from './random-ir.ts';

export function emit(module: IrModule, name: string, cpu: 1 | 2 | 3 | 4 = 3): FunctionSpec {
  const diagnostics = new Diagnostics();
  const fn = module.functions.get(name);
  assert.ok(fn);
  const spec = emitFunction(fn, module, {
    cpu,
    diagnostics,
    resolve: (loc) => (loc === 0 ? undefined : { file: 'test.c', line: loc, column: 1 }),
  });
  assert.deepEqual(diagnostics.list, []);
  return spec;
}

export interface Inputs {
  readonly args: readonly bigint[];
  readonly buffer: Uint8Array;
  readonly packet: Uint8Array;
}

export function randomInputs(random: (bound: number) => number): Inputs {
  const word = (): bigint => (random(3) === 0 ? BigInt(random(64)) : (BigInt(random(0x100000000)) << 32n) | BigInt(random(0x100000000)));
  return {
    args: [word(), BigInt(random(0x100000000)), word()],
    buffer: Uint8Array.from({ length: BUFFER }, () => random(256)),
    packet: Uint8Array.from({ length: 20 + random(40) }, () => random(256)),
  };
}

/** What a helper answers depends on what it is given and on how often it was asked. */
function helperOf(memory: IrMemory): { call(id: number, args: readonly bigint[]): bigint; log: string[] } {
  const log: string[] = [];
  return {
    log,
    call(id, args) {
      let h = 0xcbf29ce484222325n;
      const mix = (v: bigint): void => {
        h = BigInt.asUintN(64, (h ^ v) * 0x100000001b3n);
      };
      if (id >= 200) {
        for (const byte of memory.bytes(args[0] as bigint, Number(args[1]))) mix(BigInt(byte));
        args.slice(2).forEach(mix);
      } else args.forEach(mix);
      mix(BigInt(id));
      mix(BigInt(log.length));
      log.push(`${id}:${h.toString(16)}`);
      return (log.length & 3) === 0 ? h & 0xffn : h;
    },
  };
}

export function assertSame(module: IrModule, fn: IrFunction, spec: FunctionSpec, inputs: Inputs, what: () => string): void {
  const count = (id: number): number => id % 100;
  const args = (base: bigint): bigint[] => [base, ...inputs.args];

  const m1 = new IrMemory();
  const buffer1 = inputs.buffer.slice();
  const h1 = helperOf(m1);
  const expected = interpret(module, fn.name, args(m1.add('buffer', buffer1)), {
    memory: m1,
    packet: inputs.packet,
    undef: 0n,
    budget: 5_000_000,
    call: (callee, a) => h1.call(callee.kind === 'helper' ? callee.id : 0, a),
  });

  const m2 = new IrMemory();
  const buffer2 = inputs.buffer.slice();
  const h2 = helperOf(m2);
  const layout = layoutGlobals(module);
  const sections = new Map<string, { address: bigint; bytes: Uint8Array }>();
  const base = m2.add('buffer', buffer2);
  for (const [name, size] of layout.sizes) {
    const bytes = new Uint8Array(size);
    sections.set(name, { address: m2.add(name, bytes), bytes });
  }
  let actual: ReturnType<typeof evaluate>;
  try {
    actual = evaluate(spec, args(base), {
      memory: m2,
      packet: inputs.packet,
      functions: new Map([[fn.name, spec]]),
      address: (kind, name) => (kind === 'section' ? (sections.get(name)?.address ?? 0n) : 0n),
      helper: (id, a) => {
        const list = a.slice(0, count(id));
        assert.ok(
          list.every((x) => x !== undefined),
          `an argument of helper ${id} is not set`,
        );
        return h2.call(id, list as bigint[]);
      },
    });
  } catch (e) {
    throw new Error(`${(e as Error).message}\n${what()}`, { cause: e });
  }
  const mask = (v: bigint | undefined): bigint | undefined => (v === undefined ? undefined : fn.returns === 'i32' ? v & 0xffff_ffffn : v);
  const explain = (s: string): string => `${s}\n${what()}`;
  assert.deepEqual(h2.log, h1.log, explain('calls differ'));
  if (fn.returns !== undefined) assert.equal(mask(actual.value), mask(expected.value), explain('results differ'));
  assert.deepEqual(Buffer.from(buffer2).toString('hex'), Buffer.from(buffer1).toString('hex'), explain('buffers differ'));
  for (const [name, place] of layout.places) {
    const section = sections.get(place.map);
    const size = module.globals.get(name)?.size ?? 0;
    const bytes = expected.globals.get(name) ?? new Uint8Array(size);
    assert.equal(
      Buffer.from(section?.bytes.subarray(place.offset, place.offset + size) ?? []).toString('hex'),
      Buffer.from(bytes).toString('hex'),
      explain(`global ${name} differs`),
    );
  }
}
