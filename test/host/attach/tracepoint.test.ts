/** Tracepoints and raw tracepoints, filtered on this process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { attachRawTracepoint } from '../../../src/attach/raw-tracepoint.ts';
import { attachTracepoint } from '../../../src/attach/tracepoint.ts';
import { attachTracing, type TracingProgram } from '../../../src/attach/tracing.ts';
import { LINK_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { objectIds } from '../../../src/kernel/inventory.ts';
import { linkInfo, linkTracepoint } from '../../../src/kernel/obj-info.ts';
import { type LoadedObject, loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import type { ProgramSpec } from '../../../src/object/spec.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, returns, tinyObject } from '../kernel/support.ts';
import { countingObject } from './counting.ts';

function load(program: Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>, pid = process.pid): LoadedObject {
  return loadObject(countingObject(program, pid), kernel, { facts });
}

function counted(object: LoadedObject): bigint {
  const map = object.maps.get('t_array');
  assert.ok(map);
  return new ArrayMap<bigint>(map, kernel, {}).get(0) ?? 0n;
}

const FORMS = [
  {
    name: 'tracepoint',
    program: { type: 'tracepoint' },
    attach: (o: LoadedObject) => attachTracepoint(kernel, main(o), 'syscalls:sys_enter_getcwd'),
    per: 1n,
  },
  {
    name: 'raw tracepoint',
    program: { type: 'raw_tracepoint' },
    attach: (o: LoadedObject) => attachRawTracepoint(kernel, main(o), 'sys_enter'),
    per: 1n,
  },
  {
    name: 'BTF tracepoint',
    program: { type: 'tracing', attachType: 'trace_raw_tp', target: 'sys_enter' },
    attach: (o: LoadedObject) => attachTracing(kernel, main(o)),
    per: 1n,
  },
] as const;

function main(object: LoadedObject): TracingProgram {
  const program = object.programs.get('main');
  assert.ok(program);
  return program;
}

for (const { name, program, attach, per } of FORMS) {
  kernelTest(`a program on a ${name} runs, and no more once it is detached`, { btf: true }, () =>
    leavesNothing(() => {
      using object = load(program);
      using attached = attach(object);
      assert.equal(attached.via, 'link');
      assert.ok(attached.fd > 2);
      const before = counted(object);
      for (let i = 0; i < 100; i++) getcwd();
      const seen = counted(object) - before;
      assert.ok(seen >= 100n * per, `${seen}`);
      attached.detach();
      attached.detach();
      const after = counted(object);
      for (let i = 0; i < 100; i++) getcwd();
      assert.equal(counted(object), after);
    }),
  );
}

/** getcwd(2): Node asks the kernel again after chdir. */
function getcwd(): void {
  process.chdir('.');
  process.cwd();
}

kernelTest('the links are of the right type and say where they hang', { btf: true }, () =>
  leavesNothing(() => {
    using object = load({ type: 'raw_tracepoint' });
    using attached = attachRawTracepoint(kernel, main(object), 'sched:sched_switch');
    assert.equal(linkInfo(kernel, attached.fd, 'any').type, LINK_TYPE.raw_tracepoint);
    assert.equal(linkTracepoint(kernel, attached.fd), 'sched_switch');
    using plain = load({ type: 'tracepoint' });
    using onTracepoint = attachTracepoint(kernel, main(plain), 'sched/sched_switch');
    assert.equal(linkInfo(kernel, onTracepoint.fd, 'any').type, LINK_TYPE.perf_event);
    assert.equal(onTracepoint.target, 'sched:sched_switch');
  }),
);

kernelTest('a tracepoint that does not exist: the names that were meant', { btf: true }, () =>
  leavesNothing(() => {
    using object = load({ type: 'tracepoint' });
    assert.throws(
      () => attachTracepoint(kernel, main(object), 'sched:sched_swich'),
      (error: unknown) =>
        error instanceof UsageError &&
        error.message === "there is no tracepoint 'sched:sched_swich'" &&
        error.hint?.startsWith("did you mean 'sched:sched_switch'") === true,
    );
    assert.throws(() => attachTracepoint(kernel, main(object), 'sched_switch'), /expected category:event/);
    using raw = load({ type: 'raw_tracepoint' });
    assert.throws(
      () => attachRawTracepoint(kernel, main(raw), 'sched_swich'),
      (error: unknown) => error instanceof UsageError && error.suggestions.includes('sched_switch'),
    );
    assert.throws(
      () => load({ type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_swich' }),
      (error: unknown) => error instanceof UsageError && error.suggestions.includes('sched_switch'),
    );
  }),
);

kernelTest('a program that the verifier refuses leaves nothing', {}, () =>
  leavesNothing(() => {
    const object = countingObject({ type: 'tracepoint' }, process.pid);
    const broken = {
      ...object,
      functions: new Map([
        [
          'main',
          { ...returns(0), name: 'main', linkage: 'global' as const, refs: [], lines: [], core: [], insns: returns(0).insns.slice(1) },
        ],
      ]),
    };
    assert.throws(
      () => loadObject(broken, kernel, { facts }),
      (error: unknown) => error instanceof VerifierError && error.class === 'uninitialised',
    );
  }),
);

kernelTest('a process that is killed leaves no program, map or link', { btf: true }, async () => {
  const script = fileURLToPath(new URL('./victim.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes('\n')) break;
  }
  const ids = JSON.parse(said) as { readonly program: number; readonly map: number; readonly link: number };
  for (const kind of ['program', 'map', 'link'] as const) assert.ok(objectIds(kernel, kind).includes(ids[kind]), `the ${kind} is there`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const left = (): string[] => (['program', 'map', 'link'] as const).filter((kind) => objectIds(kernel, kind).includes(ids[kind]));
  for (let tries = 0; tries < 40 && left().length > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(left(), []);
});

kernelTest('several programs on one tracepoint, each with its own count', { btf: true }, () =>
  leavesNothing(() => {
    using a = load({ type: 'tracepoint' });
    using b = load({ type: 'tracepoint' }, 1);
    using onA = attachTracepoint(kernel, main(a), 'syscalls:sys_enter_getcwd');
    using onB = attachTracepoint(kernel, main(b), 'syscalls:sys_enter_getcwd');
    for (let i = 0; i < 10; i++) getcwd();
    assert.ok(counted(a) >= 10n);
    assert.equal(counted(b), 0n, 'filtered on another process');
    assert.ok(onA.fd !== onB.fd);
  }),
);

// tinyObject is what countingObject builds on: kept honest here for programs without maps.
kernelTest('an empty program attaches, too', { btf: true }, () =>
  leavesNothing(() => {
    using object = loadObject(tinyObject({ program: { type: 'tracepoint' }, main: returns(0) }), kernel, { facts });
    attachTracepoint(kernel, main(object), 'sched:sched_switch').detach();
  }),
);
