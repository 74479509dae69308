import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { IrMemory, interpret } from '../../../src/compiler/ir/interpret.ts';
import type { Callee, IrModule, Space } from '../../../src/compiler/ir/ir.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';
import { insertProbeReads } from '../../../src/compiler/ir/passes/probe-reads.ts';
import { inferSpaces } from '../../../src/compiler/ir/spaces.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';

function helpersIn(text: string): { calls: string[]; errors: string[]; module: IrModule } {
  const module = parseModule(text);
  const diagnostics = new Diagnostics();
  insertProbeReads(module, diagnostics);
  const calls: string[] = [];
  for (const fn of module.functions.values()) {
    assert.deepEqual(verifyFunction(fn), []);
    for (const b of fn.blocks) for (const i of b.insts) if (i.op === 'call' && i.callee.kind === 'helper') calls.push(i.callee.name);
  }
  return { calls, errors: diagnostics.list.map((d) => d.code), module };
}

const program = (type: string, body: string): string =>
  `function main(ptr %ctx space=ctx): i64 static auto program=${type} {\nb0:\n${body}\n}`;

test('what is read by which helper in which kind of program', () => {
  const chase = (how: string): string => `${how}
    %v = load i64 u64 %p+16
    return %v`;
  const fromContext = chase('%p = load ptr u64 %ctx+8');
  const fromTask = chase('%t = call i64 helper 35 get_current_task()\n%p = inttoptr %t');
  const twice = `%p = load ptr u64 %ctx+8
    %q = load ptr u64 %p+8
    %v = load i64 u64 %q
    return %v`;
  const user = `%p = load ptr u64 %ctx+8
    %u = spacecast user %p
    %v = load i32 u8 %u
    %w = ext i64 u32 %v
    return %w`;
  const map = `%k = alloca 4 align 4
    store 32 0, %k
    %m = mapaddr "m"
    %p = call ptr helper 1 map_lookup_elem(%m, %k)
    %v = load i64 u64 %p+16
    return %v`;
  for (const [type, body, expected] of [
    ['kprobe', fromContext, ['probe_read']],
    ['kprobe', fromTask, ['get_current_task', 'probe_read_kernel']],
    ['kprobe', twice, ['probe_read', 'probe_read']],
    ['kprobe', user, ['probe_read_user']],
    ['kprobe', map, ['map_lookup_elem']],
    ['tracepoint', fromContext, ['probe_read']],
    // Typed programs: records by BTF, the rest is numbers.
    ['tracing', fromContext, []],
    ['tracing', twice, []],
    ['tracing', fromContext.replace('%ctx+8', '%ctx+8 pointee=other'), ['probe_read_kernel']],
    ['tracing', fromTask, ['get_current_task', 'probe_read_kernel']],
    ['lsm', user, ['probe_read_user']],
    // Networking: nothing is ever rewritten.
    ['xdp', fromContext, []],
    ['sched_cls', twice, []],
  ] as const)
    assert.deepEqual(helpersIn(program(type, body)).calls, expected, `${type}\n${body}`);
});

test('spaces flow through variables, joins and functions', () => {
  const { calls } = helpersIn(`
    function get(ptr %task): i64 static never {
    b0:
      %v = load i64 u64 %task+8
      return %v
    }
    ${program(
      'kprobe',
      `%t = call i64 helper 35 get_current_task()
      %p = inttoptr %t
      %s = alloca 16 align 8
      memset %s, 0, 16 align 8
      %c = cmp eq i64 %t, 0
      branch %c, b1, b2
    b1:
      jump b3
    b2:
      jump b3
    b3:
      %q = phi ptr [b1: %s, b2: %p]
      %v = load i64 u64 %q
      %w = call i64 function get(%p)
      %x = load i64 u64 %s
      return %v`,
    )}`);
  // In `get` and through the phi; the stack object itself is read directly.
  assert.deepEqual(calls, ['probe_read_kernel', 'get_current_task', 'probe_read_kernel']);
});

test('a copy from the kernel is one read into its destination', () => {
  const { module, calls } = helpersIn(
    program(
      'kprobe',
      `
    %e = alloca 64 align 8
    %p = load ptr u64 %ctx+8
    memcpy %e, %p, 64 align 8
    %v = load i64 u64 %e+56
    return %v`,
    ),
  );
  assert.deepEqual(calls, ['probe_read']);
  const memory = new IrMemory();
  const kernel = memory.add(
    'kernel object',
    Uint8Array.from({ length: 64 }, (_, k) => k),
  );
  const ctx = memory.add('ctx', new Uint8Array(16));
  memory.write(ctx + 8n, 8, kernel);
  const call = (callee: Callee, [into = 0n, size = 0n, from = 0n]: readonly bigint[], m: IrMemory): bigint => {
    assert.equal(callee.kind === 'helper' ? callee.id : 0, 4);
    m.bytes(into, Number(size)).set(m.bytes(from, Number(size)));
    return 0n;
  };
  assert.equal(interpret(module, 'main', [ctx], { memory, call }).value, 0x3f3e3d3c3b3a3938n);
});

test("writing to memory that is not the program's is an error", () => {
  for (const [type, write, code] of [
    ['kprobe', 'store 32 1, %p+4', 'write-to-kernel-memory'],
    ['kprobe', 'memset %p, 0, 8 align 8', 'write-to-kernel-memory'],
    ['kprobe', 'memcpy %p, %ctx, 8 align 8', 'write-to-kernel-memory'],
    ['kprobe', 'atomic add 64 1, %p', 'write-to-kernel-memory'],
    ['kprobe', '%u = spacecast user %p\n store 8 0, %u', 'write-to-user-memory'],
    ['tracing', 'store 8 0, %p', undefined],
  ] as const) {
    const { errors } = helpersIn(program(type, `%p = load ptr u64 %ctx+8\n${write}\nreturn 0:i64`));
    assert.deepEqual(errors, code ? [code] : [], write);
  }
});

test('packet pointers are numbers from the context', () => {
  const module = parseModule(
    program(
      'xdp',
      `
    %d = load i64 u32 %ctx
    %p = inttoptr %d
    %q = ptradd %p, 14
    return 0:i64`,
    ),
  );
  const spaces = inferSpaces(module);
  const fn = module.functions.get('main');
  assert.ok(fn);
  const seen: Space[] = [];
  for (const b of fn.blocks) for (const i of b.insts) if (i.type === 'ptr') seen.push(spaces.of(fn, i));
  assert.deepEqual(seen, ['packet', 'packet']);
});
