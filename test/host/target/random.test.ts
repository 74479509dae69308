/**
 * Random functions, compiled, through this kernel's verifier and run there: the result and the memory must be what the
 * IR interpreter says. What the verifier refuses must be for a reason that lies in the function, not in the code.
 */
import assert from 'node:assert/strict';
import { IrMemory, interpret } from '../../../src/compiler/ir/interpret.ts';
import { printFunction } from '../../../src/compiler/ir/print.ts';
import { layoutGlobals } from '../../../src/compiler/target/globals.ts';
import { ldMapFd, ldMapValue } from '../../../src/isa/build.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import type { FunctionSpec } from '../../../src/object/spec.ts';
import { randomSource } from '../../pure/isa/random-insns.ts';
import { emit } from '../../pure/target/compare.ts';
import type { RandomOptions } from '../../pure/target/random-ir.ts';
import { BUFFER, randomModule } from '../../pure/target/random-ir.ts';
import { kernelTest, tries } from '../../run/needs.ts';
import { close, createArray, loadProgram, readElement, testRun, writeElement } from '../vm/kernel-run.ts';

const ELEMENTS = 4;

function linked(spec: FunctionSpec, values: number, sections: ReadonlyMap<string, number>): Insn[] {
  const insns = spec.insns.slice();
  for (const { insn, to } of spec.refs) {
    const dst = (insns[insn] as Insn).dst;
    if (to.kind === 'map') insns[insn] = ldMapFd(dst, values);
    else if (to.kind === 'mapValue') insns[insn] = ldMapValue(dst, sections.get(to.map) as number, to.offset);
    else assert.fail(to.kind);
  }
  return insns;
}

const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);

/** Reasons that come from what the random function does. */
const EXCUSED =
  /too large|too complex|back-edge|infinite loop|complexity|pointer arithmetic|is not allowed|Argument list too long|misaligned/;

function runSeeds(name: string, first: number, all: number, cpu: 3 | 4, options: RandomOptions): void {
  const count = tries(all);
  kernelTest(name, cpu === 4 ? { minKernel: '6.6' } : {}, () => {
    const values = createArray(BUFFER, ELEMENTS);
    const open = [values];
    let refused = 0;
    const reasons: string[] = [];
    try {
      for (let seed = first; seed < first + count; seed++) {
        const random = randomSource(seed);
        const { module, fn } = randomModule(random, { ...options, kernel: true });
        const spec = emit(module, 'f', cpu);
        const layout = layoutGlobals(module);
        const sections = new Map<string, number>();
        for (const [section, size] of layout.sizes) sections.set(section, createArray(Math.ceil(size / 8) * 8));
        const insns = linked(spec, values, sections);
        const explain = (): string => `seed ${seed}\n${printFunction(fn)}\n${disassemble(insns)}`;
        let program: number;
        try {
          program = loadProgram(insns);
        } catch (error) {
          for (const fd of sections.values()) close(fd);
          refused++;
          reasons.push(
            String(error)
              .split('\n')
              .filter((l) => l && !/^processed|^\d+:|^from/.test(l))
              .slice(-1)[0] ?? '',
          );
          if (!EXCUSED.test(String(error))) assert.fail(`${String(error)}\n${explain()}`);
          continue;
        }
        const buffers = Array.from({ length: ELEMENTS }, () => Uint8Array.from({ length: BUFFER }, () => random(256)));
        buffers.forEach((b, k) => writeElement(values, key(k), b));
        const packet = Uint8Array.from({ length: 64 }, () => random(256));
        const memory = new IrMemory();
        const addresses = buffers.map((b, k) => memory.add(`values[${k}]`, b));
        const expected = interpret(module, 'f', [memory.add('ctx', new Uint8Array(200))], {
          // A test run takes the Ethernet header off.
          memory,
          packet: packet.subarray(14),
          undef: 0n,
          call: (_, [, at], m) => addresses[Number(m.read(at as bigint, 4))] ?? 0n,
        });
        const { retval } = testRun(program, packet);
        close(program);
        assert.equal(retval, Number(BigInt.asUintN(32, expected.value ?? 0n)), explain());
        buffers.forEach((b, k) =>
          assert.equal(Buffer.from(readElement(values, key(k), BUFFER) ?? []).toString('hex'), Buffer.from(b).toString('hex'), explain()),
        );
        for (const [section, fd] of sections) {
          const bytes = readElement(fd, key(0), Math.ceil((layout.sizes.get(section) ?? 0) / 8) * 8);
          for (const [global, place] of layout.places) {
            if (place.map !== section) continue;
            const size = module.globals.get(global)?.size ?? 0;
            assert.equal(
              Buffer.from(bytes?.subarray(place.offset, place.offset + size) ?? []).toString('hex'),
              Buffer.from(expected.globals.get(global) ?? new Uint8Array(size)).toString('hex'),
              explain(),
            );
          }
          close(fd);
        }
      }
    } finally {
      for (const fd of open) close(fd);
    }
    if (process.env['SKEP_VERBOSE']) console.log(`${refused} of ${count} refused: ${[...new Set(reasons)].join('; ')}`);
    assert.ok(refused < count / 4, `${refused} of ${count} refused:\n${reasons.join('\n')}`);
  });
}

runSeeds('random functions on this kernel, v3', 1, 150, 3, { size: 5, variables: 3, atomics: true });
runSeeds('random functions on this kernel, v4', 10_001, 100, 4, { size: 5, variables: 3, atomics: true, packet: true });
runSeeds('random functions with many values on this kernel', 20_001, 80, 3, { size: 8, variables: 9 });
