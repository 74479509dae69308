/** kprobes by tracefs: they count, and whatever happens to their maker, no event stays. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { removeStaleProbes } from '../../../src/attach/tracefs-probe.ts';
import { NoSuchHookError } from '../../../src/kernel/errors.ts';
import { tracefsPath } from '../../../src/kernel/tracefs.ts';
import { loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { kernelTest } from '../../run/needs.ts';
import { built } from '../../run/paths.ts';
import { facts, kernel, leavesNothing } from '../kernel/support.ts';
import { countingObject } from './counting.ts';

const FUNCTION = process.arch === 'x64' ? '__x64_sys_getpriority' : '__arm64_sys_getpriority';
const events = (): string => readFileSync(`${tracefsPath(kernel)}/kprobe_events`, 'utf8');

async function gone(what: RegExp): Promise<void> {
  for (let tries = 0; what.test(events()); tries++) {
    assert.ok(tries < 200, `still there: ${events()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

kernelTest('kprobes by tracefs: entry, offset, return with a limit of calls at once; none stays', { kprobes: true, guest: true }, () =>
  leavesNothing(async () => {
    for (const options of [{ legacy: true }, { return: true, maxactive: 8 }, { return: true, legacy: true }]) {
      using object = loadObject(countingObject({ type: 'kprobe' }, process.pid), kernel, { facts });
      const program = object.programs.get('main');
      const map = object.maps.get('t_array');
      assert.ok(program && map);
      const attached = attachKprobe(kernel, program, FUNCTION, options);
      const line = events()
        .split('\n')
        .find((text) => text.includes('skep_'));
      assert.match(line ?? '', 'return' in options ? new RegExp(`^r${'maxactive' in options ? 8 : ''}\\d*:`) : /^p:/);
      for (let i = 0; i < 6; i++) getPriority();
      attached.detach();
      getPriority();
      assert.equal(new ArrayMap<bigint>(map, kernel, {}).get(0), 6n);
      assert.doesNotMatch(events(), /skep_/);
    }
    using object = loadObject(countingObject({ type: 'kprobe' }, process.pid), kernel, { facts });
    const program = object.programs.get('main');
    assert.ok(program);
    assert.throws(() => attachKprobe(kernel, program, 'no_such_function', { legacy: true }), NoSuchHookError);
    assert.throws(
      () => attachKprobe(kernel, program, 'vfs_read', { legacy: true, offset: 1 }),
      /middle of an instruction|cannot be probed there/,
    );
    assert.doesNotMatch(events(), /skep_/);
  }),
);

kernelTest('a process that is killed: its guard removes the events', { kprobes: true, guest: true }, async () => {
  const child = spawn(process.execPath, [join(built, 'test', 'host', 'attach', 'tracefs-victim.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.match(events(), new RegExp(`skep_${child.pid}_`));
  child.kill('SIGKILL');
  await gone(new RegExp(`skep_${child.pid}_`));
});

kernelTest('events of a process that is gone with its guard are found by the next', { kprobes: true, guest: true }, () => {
  // No process has the number 4194304: it is beyond the largest.
  const line = `p:skep_4194304_1/p_0_x ${FUNCTION}\n`;
  appendFileSync(`${tracefsPath(kernel)}/kprobe_events`, `${line}p:other/p_0_x ${FUNCTION}\n`);
  assert.deepEqual(removeStaleProbes(kernel), ['skep_4194304_1/p_0_x']);
  assert.match(events(), /^p:other\/p_0_x /m, "another tracer's event stays");
  appendFileSync(`${tracefsPath(kernel)}/kprobe_events`, '-:other/p_0_x\n');
});
