/**
 * The verifier's log in the forms of several kernels. The texts of 5.10 and 6.1 are in the form that those kernels print
 * ('inv' for numbers, no file names); that of 7.3 is the one shown in cilium/ebpf's pull request 2111.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { errorText } from '../../../src/cli/errors.ts';
import { exit, mov64Imm } from '../../../src/isa/build.ts';
import { joinProgram } from '../../../src/link/join.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import { parseVerifierLog } from '../../../src/link/verifier-log.ts';
import { rowOf, VERIFIER_TABLE, type VerifierRow } from '../../../src/link/verifier-table.ts';
import { tinyObject } from '../../host/kernel/support.ts';

function errorOf(log: string, lines: readonly number[] = []): VerifierError {
  const insns = [...Array.from({ length: 40 }, () => mov64Imm(0, 0)), exit()];
  const object = tinyObject({
    program: { type: 'socket_filter' },
    main: { insns, lines: lines.map((line, insn) => ({ insn, file: 'a.c', line, column: 5 })) },
  });
  return new VerifierError({
    program: 'main',
    errno: 13,
    code: 'EACCES',
    log,
    joined: joinProgram(object.functions, 'main'),
    sources: new Map([['a.c', Array.from({ length: 50 }, (_, i) => `    source line ${i + 1};`).join('\n')]]),
    poisoned: new Map(),
  });
}

const LOG_5_10 = `0: (b7) r1 = 0
1: (63) *(u32 *)(r10 -4) = r1
last_idx 1 first_idx 0
regs=2 stack=0 before 0: (b7) r1 = 0
2: (bf) r2 = r10
3: (07) r2 += -4
4: (18) r1 = 0xffff9c8b45c8a000
6: (85) call bpf_map_lookup_elem#1
7: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0 fp-8=0000mmmm
7: (79) r3 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test('5.10: registers, path and reason', () => {
  const log = parseVerifierLog(LOG_5_10);
  assert.equal(log.message, "R0 invalid mem access 'map_value_or_null'");
  assert.equal(log.slot, 7);
  assert.equal(log.instruction, 'r3 = *(u64 *)(r0 +0)');
  assert.deepEqual(log.path, [0, 1, 2, 3, 4, 6, 7]);
  assert.equal(log.registers.get('R0'), 'map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)');
  assert.deepEqual(log.involved, ['R0']);
  assert.equal(log.processed, 7);
  const error = errorOf(LOG_5_10, [1, 1, 2, 2, 3, 3, 4, 5]);
  assert.equal(error.class, 'null-pointer');
  assert.deepEqual(error.source, { file: 'a.c', line: 5, column: 5, text: '    source line 5;' });
  assert.deepEqual(
    error.trail.map((t) => t.line),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(error.registers, [{ name: 'R0', state: 'map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)' }]);
  assert.match(error.report(), /5 \| {5}source line 5;\n {4}\| {5}\^/);
});

test('an error that nobody catches: Node prints the place, the reason, the way and the hint, and no more', () => {
  const error = errorOf(LOG_5_10, [1, 1, 2, 2, 3, 3, 4, 5]);
  const printed = inspect(error);
  assert.match(error.message, /^a\.c:5:5: the verifier refuses program 'main': /);
  for (const wanted of [
    /\n {2}5 \| {5}source line 5;\n {4}\| {5}\^\n/,
    /\n {2}the way there:\n {4}a\.c:1: source line 1;\n/,
    /\n {2}R0 is map_value_or_null/,
    /\n {2}hint: /,
  ])
    assert.match(printed, wanted);
  assert.equal(printed.split('invalid mem access').length, 2, 'the reason once, no log');
  assert.doesNotMatch(printed, /processed 7 insns|trail|registers:/);
  assert.equal(error.log, LOG_5_10);
  assert.equal(errorText(error), `${error.message}\n`, 'the command shows it once');
  assert.equal(error.headline, error.message.split('\n')[0]);
});

test('what comes from the log or the source does nothing to a terminal', () => {
  const { message } = errorOf(LOG_5_10.replace('R0 invalid', '\x1b[31mR0 invalid'), [1, 1, 2, 2, 3, 3, 4, 5]);
  assert.doesNotMatch(message, /\x1b/);
  assert.match(message, /\\x1b\[31m/);
});

test('an excerpt with tabs: spaces, and the mark under the same place; nothing of it becomes an escape on the way out', () => {
  const text = '\t\treturn *p;';
  const error = new VerifierError({
    program: 'main',
    errno: 13,
    code: 'EACCES',
    log: LOG_5_10,
    joined: {
      insns: [],
      refs: [],
      functions: [],
      lines: [{ slot: 0, insn: 0, file: 'a.c', line: 1, column: 10 }],
      slots: new Int32Array(),
    },
    sources: new Map([['a.c', text]]),
    poisoned: new Map(),
  });
  assert.match(error.message, /\n {2}1 \| {17}return \*p;\n {4}\| {24}\^\n/);
  assert.doesNotMatch(error.message, /\t|x09/);
  assert.equal(errorText(error), `${error.message}\n`);
});

test('reasons that the kernel glues to the line before or to the numbers after', () => {
  const counts = 'processed 3 insns (limit 1000000) max_states_per_insn 0';
  const glued: readonly (readonly [log: string, message: string, slot: number])[] = [
    [
      `0: (85) call bpf_x#7 ; R0=scalar()\n1: (56) if w0 != 0x3 goto pc-2 infinite loop detected at insn 0\n${counts}`,
      'infinite loop detected at insn 0',
      0,
    ],
    [`1: (05) goto pc-1 infinite loop detected at insn 1\n${counts}`, 'infinite loop detected at insn 1', 1],
    [
      `3: (85) call bpf_tail_call#12\nsome reason of its ownverification time 42 usec\nstack depth 0\n${counts}`,
      'some reason of its own',
      3,
    ],
    [`3: (85) call bpf_tail_call#12\nsome reason of its own${counts}`, 'some reason of its own', 3],
    [`1: (55) if r0 != 0x0 goto pc+2        ; R0=0\n2: (b7) r0 = 1 ; R0=1\nR0 bad\n${counts}`, 'R0 bad', 2],
  ];
  for (const [log, message, slot] of glued) {
    const parsed = parseVerifierLog(log);
    assert.deepEqual([parsed.message, parsed.slot], [message, slot], log);
  }
  assert.equal(parseVerifierLog(glued[0]?.[0] ?? '').instruction, 'call bpf_x#7', 'the instruction is the one that the reason names');
});

test('a number that never was a pointer has nothing to do with a call before it', () => {
  const log = `0: (61) r6 = *(u32 *)(r1 +0) ; R6_w=pkt(r=0)\n1: (b7) r6 = 8 ; R6_w=8\n2: (85) call bpf_xdp_adjust_head#44 ; R0_w=scalar()\n3: (71) r0 = *(u8 *)(r6 +0)\nR6 invalid mem access 'scalar'\n`;
  assert.equal(parseVerifierLog(log).lost, undefined);
  assert.equal(parseVerifierLog(log.replace('1: (b7) r6 = 8 ; R6_w=8\n', '')).lost?.name, 'bpf_xdp_adjust_head');
});

test('a call that ended a pointer: in a function that the kernel follows, and in one that it does not', () => {
  const before = '0: (61) r6 = *(u32 *)(r1 +0) ; R6=pkt(r=0)\n5: (85) call pc+5\n';
  const after = "7: (71) r0 = *(u8 *)(r6 +0)\nR6 invalid mem access 'scalar'\n";
  const global = `${before}Func#1 ('adj') is global and assumed valid.\n6: R0=scalar()\n${after}`;
  assert.deepEqual(parseVerifierLog(global).lost, { slot: 5, name: 'adj', kind: 'packet', state: 'pkt(r=0)' });
  const followed = `${before}caller:\n R6=pkt(r=14) R10=fp0\ncallee:\n frame1: R1=ctx() R10=fp0\n11: frame1: R1=ctx() R10=fp0\n12: (85) call bpf_xdp_adjust_head#44 ; frame1: R0=scalar()\n14: (95) exit\nreturning from callee:\n frame1: R0=scalar() R10=fp0\nto caller at 6:\n R0=scalar() R6=scalar() R10=fp0\n\nfrom 14 to 6: R0=scalar() R6=scalar() R10=fp0\n${after}`;
  assert.deepEqual(parseVerifierLog(followed).lost, { slot: 12, name: 'bpf_xdp_adjust_head', kind: 'packet', state: 'pkt(r=0)' });
});

test('5.10: a number is called inv', () => {
  const log = `0: (61) r2 = *(u32 *)(r1 +0)\n1: (79) r0 = *(u64 *)(r2 +8)\nR2 invalid mem access 'inv'\nprocessed 2 insns (limit 1000000)\n`;
  assert.equal(errorOf(log).class, 'invalid-pointer');
});

test('states in the lines of instructions (5.18 and later), frames, branches', () => {
  const log = `func#0 @0
func#1 @6
0: R1=ctx(off=0,imm=0) R10=fp0
; int prog(void *ctx) @ a.c:1
0: (b7) r6 = 4                        ; R6_w=4
1: (85) call pc+4
caller:
 R6_w=4 R10=fp0
callee:
 frame1: R1=ctx(off=0,imm=0) R10=fp0
6: frame1: R1=ctx(off=0,imm=0) R10=fp0
6: (61) r2 = *(u32 *)(r1 +0)          ; frame1: R1=ctx(off=0,imm=0) R2_w=scalar(umax=4294967295,var_off=(0x0; 0xffffffff))
7: (55) if r2 != 0x0 goto pc+1

from 7 to 9: frame1: R1=ctx(off=0,imm=0) R2_w=scalar(umin=1,umax=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
9: (0f) r1 += r2
dereference of modified ctx ptr R1 off=4 disallowed
verification time 33 usec
stack depth 0+0
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
  const parsed = parseVerifierLog(log);
  assert.equal(parsed.message, 'dereference of modified ctx ptr R1 off=4 disallowed');
  assert.equal(parsed.slot, 9);
  assert.equal(parsed.registers.get('R2'), 'scalar(umin=1,umax=4294967295,var_off=(0x0; 0xffffffff))');
  assert.equal(parsed.registers.get('R6'), undefined, 'another frame');
  assert.equal(errorOf(log).class, 'context-access');
});

test('a reason of two lines', () => {
  const log = `0: (71) r0 = *(u8 *)(r0 +16)\ninvalid access to map value, value_size=8 off=16 size=1\nR0 min value is outside of the allowed memory range\nprocessed 1 insns\n`;
  const error = errorOf(log);
  assert.equal(error.class, 'map-bounds');
  assert.match(error.summary, /at byte 16, 1 bytes long, lies outside its 8 bytes/);
  assert.match(error.kernelMessage, /; R0 min value/);
});

test('messages before any instruction name their own', () => {
  assert.equal(parseVerifierLog('back-edge from insn 7 to 3\nprocessed 0 insns\n').slot, 7);
  assert.equal(parseVerifierLog('unreachable insn 12\nprocessed 0 insns\n').slot, 12);
  const infinite =
    '3: (05) goto pc-1\ninfinite loop detected at insn 2\ncur state: R0=0 R10=fp0\nold state: R0=0 R10=fp0\nprocessed 9 insns\n';
  assert.equal(parseVerifierLog(infinite).message, 'infinite loop detected at insn 2');
  assert.equal(parseVerifierLog(infinite).slot, 2);
});

const LOG_7_3 = `0: R1=ctx() R10=fp0
0: (95) exit
R0 !read_ok

Verification failed: Register Type Safety: Unreadable register

Reason:
  R0 has never been initialized on this path, so the verifier cannot use it as an input.

At:
  insn 0
        | ^-- error: R0 is not readable
  Instruction context:
  >>> 0 | (95) exit

Causal path:
  no retained diagnostic events on this path

Suggestion:
  Initialize R0 on every path before this instruction.

processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

test('7.3: the report beside the trace', () => {
  const log = parseVerifierLog(LOG_7_3);
  assert.equal(log.message, 'R0 !read_ok');
  assert.equal(log.slot, 0);
  assert.deepEqual(log.report, {
    title: 'Register Type Safety: Unreadable register',
    reason: 'R0 has never been initialized on this path, so the verifier cannot use it as an input.',
    suggestion: 'Initialize R0 on every path before this instruction.',
  });
  assert.equal(errorOf(LOG_7_3).class, 'uninitialised');
});

test('7.3: a class that the table does not have takes the words of the report', () => {
  const log = LOG_7_3.replace('R0 !read_ok', 'something that nobody has seen before').replace('insn 0\n', 'insn 3\n');
  const error = errorOf(log, [1, 2, 3, 4]);
  assert.equal(error.class, 'unknown');
  assert.match(error.summary, /^R0 has never been initialized/);
  assert.equal(error.hint, 'Initialize R0 on every path before this instruction.');
  assert.equal(error.source?.line, 4, "the place is the report's");
});

test('logs that are cut, empty or of another kind do not fail', () => {
  for (const log of [
    '',
    '\n\n',
    'x',
    '(61) r2 = *(u',
    '99999: (95) exit',
    'Verification failed:',
    'Verification failed: a\nReason:\n',
    '0: (00) \0\0',
    '5: R1=((((',
    'R'.repeat(100_000),
  ]) {
    const error = errorOf(log, [1]);
    assert.equal(error.log, log);
    assert.equal(typeof error.report(), 'string');
  }
});

test('a log of a million lines is read in a moment', () => {
  const log = `${'7: (0f) r1 += r2                      ; R1=scalar() R2=scalar()\n'.repeat(300_000)}R1 !read_ok\n`;
  const start = performance.now();
  assert.equal(errorOf(log, [1]).class, 'uninitialised');
  // No bound on the time itself, which is the machine's; a quadratic reader would take minutes.
  assert.ok(performance.now() - start < 30_000);
});

test('every row of the table can match: its own words', () => {
  const samples: readonly (string | readonly [message: string, instruction: string])[] = [
    'invalid func unknown#195896080',
    'invalid func unknown#2002000001',
    "ldimm64 failed to find the address for kernel symbol 'runqueues'.",
    "R0 invalid mem access 'map_value_or_null'",
    'R4 pointer arithmetic on map_value_or_null prohibited, null-check it first',
    'Possibly NULL pointer passed to trusted arg0',
    'invalid access to packet, off=0 size=14, R1(id=0,off=0,r=0)',
    'invalid access to map value, value_size=8 off=8 size=4',
    'R1 max value is outside of the allowed memory range',
    "R2 min value is negative, either use unsigned or 'var &= const'",
    'R2 invalid zero-sized read: u64=[0,0]',
    'invalid indirect read from stack R2 off -16+4 size 8',
    'invalid variable-offset read from stack R1',
    'R3 !read_ok',
    'back-edge from insn 5 to 2',
    'The sequence of 8193 jumps is too complex.',
    'too many subprograms',
    'Unreleased reference id=2 alloc_insn=10',
    'cannot call GPL-restricted function from non-GPL compatible program',
    ['cannot call GPL-restricted function from non-GPL compatible program', 'call bpf_probe_read_kernel_str#115'],
    ['cannot call GPL-restricted function from non-GPL compatible program', 'call bpf_probe_read_user#112'],
    "Cannot access kernel 'struct task_struct' from non-GPL compatible program",
    'expected prog array map for tail call',
    ['kernel subsystem misconfigured verifier', 'call bpf_tail_call#12'],
    'unknown func bpf_override_return#58',
    'cannot pass map_type 2 into func bpf_sk_storage_get#107',
    'invalid func foo#9999',
    'calling kernel function bpf_x is not allowed',
    'calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF',
    'misaligned stack access off 0+0+-12 size 8',
    'invalid bpf_context access off=4000 size=4',
    'dereference of modified ctx ptr R1 off=8 disallowed',
    "R2 invalid mem access 'scalar'",
    "R2 invalid mem access 'mem'",
    'At program exit the register R0 has smin=9 smax=9 should have been in [0, 1]',
    'combined stack size of 2 calls is 832. Too large',
    'the call stack of 9 frames is too deep !',
    'R0 pointer arithmetic with *= operator prohibited',
    'math between map_value pointer and register with unbounded min value is not allowed',
    'R1 pointer comparison prohibited',
    'R2 leaks addr into map',
    'R1 type=map_value expected=map_ptr',
    'R1 type=ctx expected=fp, pkt, pkt_meta, map_key, map_value',
    'arg#0 expected pointer to ctx, but got fp',
    'tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls',
    'Locking two bpf_spin_locks are not allowed',
    'helper call might sleep in a non-sleepable prog',
    'write into map forbidden, value_size=4 off=0 size=4',
    'div by zero',
    'unreachable insn 3',
    'callback function not static',
    'attach_btf_id 5 is not a function',
    'missing btf func_info',
    'invalid access to memory, mem_size=8 off=8 size=8',
    'BPF_LD_[ABS|IND] instructions not allowed for this program type',
    'unknown opcode 8d',
    'verifier internal error: misconfigured ref_obj_id',
  ];
  const hit = new Set<VerifierRow>();
  for (const sample of samples) {
    const [message, instruction] = typeof sample === 'string' ? [sample, undefined] : sample;
    const row = rowOf(message, instruction);
    assert.ok(row !== undefined, message);
    hit.add(row);
  }
  const missed = VERIFIER_TABLE.filter((row) => !hit.has(row)).map((r) => String(r.pattern));
  assert.deepEqual(missed, [], 'rows that no sample reaches: shadowed by an earlier row, or without a sample');
});
