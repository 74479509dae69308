/** Loading on the real kernel: subprograms, callbacks, data sections, kernel symbols and functions, pins. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { testRun } from '../../../src/attach/test-run.ts';
import {
  alu64,
  alu64Imm,
  branch64Imm,
  callHelper,
  callKfunc,
  callLocal,
  exit,
  ldFunction,
  ldImm64,
  ldMapFd,
  load,
  mov64,
  mov64Imm,
  store,
} from '../../../src/isa/build.ts';
import { decode } from '../../../src/isa/decode.ts';
import { ALU, FP, JMP, SIZE } from '../../../src/isa/insn.ts';
import { mapInfo, progInfo, programMapIds, programXlated } from '../../../src/kernel/obj-info.ts';
import { LinkError } from '../../../src/link/error.ts';
import { type LoadedObject, type LoadedProgram, loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import type { ObjectSpec, Reference } from '../../../src/object/spec.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, mapSpec, returns, tinyObject } from '../kernel/support.ts';
import './signals.cases.ts';

function main(object: LoadedObject): LoadedProgram {
  const program = object.programs.get('main');
  assert.ok(program);
  return program;
}

function result(object: LoadedObject): number {
  return testRun(kernel, main(object), { data: new Uint8Array(64) }).result;
}

const refs = (...rows: readonly (readonly [insn: number, to: Reference])[]): { insn: number; to: Reference }[] =>
  rows.map(([insn, to]) => ({ insn, to }));

kernelTest('functions that call each other, each once, lines and types in the kernel', {}, () =>
  leavesNothing(() => {
    const spec = tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [mov64Imm(1, 3), callLocal(0), mov64(6, 0), mov64Imm(1, 4), callLocal(0), alu64(ALU.ADD, 0, 6), exit()],
        refs: refs([1, { kind: 'call', function: 'square' }], [4, { kind: 'call', function: 'twice' }]),
        lines: [{ insn: 0, file: 'a.c', line: 1, column: 1 }],
      },
      functions: {
        square: { insns: [mov64(0, 1), alu64(ALU.MUL, 0, 1), exit()], lines: [{ insn: 0, file: 'a.c', line: 5, column: 1 }] },
        twice: { insns: [callLocal(0), alu64Imm(ALU.LSH, 0, 1), exit()], refs: refs([0, { kind: 'call', function: 'square' }]) },
        unused: returns(1),
      },
      sources: { 'a.c': 'int main(void)\n\n\n\nint square(int x)\n' },
    });
    using object = loadObject(spec, kernel, { facts });
    assert.equal(result(object), 9 + 32);
    const info = progInfo(kernel, main(object).fd);
    assert.equal(info.nr_func_info, 3, 'the function that nobody calls is not in it');
    assert.equal(info.nr_line_info, 3);
    assert.deepEqual(
      main(object).joined.functions.map((f) => [f.name, f.slot]),
      [
        ['main', 0],
        ['square', 7],
        ['twice', 10],
      ],
    );
  }),
);

kernelTest('a callback by its address', { minKernel: '5.17' }, () =>
  leavesNothing(() => {
    const LOOP = 181;
    const spec = tinyObject({
      program: { type: 'socket_filter' },
      main: {
        // u64 sum = 0; bpf_loop(10, add, &sum, 0); return sum;
        insns: [
          mov64Imm(1, 0),
          store(SIZE.DW, FP, -8, 1),
          mov64Imm(1, 10),
          ldFunction(2, 0),
          mov64(3, FP),
          alu64Imm(ALU.ADD, 3, -8),
          mov64Imm(4, 0),
          callHelper(LOOP),
          load(SIZE.DW, 0, FP, -8),
          exit(),
        ],
        refs: refs([3, { kind: 'functionAddress', function: 'add' }]),
      },
      functions: { add: { insns: [load(SIZE.DW, 3, 2, 0), alu64(ALU.ADD, 3, 1), store(SIZE.DW, 2, 0, 3), mov64Imm(0, 0), exit()] } },
    });
    using object = loadObject(spec, kernel, { facts });
    assert.equal(result(object), 45);
  }),
);

kernelTest('data sections: constants, variables of the caller, writes that are seen', {}, () =>
  leavesNothing(() => {
    const base = tinyObject({
      program: { type: 'socket_filter' },
      main: {
        // .bss[8] += .rodata[4]; return .rodata[4] * .data[0];
        insns: [
          ldMapFd(1, 0),
          load(SIZE.W, 2, 1, 0),
          ldMapFd(3, 0),
          load(SIZE.DW, 4, 3, 0),
          alu64(ALU.ADD, 4, 2),
          store(SIZE.DW, 3, 0, 4),
          ldMapFd(5, 0),
          load(SIZE.W, 0, 5, 0),
          alu64(ALU.MUL, 0, 2),
          exit(),
        ],
        refs: refs(
          [0, { kind: 'mapValue', map: '.rodata', offset: 4 }],
          [2, { kind: 'mapValue', map: '.bss', offset: 8 }],
          [6, { kind: 'mapValue', map: '.data', offset: 0 }],
        ),
      },
    });
    const spec: ObjectSpec = {
      ...base,
      maps: new Map([
        [
          '.rodata',
          mapSpec({ name: '.rodata', type: 'array', valueSize: 8, maxEntries: 1, data: new Uint8Array(8), frozen: true, flags: 0x480 }),
        ],
        ['.data', mapSpec({ name: '.data', type: 'array', valueSize: 4, maxEntries: 1, data: Uint8Array.of(3, 0, 0, 0), flags: 0x400 })],
        ['.bss', mapSpec({ name: '.bss', type: 'array', valueSize: 16, maxEntries: 1, data: new Uint8Array(16), flags: 0x400 })],
      ]),
      variables: new Map([['limit', { name: 'limit', map: '.rodata', offset: 4, size: 4, type: 0, linkage: 'global' }]]),
    };
    using object = loadObject(spec, kernel, { facts, variables: new Map([['limit', Uint8Array.of(14, 0, 0, 0)]]) });
    assert.equal(result(object), 42);
    const bss = object.maps.get('.bss');
    assert.ok(bss);
    const bytes = kernel.mmap(4096, 3, 1, bss.fd, 0);
    assert.equal(new BigUint64Array(bytes.buffer, 0, 2)[1], 14n, 'through the mapping');
    bytes.unmap();
    assert.deepEqual(programMapIds(kernel, main(object).fd).length, 3);
    assert.equal(mapInfo(kernel, object.mapFd('.rodata')).name, '.rodata');
  }),
);

kernelTest('symbols of the kernel: addresses, typed variables', { btf: true }, () =>
  leavesNothing(() => {
    const listed =
      /^([0-9a-f]+) \w bpf_prog_load$/m.exec(readFileSync('/proc/kallsyms', 'latin1'))?.[1] ??
      /^([0-9a-f]+) \w vfs_read$/m.exec(readFileSync('/proc/kallsyms', 'latin1'))?.[1];
    assert.ok(listed);
    const name = /^[0-9a-f]+ \w bpf_prog_load$/m.test(readFileSync('/proc/kallsyms', 'latin1')) ? 'bpf_prog_load' : 'vfs_read';
    const spec = tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [ldImm64(1, 0n), ldImm64(2, 0n), mov64Imm(0, 1), branch64Imm(JMP.JEQ, 2, 0, 1), mov64Imm(0, 2), exit()],
        refs: refs(
          [0, { kind: 'ksym', name, typed: false, weak: false }],
          [1, { kind: 'ksym', name: 'skep_no_such_symbol', typed: false, weak: true }],
        ),
      },
    });
    using object = loadObject(spec, kernel, { facts });
    assert.equal(result(object), 1, 'the weak one is null');
    const [first] = decode(programXlated(kernel, main(object).fd));
    assert.equal(first?.imm64, BigInt(`0x${listed}`));
  }),
);

kernelTest('a typed variable of the kernel', { btf: true, minKernel: '5.10' }, () =>
  leavesNothing(() => {
    const PER_CPU_PTR = 153;
    // bpf_prog_active is an int per CPU: 0 or more while a program runs.
    const spec = tinyObject({
      program: { type: 'raw_tracepoint' },
      main: {
        insns: [
          ldImm64(1, 0n),
          mov64Imm(2, 0),
          callHelper(PER_CPU_PTR),
          branch64Imm(JMP.JEQ, 0, 0, 2),
          load(SIZE.W, 0, 0, 0),
          alu64Imm(ALU.ADD, 0, 100),
          exit(),
        ],
        refs: refs([0, { kind: 'ksym', name: 'bpf_prog_active', typed: true, weak: false }]),
      },
    });
    if (facts.kconfig('KALLSYMS_ALL') !== 'y') {
      assert.throws(
        () => loadObject(spec, kernel, { facts }),
        (error: unknown) =>
          error instanceof VerifierError && error.class === 'missing-symbol' && /CONFIG_KALLSYMS_ALL/.test(error.hint ?? ''),
      );
      return;
    }
    using object = loadObject(spec, kernel, { facts });
    const run = testRun(kernel, main(object), { ctx: new Uint8Array(8) });
    assert.ok(run.result >= 100 && run.result < 110, String(run.result));
    const missing = tinyObject({
      program: { type: 'raw_tracepoint' },
      main: {
        insns: [ldImm64(1, 0n), mov64Imm(0, 0), exit()],
        refs: refs([0, { kind: 'ksym', name: 'skep_no_such', typed: true, weak: false }]),
      },
    });
    assert.throws(() => loadObject(missing, kernel, { facts }), /no typed symbol 'skep_no_such'/);
  }),
);

kernelTest('kernel functions: called, missing, missing and weak', { btf: true, minKernel: '6.3' }, () =>
  leavesNothing(() => {
    const guarded = tinyObject({
      program: { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch' },
      main: {
        insns: [
          mov64Imm(1, process.pid),
          callKfunc(0),
          branch64Imm(JMP.JEQ, 0, 0, 2),
          mov64(1, 0),
          callKfunc(0),
          ldImm64(2, 0n),
          branch64Imm(JMP.JEQ, 2, 0, 1),
          callKfunc(0),
          mov64Imm(0, 0),
          exit(),
        ],
        refs: refs(
          [1, { kind: 'kfunc', name: 'bpf_task_from_pid', weak: false }],
          [4, { kind: 'kfunc', name: 'bpf_task_release', weak: false }],
          [5, { kind: 'ksym', name: 'skep_no_such_kfunc', typed: true, weak: true }],
          [7, { kind: 'kfunc', name: 'skep_no_such_kfunc', weak: true }],
        ),
      },
    });
    loadObject(guarded, kernel, { facts }).close();
    const strict = tinyObject({
      program: { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch' },
      main: { insns: [callKfunc(0), exit()], refs: refs([0, { kind: 'kfunc', name: 'skep_no_such_kfunc', weak: false }]) },
    });
    assert.throws(() => loadObject(strict, kernel, { facts }), /this kernel has no function 'skep_no_such_kfunc'/);
    const reached = tinyObject({
      program: { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch' },
      main: { insns: [callKfunc(0), mov64Imm(0, 0), exit()], refs: refs([0, { kind: 'kfunc', name: 'skep_no_such_kfunc', weak: true }]) },
    });
    assert.throws(
      () => loadObject(reached, kernel, { facts }),
      /a call of a kernel function that this kernel does not have can be reached: skep_no_such_kfunc/,
    );
  }),
);

kernelTest('kconfig: the kernel drops the branch that is not taken', { btf: true }, () =>
  leavesNothing(() => {
    const base = tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [ldMapFd(1, 0), load(SIZE.W, 1, 1, 0), mov64Imm(0, 1), branch64Imm(JMP.JGE, 1, 0x40000, 1), mov64Imm(0, 2), exit()],
        refs: refs([0, { kind: 'kconfig', name: 'LINUX_KERNEL_VERSION', weak: false }]),
      },
    });
    const spec: ObjectSpec = {
      ...base,
      maps: new Map([['.kconfig', mapSpec({ name: '.kconfig', type: 'array', valueSize: 8, maxEntries: 1, frozen: true, flags: 0x80 })]]),
      variables: new Map([
        ['LINUX_KERNEL_VERSION', { name: 'LINUX_KERNEL_VERSION', map: '.kconfig', offset: 4, size: 4, type: 0, linkage: 'extern' }],
      ]),
    };
    using object = loadObject(spec, kernel, { facts });
    assert.equal(result(object), 1);
    assert.ok(!decode(programXlated(kernel, main(object).fd)).some((i) => i.op === 0xb7 && i.imm === 2), 'the dead branch is gone');
  }),
);

kernelTest('pins: made, used again, of another shape', {}, () =>
  leavesNothing(() => {
    const folder = `/sys/fs/bpf/skep-test-${process.pid}`;
    mkdirSync(folder);
    try {
      const base = tinyObject({ program: { type: 'socket_filter' }, main: returns(0) });
      const shape = mapSpec({ name: 't_array', type: 'array', maxEntries: 1, pin: `${folder}/` });
      const spec: ObjectSpec = { ...base, maps: new Map([['t_array', shape]]) };
      const open = (object: LoadedObject): ArrayMap<bigint> => {
        const map = object.maps.get('t_array');
        assert.ok(map);
        return new ArrayMap<bigint>(map, kernel, {});
      };
      {
        using first = loadObject(spec, kernel, { facts });
        open(first).set(0, 77n);
      }
      {
        using second = loadObject(spec, kernel, { facts });
        assert.equal(open(second).get(0), 77n);
      }
      const other: ObjectSpec = { ...base, maps: new Map([['t_array', { ...shape, maxEntries: 2 }]]) };
      assert.throws(() => loadObject(other, kernel, { facts }), /entries 1 instead of 2/);
      const nowhere: ObjectSpec = { ...base, maps: new Map([['t_array', { ...shape, pin: '/tmp/skep-no-bpffs' }]]) };
      assert.throws(
        () => loadObject(nowhere, kernel, { facts }),
        (error: unknown) => error instanceof LinkError && /must lie in a bpf file system/.test(error.hint ?? ''),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  }),
);

kernelTest('opened and closed many times: descriptors as before', {}, async () => {
  // Emulated guests are some twenty times slower.
  const times = guestSeries === undefined ? 1000 : 50;
  const spec = tinyObject({ program: { type: 'socket_filter' }, main: returns(0), maps: [mapSpec({ name: 't_hash', type: 'hash' })] });
  const descriptors = (): number => kernel.readdir('/proc/self/fd').length;
  for (let i = 0; i < 10; i++) loadObject(spec, kernel, { facts }).close();
  await leavesNothing(() => {
    const before = descriptors();
    for (let i = 0; i < times; i++) loadObject(spec, kernel, { facts }).close();
    assert.equal(descriptors(), before);
  });
});
