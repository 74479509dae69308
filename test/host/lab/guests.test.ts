/** What the lab does with a guest that panics or hangs: it ends, its console is there, and the command's output so far. */
import assert from 'node:assert/strict';
import { type GuestResult, labMissing, runGuest } from '../../lab/guest.ts';
import { guestKernel, SERIES } from '../../lab/kernels.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';

const TIMEOUT = 1_200_000;
const elsewhere = guestSeries === undefined ? labMissing() : 'a guest starts no guests';

for (const series of SERIES) {
  kernelTest(`a panic in ${series}: sysrq`, { timeout: TIMEOUT, not: elsewhere }, async () => {
    const { output, end, console } = await inGuest(series, 'echo before; echo c > /proc/sysrq-trigger; sleep 600');
    assert.deepEqual(end, { kind: 'died' });
    assert.match(output, /^before\r?\n$/);
    assert.match(console, /sysrq: Trigger a crash|sysrq triggered crash/);
    assert.match(console, /Kernel panic - not syncing/);
  });
}

kernelTest('a hang: the guest is ended at the time limit', { timeout: TIMEOUT, not: elsewhere }, async () => {
  const { output, end, console } = await inGuest('6.12', 'echo before; echo "<1>skep-lab hangs" > /dev/kmsg; sleep 600', 5000);
  assert.deepEqual(end, { kind: 'timeout' });
  assert.match(output, /^before\r?\n$/);
  assert.match(console, /skep-lab hangs/);
});

async function inGuest(series: (typeof SERIES)[number], command: string, commandLimit?: number): Promise<GuestResult & { output: string }> {
  let output = '';
  const result = await runGuest({
    kernel: guestKernel(series),
    command,
    timeLimit: TIMEOUT,
    ...(commandLimit === undefined ? {} : { commandLimit }),
    onOutput: (text) => {
      output += text;
    },
  });
  return { ...result, output };
}
