/** Programs that this kernel refuses, and what is said about them. */
import assert from 'node:assert/strict';
import {
  alu64,
  alu64Imm,
  branch64Imm,
  callHelper,
  callLocal,
  exit,
  jump,
  ldAbs,
  ldMapFd,
  load,
  mov64,
  mov64Imm,
  store,
  storeImm,
} from '../../../src/isa/build.ts';
import { ALU, FP, type Insn, JMP, SIZE } from '../../../src/isa/insn.ts';
import { loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import type { VerifierClass } from '../../../src/link/verifier-table.ts';
import type { MapSpec, ProgramSpec } from '../../../src/object/spec.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, mapSpec, type TinyFunction, tinyObject } from '../kernel/support.ts';

const LOOKUP = [storeImm(SIZE.W, FP, -4, 0), mov64(2, FP), alu64Imm(ALU.ADD, 2, -4), ldMapFd(1, 0), callHelper(1)];
const HASH = mapSpec({ name: 't_hash', type: 'hash', valueSize: 8 });

interface Case {
  readonly class: VerifierClass;
  readonly insns: readonly Insn[];
  readonly program?: Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>;
  /** Index of the ld_imm64 that takes the map. */
  readonly mapAt?: number;
  readonly map?: MapSpec;
  readonly functions?: Readonly<Record<string, TinyFunction>>;
  readonly calls?: readonly { readonly insn: number; readonly function: string }[];
  readonly license?: string;
  /** Index of the instruction that is to blame. */
  readonly at?: number;
  readonly message?: RegExp;
}

// biome-ignore format: a table
const CASES: Readonly<Record<string, Case>> = {
  'a look-up used without a check': { class: 'null-pointer', insns: [...LOOKUP, load(SIZE.W, 0, 0, 0), exit()], mapAt: 3, at: 5 },
  'a possibly null pointer with an offset': { class: 'null-pointer', insns: [...LOOKUP, alu64Imm(ALU.ADD, 0, 8), mov64Imm(0, 0), exit()], mapAt: 3, at: 5 },
  'a possibly null pointer passed on': {
    class: 'null-pointer', mapAt: 3, at: 11,
    insns: [...LOOKUP, mov64(6, 0), mov64(2, FP), alu64Imm(ALU.ADD, 2, -4), ldMapFd(1, 0), mov64(3, 6), mov64Imm(4, 0), callHelper(2), mov64Imm(0, 0), exit()],
  },
  'beyond a map value': { class: 'map-bounds', insns: [...LOOKUP, branch64Imm(JMP.JNE, 0, 0, 1), exit(), load(SIZE.DW, 0, 0, 8), exit()], mapAt: 3, at: 7, message: /at byte 8, 8 bytes long, lies outside its 8 bytes/ },
  'an index that is not checked': {
    class: 'map-bounds', mapAt: 5, at: 9,
    insns: [load(SIZE.W, 6, 1, 0), ...LOOKUP.slice(0, 3), mov64Imm(0, 0), ldMapFd(1, 0), callHelper(1), branch64Imm(JMP.JEQ, 0, 0, 2), alu64(ALU.ADD, 0, 6), load(SIZE.B, 0, 0, 0), exit()],
  },
  'beyond the packet': {
    class: 'packet-bounds', program: { type: 'sched_cls' }, at: 1,
    insns: [load(SIZE.W, 2, 1, 76), load(SIZE.B, 0, 2, 0), exit()],
  },
  'beyond the stack': { class: 'stack-bounds', insns: [storeImm(SIZE.DW, FP, -520, 0), mov64Imm(0, 0), exit()], at: 0 },
  'a register that was not set': { class: 'uninitialised', insns: [mov64(0, 3), exit()], at: 0 },
  'no return value': { class: 'uninitialised', insns: [exit()], at: 0 },
  'a loop without end': { class: 'unbounded-loop', insns: [mov64Imm(0, 0), branch64Imm(JMP.JEQ, 0, 0, -1), exit()], at: 1 },
  'a loop whose end depends on an input': { class: 'unbounded-loop', insns: [mov64Imm(0, 0), load(SIZE.W, 2, 1, 0), branch64Imm(JMP.JEQ, 2, 7, 1), jump(-2), exit()] },
  'more paths than the verifier keeps in mind': {
    class: 'too-complex',
    insns: [load(SIZE.W, 2, 1, 0), mov64Imm(0, 0), ...Array.from({ length: 9000 }, (_, i) => branch64Imm(JMP.JEQ, 2, i, 0)), exit()],
  },
  'a socket that is not released': {
    class: 'leaked-reference', program: { type: 'sched_cls' }, at: 9,
    insns: [
      mov64Imm(2, 0), store(SIZE.DW, FP, -16, 2), store(SIZE.DW, FP, -8, 2), mov64(2, FP), alu64Imm(ALU.ADD, 2, -16), mov64Imm(3, 12), mov64Imm(4, 0), mov64Imm(5, 0),
      callHelper(84), exit(),
    ],
  },
  'a helper that this type does not have': { class: 'helper-unavailable', insns: [mov64Imm(2, 0), callHelper(58), mov64Imm(0, 0), exit()], at: 1, message: /call bpf_override_return\(\)/ },
  'a helper that does not exist': { class: 'helper-unavailable', insns: [callHelper(9999), exit()], at: 0 },
  'a helper for the GPL only': { class: 'gpl-only', program: { type: 'tracepoint' }, license: 'Proprietary', insns: [mov64(1, FP), alu64Imm(ALU.ADD, 1, -8), mov64Imm(2, 8), mov64Imm(3, 0), callHelper(113), mov64Imm(0, 0), exit()], at: 4 },
  'a misaligned access': { class: 'misaligned', insns: [storeImm(SIZE.DW, FP, -12, 0), mov64Imm(0, 0), exit()], at: 0 },
  'a number as a pointer': { class: 'invalid-pointer', insns: [mov64Imm(2, 4096), load(SIZE.W, 0, 2, 0), exit()], at: 1 },
  'beyond the context': { class: 'context-access', insns: [load(SIZE.W, 0, 1, 4000), exit()], at: 0, message: /4 bytes at offset 4000/ },
  'a moved context': { class: 'context-access', insns: [alu64Imm(ALU.ADD, 1, 8), load(SIZE.W, 0, 1, 0), exit()], at: 1 },
  'a wrong result': { class: 'return-value', program: { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' }, insns: [mov64Imm(0, 9), exit()], at: 1 },
  'too much stack in two functions': {
    class: 'stack-limit', functions: { other: { insns: [storeImm(SIZE.DW, FP, -400, 0), mov64Imm(0, 0), exit()] } }, calls: [{ insn: 1, function: 'other' }],
    insns: [storeImm(SIZE.DW, FP, -400, 0), callLocal(0), mov64Imm(0, 0), exit()],
  },
  'the address of something as a result': { class: 'pointer-arithmetic', insns: [mov64(0, 1), alu64Imm(ALU.MUL, 0, 2), mov64Imm(0, 0), exit()], at: 1 },
  'an argument of the wrong kind': { class: 'argument-type', insns: [mov64(1, FP), mov64(2, FP), callHelper(1), mov64Imm(0, 0), exit()], at: 2 },
  'a length that may be negative': {
    class: 'variable-size', program: { type: 'tracepoint' }, at: 4,
    insns: [load(SIZE.DW, 2, 1, 8), mov64(1, FP), alu64Imm(ALU.ADD, 1, -16), mov64Imm(3, 0), callHelper(113), mov64Imm(0, 0), exit()],
  },
  'code that is never reached': { class: 'unreachable-code', insns: [mov64Imm(0, 0), exit(), mov64Imm(0, 1), exit()], at: 2 },
  'no end': { class: 'unreachable-code', insns: [mov64Imm(0, 0)] },
  'old packet loads where they are not': { class: 'bad-instruction', program: { type: 'tracepoint' }, insns: [mov64(6, 1), ldAbs(SIZE.B, 0), exit()], at: 1 },
};

for (const [name, row] of Object.entries(CASES)) {
  kernelTest(`refused: ${name}`, {}, () =>
    leavesNothing(() => {
      const maps = row.mapAt === undefined ? [] : [row.map ?? HASH];
      const mapRefs = row.insns.flatMap((insn, at) =>
        insn.imm64 !== undefined ? [{ insn: at, to: { kind: 'map' as const, map: 't_hash' } }] : [],
      );
      const callRefs = (row.calls ?? []).map(({ insn, function: fn }) => ({ insn, to: { kind: 'call' as const, function: fn } }));
      const object = tinyObject({
        program: row.program ?? { type: 'socket_filter' },
        main: {
          insns: row.insns,
          refs: [...mapRefs, ...callRefs],
          lines: row.insns.map((_, at) => ({ insn: at, file: 'a.c', line: at + 1, column: 3 })),
        },
        ...(row.functions === undefined ? {} : { functions: row.functions }),
        maps,
        sources: { 'a.c': row.insns.map((_, at) => `\tline ${at};`).join('\n') },
        ...(row.license === undefined ? {} : { license: row.license }),
      });
      let error: unknown;
      try {
        loadObject(object, kernel, { facts }).close();
      } catch (caught) {
        error = caught;
      }
      assert.ok(error instanceof VerifierError, `accepted, or refused otherwise: ${String(error)}`);
      assert.equal(error.class, row.class, error.log.slice(-400));
      if (row.at !== undefined) {
        assert.equal(error.source?.line, row.at + 1, error.log.slice(-600));
        assert.equal(error.source?.text, `\tline ${row.at};`);
        assert.match(error.message, new RegExp(`^a\\.c:${row.at + 1}:3: the verifier refuses program 'main': `));
      }
      if (row.message !== undefined) assert.match(error.message, row.message);
      assert.ok(error.hint, 'there is a hint');
      assert.ok(error.log.includes(error.kernelMessage.split('; ')[0] ?? ''), "the kernel's words are in the log");
      assert.match(error.report(), /hint: /);
    }),
  );
}
