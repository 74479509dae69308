import assert from 'node:assert/strict';
import test from 'node:test';
import { assemble } from '../../../src/isa/assemble.ts';
import type { MapSpec, ObjectSpec } from '../../../src/object/spec.ts';
import type { FaultKind } from '../../../src/vm/fault.ts';
import { VmFault, VmLoadError } from '../../../src/vm/fault.ts';
import type { Machine, MachineOptions, RunInput, RunResult } from '../../../src/vm/machine.ts';
import { createMachine, runInsns } from '../../../src/vm/machine.ts';

const ENGINES = ['wasm', 'interpreter'] as const;

function map(name: string, type: string, keySize: number, valueSize: number, maxEntries: number, more: Partial<MapSpec> = {}): MapSpec {
  return { name, type, keySize, valueSize, maxEntries, flags: 0, keyType: 0, valueType: 0, ...more };
}

function spec(...maps: readonly MapSpec[]): ObjectSpec {
  return {
    name: 'test',
    license: 'GPL',
    programs: [],
    functions: new Map(),
    maps: new Map(maps.map((m) => [m.name, m])),
    variables: new Map(),
    btf: undefined,
    sources: new Map(),
  };
}

/** `map[id:N]` counts the maps from 0. */
function machine(text: string, maps: readonly MapSpec[] = [], options: MachineOptions = {}, type?: string): Machine {
  const result = createMachine(spec(...maps), options);
  result.load('test', assemble(text).insns, type);
  return result;
}

/** Runs in both engines, which must agree; the interpreter's result. */
function both(text: string, input: RunInput = {}, maps: readonly MapSpec[] = [], options: MachineOptions = {}): RunResult {
  const [wasm, interpreted] = ENGINES.map((engine) => machine(text, maps, { ...options, engine }).run('test', input));
  assert.deepEqual(wasm, interpreted);
  return interpreted as RunResult;
}

const r0 = (text: string, input?: RunInput, maps?: readonly MapSpec[], options?: MachineOptions): bigint =>
  both(text, input, maps, options).r0;
const u32 = (...numbers: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);
const u64 = (...numbers: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(numbers).buffer);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Puts a text with its zero on the stack at -`at`. */
function putText(at: number, text: string): string {
  return [...ascii(`${text}\0`)].map((byte, i) => `*(u8 *)(r10 - ${at - i}) = ${byte}`).join('\n');
}

function fault(
  text: string,
  kind: FaultKind,
  pc: number,
  reason: RegExp,
  input: RunInput = {},
  maps: readonly MapSpec[] = [],
  options: MachineOptions = {},
): void {
  for (const engine of ENGINES) {
    assert.throws(
      () => machine(text, maps, { ...options, engine }).run('test', input),
      (error) => {
        assert.ok(error instanceof VmFault, String(error));
        assert.match(error.reason, reason);
        assert.deepEqual([error.kind, error.pc], [kind, pc], error.message);
        return true;
      },
      `${text} in ${engine}`,
    );
  }
}

test('accesses outside a region fault, and say which', () => {
  const ctx = { ctx: new Uint8Array(16) };
  fault('r2 = 0; r0 = *(u32 *)(r2 + 8); exit', 'read', 1, /^read of 4 bytes through a null pointer \(offset 8\)$/);
  fault('r0 = *(u64 *)(r1 + 16); exit', 'read', 0, /^read of 8 bytes at offset 16, outside the context of 16 bytes$/, ctx);
  fault('r0 = *(u64 *)(r1 + 9); exit', 'read', 0, /at offset 9, outside the context of 16 bytes/, ctx);
  fault('r0 = *(u8 *)(r1 - 1); exit', 'read', 0, /^read of 1 byte at offset -1, outside the context/, ctx);
  fault('*(u64 *)(r10 - 520) = 1; exit', 'write', 0, /^write of 8 bytes at frame pointer - 520, outside the stack of 512 bytes$/);
  fault('r2 = r10; *(u8 *)(r2 + 0) = 1; exit', 'write', 1, /frame pointer \+ 0, outside the stack/);
  fault('r2 = r10; r2 += -4; *(u64 *)(r2 + 0) = 1; exit', 'write', 2, /write of 8 bytes at frame pointer - 4/);
  fault('r2 = 0x1234567812345678 ll; r0 = *(u8 *)(r2 + 0); exit', 'read', 2, /at 0x1234567812345678, which is no address/);
  fault('r2 = -1; r0 = *(u16 *)(r2 + 0); exit', 'read', 1, /at 0xffffffffffffffff, which is no address/);
  fault('r1 <<= 1; r0 = *(u16 *)(r1 + 0); exit', 'read', 1, /no address of this program|outside/, ctx);
  fault('*(u8 *)(r1 + 0) = 1; exit', 'write', 0, /to the context, which is read-only/, { ...ctx, writableContext: false });
  fault('lock *(u64 *)(r1 + 12) += r1; exit', 'write', 0, /write of 8 bytes at offset 12/, ctx);
  fault('call f; exit; f: r0 = *(u32 *)(r10 + 0); exit', 'read', 2, /frame pointer \+ 0, outside the stack of frame 1/);
  fault('r1 = map[id:0]; r0 = *(u64 *)(r1 + 0); exit', 'read', 2, /read of 8 bytes of map 'm' itself/, {}, [map('m', 'array', 4, 8, 1)]);
  fault('r1 = subprog[+3]; r0 = *(u64 *)(r1 + 0); exit; r0 = 0; exit', 'read', 2, /no address/);
});

test('accesses at the very edges of regions work', () => {
  assert.equal(r0('r0 = *(u64 *)(r1 + 8); exit', { ctx: u64(1n, 0x1122334455667788n) }), 0x1122334455667788n);
  assert.equal(r0('r1 += 100; r1 += -85; r0 = *(u8 *)(r1 + 0); exit', { ctx: u64(0n, 0xab00000000000000n) }), 0xabn);
  assert.equal(r0('*(u64 *)(r10 - 512) = 5; r2 = r10; r2 += -512; r0 = *(u64 *)(r2 + 0); exit'), 5n);
  assert.equal(
    r0(
      'r1 = 7; *(u64 *)(r10 - 8) = r1; r1 = r10; r1 += -8; call f; r0 = *(u64 *)(r10 - 8); exit; f: r2 = 9; *(u64 *)(r1 + 0) = r2; *(u64 *)(r10 - 8) = r10; r0 = 0; exit',
    ),
    9n,
  );
});

test('value pointers reach exactly their value', () => {
  const maps = [map('m', 'array', 4, 12, 3), map('h', 'hash', 8, 5, 3)];
  const lookup = 'r1 = 1; *(u64 *)(r10 - 8) = r1; r2 = r10; r2 += -8; r1 = map[id:0]; call 1; if r0 == 0 goto out;';
  assert.equal(r0(`${lookup} r1 = 77; *(u32 *)(r0 + 8) = r1; r0 = *(u32 *)(r0 + 8); out: exit`, {}, maps), 77n);
  fault(`${lookup} r0 = *(u32 *)(r0 + 9); out: exit`, 'read', 8, /offset 9, outside a value of map 'm' of 12 bytes/, {}, maps);
  fault(
    'r1 = map[id:1]; r2 = r10; r2 += -8; r3 = r10; r3 += -4; r4 = 0; call 2; exit',
    'read',
    7,
    /bpf_map_update_elem: argument 3: read of 5 bytes at frame pointer - 4/,
    {},
    maps,
  );
});

test('the instruction budget stops loops at the same place in both engines', () => {
  fault('r0 = 0; loop: r0 += 1; goto loop', 'budget', 2, /more than 1000 instructions/, {}, [], { budget: 1000 });
  fault('loop: call f; goto loop; f: r0 = 0; exit', 'budget', 1, /more than 50/, {}, [], { budget: 50 });
  assert.equal(both('r1 = 10; r0 = 0; loop: r0 += r1; r1 += -1; if r1 != 0 goto loop; exit').insnCount, 2 + 30 + 1);
});

test('calls: eight frames, and no more', () => {
  const chain = (depth: number): string =>
    `r6 = 5; call f1; exit; ${Array.from({ length: depth }, (_, i) => `f${i + 1}: ${i + 1 < depth ? `call f${i + 2}` : 'r0 = 42'}; exit`).join('; ')}`;
  assert.equal(r0(chain(7)), 42n);
  fault(chain(8), 'depth', 17, /more than 8 frames/);
});

test('r6 to r9 survive calls, and each call has its own frame', () => {
  assert.equal(
    r0(`r6 = 1; r7 = 2; r8 = 3; r9 = 4; r1 = 5; *(u64 *)(r10 - 8) = r1; call f; r0 = r6; r0 += r7; r0 += r8; r0 += r9; r1 = *(u64 *)(r10 - 8); r0 += r1; exit
    f: r6 = 100; r7 = 100; r8 = 100; r9 = 100; r1 = 100; *(u64 *)(r10 - 8) = r1; r0 = 0; exit`),
    15n,
  );
});

test("may_goto gives up after the kernel's 8,388,608 rounds", () => {
  const { r0: rounds } = runInsns(assemble('r0 = 0; loop: may_goto out; r0 += 1; goto loop; out: exit').insns);
  assert.equal(rounds, 8388608n);
});

test('programs that cannot be run are refused before they run', () => {
  const refused: [string, RegExp][] = [
    ['r0 = 0', /runs past its end/],
    ['goto +5; exit', /jump to slot 6, which is no instruction/],
    ['goto +1; r1 = 5 ll; exit', /slot 2, which is no instruction/],
    ['goto f; exit; call f; exit; f: exit', /jump out of 'test'/],
    ['r10 = 5; exit', /frame pointer is read-only/],
    ['r1 = addr_space_cast(r2, 0, 1); exit', /arenas/],
    ['callx r1; exit', /by register/],
    ['r1 = map[id:3]; exit', /unresolved reference/],
    ['r1 = btf[id:3]; exit', /unresolved reference/],
  ];
  for (const [text, message] of refused)
    assert.throws(
      () => machine(text),
      (error) => error instanceof VmLoadError && message.test(error.message),
      text,
    );
  assert.throws(() => createMachine(spec(map('m', 'arena', 0, 0, 1))), /type 'arena' is not one/);
  assert.throws(() => createMachine(spec(map('m', 'array', 8, 8, 1))), /keys of array have 4 bytes/);
  assert.throws(() => createMachine(spec()).run('nothing'), /there is no program 'nothing'/);
});

test('what is missing is named where it is called', () => {
  fault('r0 = 0; call 9999; exit', 'call', 1, /helper 9999 is not one that the machine has/);
  fault('call kernel-function#7; exit', 'call', 0, /kfunc 7 is not/);
  fault('r1 = 5; call 1; exit', 'argument', 1, /bpf_map_lookup_elem: argument 1: 0x5 is no map/);
  fault('r1 = map[id:0]; r2 = 0; call 1; exit', 'read', 3, /bpf_map_lookup_elem: argument 2: read of 4 bytes through a null pointer/, {}, [
    map('m', 'array', 4, 8, 1),
  ]);
  fault('r1 = map[id:0]; r2 = r10; r2 += -8; call 87; exit', 'argument', 4, /map 'm' of type 'array' does not go with this helper/, {}, [
    map('m', 'array', 4, 8, 1),
  ]);
  fault('r1 = 3; r2 = 4; r3 = 0; r4 = 0; call 181; exit', 'argument', 4, /bpf_loop: argument 2: 0x4 is no function/);
});

test("helpers of the test's own, in the place of others too", () => {
  const helpers = [
    { id: 700, name: 'add', run: (call: { int(i: number): number }) => call.int(1) - call.int(2) },
    { id: 5, name: 'bpf_ktime_get_ns', run: () => 123456789012345678901n },
  ];
  assert.equal(r0('r1 = 3; r2 = 10; call 700; exit', {}, [], { helpers }), BigInt.asUintN(64, -7n));
  assert.equal(r0('call 5; exit', {}, [], { helpers }), BigInt.asUintN(64, 123456789012345678901n));
});

test('time, task, CPU and random numbers come from the options', () => {
  const options = { time: 5000n, tick: 10n, task: { pid: 7, tgid: 9, uid: 3, gid: 4, comm: 'a-name-longer-than-fits' }, cpu: 2, cpus: 4 };
  assert.equal(r0('call 5; r6 = r0; call 5; r0 -= r6; r0 <<= 32; r0 |= r6; exit', {}, [], options), (10n << 32n) | 5010n);
  assert.equal(r0('call 14; exit', {}, [], options), (9n << 32n) | 7n);
  assert.equal(r0('call 15; exit', {}, [], options), (4n << 32n) | 3n);
  assert.equal(r0('call 8; exit', {}, [], options), 2n);
  assert.equal(
    r0('r1 = r10; r1 += -16; r2 = 16; call 16; r0 = *(u64 *)(r10 - 8); exit', {}, [], options),
    new DataView(ascii('onger-t\0').buffer).getBigUint64(0, true),
  );
  const random = 'call 7; r6 = r0; call 7; r6 <<= 32; r0 |= r6; exit';
  assert.equal(r0(random, {}, [], { seed: 3 }), r0(random, {}, [], { seed: 3 }));
  assert.notEqual(r0(random, {}, [], { seed: 3 }), r0(random, {}, [], { seed: 4 }));
});

test('trace text is formatted as the kernel formats it', () => {
  const cases: [string, bigint[], string][] = [
    ['%d %u %x', [BigInt.asUintN(64, -5n), 0xffffffffn, 255n], '-5 4294967295 ff'],
    ['%ld %lu %lx', [BigInt.asUintN(64, -5n), 2n ** 64n - 1n, 2n ** 63n], '-5 18446744073709551615 8000000000000000'],
    ['%08x|%-6d|%+d', [0xbeefn, 42n, 7n], '0000beef|42    |+7'],
    ['%5d|%05d|% d', [42n, BigInt.asUintN(64, -42n), 3n], '   42|-0042| 3'],
    ['%c%c 100%% %X', [104n, 105n, 0xabcn], 'hi 100% ABC'],
    ['%llx %lld %px', [1n, 2n, 0x1234n], '1 2 1234'],
  ];
  for (const [format, args, expected] of cases) {
    const load = args.map((arg, i) => `r${3 + i} = ${arg} ll`).join('; ');
    const result = both(`${putText(64, format)}; r1 = r10; r1 += -64; r2 = ${format.length + 1}; ${load}; call 6; exit`);
    assert.deepEqual([result.printk, result.r0], [[expected], BigInt(expected.length)], format);
  }
  const text = both(
    `${putText(64, '<%s> %pks')}; ${putText(32, 'né')}; r1 = r10; r1 += -64; r2 = 10; r3 = r10; r3 += -32; r4 = 0; r5 = 0; call 6; exit`,
  );
  assert.deepEqual(text.printk, ['<né> ']);
  for (const bad of ['%f', '%d %d %d %d', '%5.3d', '%sx', '%pZ', '%', '\u0001', '%lc']) {
    assert.equal(
      r0(`${putText(64, bad)}; r1 = r10; r1 += -64; r2 = ${bad.length + 1}; r3 = 0; r4 = 0; r5 = 0; call 6; exit`),
      BigInt.asUintN(64, -22n),
      bad,
    );
  }
});

test('bpf_snprintf cuts to the buffer and returns the whole length', () => {
  const result =
    both(`${putText(64, 'x=%d %pI4')}; r1 = 12345; *(u64 *)(r10 - 80) = r1; r1 = r10; r1 += -48; *(u64 *)(r10 - 72) = r1; *(u32 *)(r10 - 48) = 0x0100000a
    r1 = r10; r1 += -32; r2 = 9; r3 = r10; r3 += -64; r4 = r10; r4 += -80; r5 = 16; call 165; r6 = r0; r0 = *(u64 *)(r10 - 32); r6 <<= 56; r0 ^= r6; exit`);
  assert.equal(result.r0, new DataView(ascii('x=12345 ').buffer).getBigUint64(0, true) ^ (17n << 56n));
});

test('records reach the host: ring buffer, its capacity, what was discarded', () => {
  const rings = [map('ring', 'ringbuf', 0, 0, 4096)];
  for (const engine of ENGINES) {
    const m = machine(
      'r1 = map[id:0]; r2 = 16; r3 = 0; call 131; if r0 == 0 goto full; r1 = 5; *(u64 *)(r0 + 8) = r1; r1 = r0; r2 = 0; call 132; r0 = 0; exit; full: r0 = 1; exit',
      rings,
      { engine },
    );
    let taken = 0;
    while (m.run('test').r0 === 0n) taken++;
    // Each record takes 24 bytes with its header; the kernel keeps one byte of the ring free.
    assert.equal(taken, Math.floor(4095 / 24));
    assert.equal(m.map('ring').lost, 1);
    const records = m.map('ring').drain();
    assert.equal(records.length, taken);
    assert.deepEqual(records[0]?.data, u64(0n, 5n));
    assert.equal(m.run('test').r0, 0n);
  }
  fault(
    'r1 = map[id:0]; r2 = 8; r3 = 0; call 131; r6 = r0; r1 = r6; r2 = 0; call 133; *(u64 *)(r6 + 0) = 1; r0 = 0; exit',
    'write',
    9,
    /no address/,
    {},
    rings,
  );
  fault(
    'r1 = map[id:0]; r2 = 8; r3 = 0; call 131; r0 = *(u64 *)(r0 + 8); exit',
    'read',
    5,
    /offset 8, outside a record of ring buffer 'ring' of 8 bytes/,
    {},
    rings,
  );
  fault('r1 = r10; r1 += -8; r2 = 0; call 132; exit', 'argument', 3, /no reserved record/, {}, rings);
});

test('perf events carry the record, the CPU and as much of the packet as asked', () => {
  const maps = [map('events', 'perf_event_array', 4, 4, 0)];
  for (const engine of ENGINES) {
    const m = machine(
      'r6 = 0x1122334455667788 ll; *(u64 *)(r10 - 8) = r6; r2 = map[id:0]; r3 = 0x3ffffffff ll; r4 = r10; r4 += -8; r5 = 8; call 25; exit',
      maps,
      { engine, cpu: 1, cpus: 2 },
      'xdp',
    );
    assert.equal(m.run('test', { packet: Uint8Array.of(9, 8, 7, 6) }).r0, 0n);
    assert.deepEqual(m.map('events').drain(), [{ cpu: 1, data: Uint8Array.of(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 8, 7) }]);
  }
});

/** Assembles with `subprog[label]`: the address of a function by its label. */
function withFunctions(text: string): string {
  const { insns, labels } = assemble(text.replace(/subprog\[(\w+)\]/g, 'subprog[+0]'));
  const names = [...text.matchAll(/subprog\[(\w+)\]/g)].map((match) => match[1] as string);
  const slots: number[] = [];
  let slot = 0;
  for (const insn of insns) {
    if (insn.imm64 !== undefined && insn.src === 4) slots.push(slot);
    slot += insn.imm64 === undefined ? 1 : 2;
  }
  let next = 0;
  return text.replace(/subprog\[\w+\]/g, () => {
    const distance = (labels.get(names[next] as string) as number) - (slots[next++] as number) - 1;
    return `subprog[+${distance}]`;
  });
}

test('callbacks: bpf_loop to its end and ended early', () => {
  const text = (callback: string): string =>
    withFunctions(`r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = 10; r2 = subprog[step]; r3 = r10; r3 += -8; r4 = 0; call 181
    r1 = *(u64 *)(r10 - 8); r0 <<= 32; r0 |= r1; exit
    step: ${callback}`);
  assert.equal(r0(text('r3 = *(u64 *)(r2 + 0); r3 += r1; *(u64 *)(r2 + 0) = r3; r0 = 0; exit')), (10n << 32n) | 45n);
  assert.equal(
    r0(text('r3 = *(u64 *)(r2 + 0); r3 += r1; *(u64 *)(r2 + 0) = r3; r0 = 0; if r1 != 4 goto +1; r0 = 1; exit')),
    (5n << 32n) | 10n,
  );
  // The callback works on a frame of its own, and may call on.
  assert.equal(
    r0(
      text(
        'r6 = r2; *(u64 *)(r10 - 8) = r1; call f; *(u64 *)(r6 + 0) = r0; r0 = 0; exit; f: r0 = r1; r0 *= r1; *(u64 *)(r10 - 8) = r0; exit',
      ),
    ),
    (10n << 32n) | 81n,
  );
  fault(text('r0 = *(u64 *)(r2 + 8); exit'), 'read', 13, /frame pointer \+ 0, outside the stack of 512 bytes/);
});

test('callbacks: every element of a map, and its removal on the way', () => {
  const text =
    withFunctions(`r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = map[id:0]; r2 = subprog[step]; r3 = r10; r3 += -8; r4 = 0; call 164; r1 = *(u64 *)(r10 - 8); r0 <<= 32; r0 |= r1; exit
    step: r5 = *(u64 *)(r4 + 0); r3 = *(u64 *)(r3 + 0); r5 += r3; *(u64 *)(r4 + 0) = r5; r0 = 0; r3 = *(u32 *)(r2 + 0); if r3 != 2 goto done; call 3; r0 = 0; done: exit`);
  for (const engine of ENGINES) {
    const m = machine(text, [map('h', 'hash', 4, 8, 8)], { engine });
    for (const k of [1, 2, 3, 5]) m.map('h').set(u32(k), u64(BigInt(k * 100)));
    assert.equal(m.run('test').r0, (4n << 32n) | 1100n);
    assert.deepEqual(m.map('h').keys(), [u32(1), u32(3), u32(5)]);
  }
});

test('static data of programs can be read-only', () => {
  const rodata = map('.rodata', 'array', 4, 8, 1, { data: u64(99n), frozen: true });
  assert.equal(r0('r1 = map[id:0][0]+0; r0 = *(u64 *)(r1 + 0); exit', {}, [rodata]), 99n);
  fault('r1 = map[id:0][0]+4; *(u32 *)(r1 + 0) = 1; r0 = 0; exit', 'write', 2, /which is read-only/, {}, [rodata]);
  fault('r1 = map[id:0][0]+4; r0 = *(u64 *)(r1 + 0); exit', 'read', 2, /offset 4, outside a value of map '.rodata' of 8 bytes/, {}, [
    rodata,
  ]);
});

test('maps of maps', () => {
  const inner = map('inner', 'array', 4, 8, 2);
  const outer = map('outer', 'array_of_maps', 4, 4, 4, { inner, values: [{ index: 2, name: 'inner' }] });
  const text = (index: number): string =>
    `r1 = ${index}; *(u32 *)(r10 - 4) = r1; r2 = r10; r2 += -4; r1 = map[id:1]; call 1; if r0 == 0 goto none; r1 = r0; r2 = 1; *(u32 *)(r10 - 4) = r2; r2 = r10; r2 += -4; call 1; if r0 == 0 goto none; r0 = *(u64 *)(r0 + 0); exit; none: r0 = -1; exit`;
  for (const engine of ENGINES) {
    const m = machine(text(2), [inner, outer], { engine });
    m.map('inner').set(u32(1), u64(4711n));
    assert.equal(m.run('test').r0, 4711n);
    const other = m.createMap({ ...inner, name: 'other' });
    other.set(u32(1), u64(12n));
    m.map('outer').set(u32(2), u32(other.number));
    assert.equal(m.run('test').r0, 12n);
    m.map('outer').delete(u32(2));
    assert.equal(m.run('test').r0, 2n ** 64n - 1n);
  }
});

test('the host sees and changes maps; per-CPU values of all CPUs', () => {
  const m = machine(
    'r1 = 1; *(u32 *)(r10 - 4) = r1; r2 = r10; r2 += -4; r1 = map[id:0]; call 1; if r0 == 0 goto out; r1 = 5; lock *(u64 *)(r0 + 0) += r1; out: exit',
    [map('p', 'percpu_hash', 4, 8, 4)],
    { cpus: 3, cpu: 1 },
  );
  m.run('test');
  assert.deepEqual(m.map('p').keys(), []);
  m.map('p').set(u32(1), u64(1n, 2n, 3n));
  m.run('test');
  assert.deepEqual(m.map('p').get(u32(1)), u64(1n, 7n, 3n));
  assert.deepEqual(m.map('p').keys(), [u32(1)]);
  assert.throws(() => m.map('p').set(Uint8Array.of(1), u64(1n)), /a key has 4 bytes, not 1/);
  assert.throws(() => m.map('p').set(u32(1), Uint8Array.of(1)), /a value has 8 bytes, not 1/);
  assert.equal(m.map('p').delete(u32(1)), true);
  assert.equal(m.map('p').delete(u32(1)), false);
});

test('a least-recently-used map drops what was not used', () => {
  const m = createMachine(spec(map('l', 'lru_hash', 4, 4, 3)));
  const l = m.map('l');
  for (const k of [1, 2, 3]) l.set(u32(k), u32(k * 10));
  m.load('touch', assemble('r1 = 1; *(u32 *)(r10 - 4) = r1; r2 = r10; r2 += -4; r1 = map[id:0]; call 1; r0 = 0; exit').insns);
  m.run('touch');
  l.set(u32(4), u32(40));
  assert.deepEqual(
    l
      .keys()
      .map((k) => new Uint32Array(k.buffer)[0])
      .sort(),
    [1, 3, 4],
  );
});

test('hash maps survive many inserts and removals in one run, within bounded memory', () => {
  const churn = `r6 = 300000; loop: *(u64 *)(r10 - 8) = r6; r2 = r10; r2 += -8; r3 = r2; r4 = 0; r1 = map[id:0]; call 2; if r0 != 0 goto bad
    r2 = r10; r2 += -8; r1 = map[id:0]; call 1; if r0 == 0 goto bad; r7 = *(u64 *)(r0 + 0); if r7 != r6 goto bad; r2 = r10; r2 += -8; r1 = map[id:0]; call 3; if r0 != 0 goto bad; r6 += -1; if r6 != 0 goto loop; r0 = 0; exit; bad: r0 = r6; exit`;
  const m = machine(churn, [map('h', 'hash', 8, 8, 10)], { memoryLimit: 1 << 20 });
  assert.equal(m.run('test').r0, 0n);
  assert.deepEqual(m.map('h').keys(), []);
});

test('memory given by the host, and its limit', () => {
  for (const engine of ENGINES) {
    const m = machine('r0 = *(u32 *)(r1 + 4); *(u32 *)(r1 + 0) = 1; exit', [], { engine });
    const address = m.region(u32(1, 77), { label: 'a task', writable: true });
    assert.equal(m.run('test', { args: [address] }).r0, 77n);
    const fixed = m.region(u32(1, 77), { label: 'a task', writable: false });
    assert.throws(() => m.run('test', { args: [fixed] }), /write of 4 bytes to a task, which is read-only/);
  }
  assert.throws(
    () => createMachine(spec(map('big', 'array', 4, 4096, 1000)), { memoryLimit: 1 << 20 }),
    (error) => error instanceof VmLoadError && /memory limit of 1 MiB/.test(error.message),
  );
  const small = machine('r0 = 0; exit', [], { memoryLimit: 1 << 16 });
  assert.throws(() => small.run('test', { packet: new Uint8Array(1 << 18) }), VmLoadError);
  assert.equal(small.run('test', { packet: new Uint8Array(64) }).r0, 0n);
});

test('timers fire when the clock passes them', () => {
  const fixed = withFunctions(`r1 = 0; *(u32 *)(r10 - 4) = r1; r2 = r10; r2 += -4; r1 = map[id:0]; call 1; if r0 == 0 goto out; r6 = r0
    r1 = r6; r2 = map[id:0]; r3 = 1; call 169; r1 = r6; r2 = subprog[fire]; call 170; r1 = r6; r2 = 1000; r3 = 0; call 171; out: r0 = 0; exit
    fire: r1 = *(u64 *)(r3 + 16); r1 += 1; *(u64 *)(r3 + 16) = r1; r0 = 0; exit`);
  for (const engine of ENGINES) {
    const m = machine(fixed, [map('t', 'array', 4, 24, 1)], { engine });
    m.run('test');
    assert.equal(m.advance(900n), 0);
    assert.equal(m.advance(200n), 1);
    assert.equal(m.advance(5000n), 0);
    assert.deepEqual(m.map('t').get(u32(0))?.slice(16), u64(1n));
  }
});

test('a trace sees every instruction with its registers', () => {
  const seen: [number, bigint][] = [];
  const m = machine('r0 = 1; r0 += 2; call f; exit; f: r0 = 9; exit', [], {
    trace: ({ index, registers }) => seen.push([index, registers[0] as bigint]),
  });
  const { insnCount } = m.run('test');
  assert.deepEqual(seen, [
    [0, 0n],
    [1, 1n],
    [2, 3n],
    [4, 0n],
    [5, 9n],
    [3, 9n],
  ]);
  assert.equal(insnCount, seen.length);
});

test('what fills the stack is up to the caller', () => {
  assert.equal(r0('r0 = *(u64 *)(r10 - 64); exit'), 0n);
  assert.equal(r0('r0 = *(u64 *)(r10 - 64); exit', {}, [], { stackFill: 0xaa }), 0xaaaaaaaaaaaaaaaan);
});

test('what only a kernel could do is noted', () => {
  const { r0: action, actions } = both('r1 = 3; r2 = 0; call 23; exit');
  assert.equal(action, 7n);
  assert.deepEqual(actions, [{ helper: 'bpf_redirect', args: [3n, 0n] }]);
});

test('many machines in one process do not run out of address space', () => {
  const { insns } = assemble('r0 = *(u32 *)(r1 + 0); exit');
  for (let i = 0; i < 1500; i++) assert.equal(runInsns(insns, { ctx: u32(i) }).r0, BigInt(i));
});
