/** Under load each event is there, or counted as lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { records, startTool, stop, until } from '../../support/tools.ts';

const OPENS = guestSeries === undefined ? 40_000 : 4000;

interface Open {
  readonly path: string;
  readonly err: number;
}

kernelTest(`opensnoop: ${OPENS} opens as fast as they go`, { commands: ['perl'] }, async () => {
  // The process waits for a line before it begins, so that its number is known.
  const busy = spawn('perl', ['-e', `<STDIN>; for (1..${OPENS}) { open(F, "<", "/proc/none/$_") } <STDIN>`], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const tool = await startTool(['opensnoop', '--json', '-b', '16', '-p', String(busy.pid)]);
  busy.stdin.write('\n');
  const path = /\/proc\/none\/(\d+)/;
  let last = -1;
  let [length, quiet] = [0, 0];
  await until(
    () => `the end of the opens (${last} last)`,
    () => {
      // Lines of the end may be lost, too: then nothing more comes.
      last = Number(
        path.exec(
          tool
            .out()
            .slice(-2000)
            .split('\n')
            .findLast((line) => path.test(line)) ?? '',
        )?.[1] ?? -1,
      );
      quiet = tool.out().length === length ? quiet + 1 : 0;
      length = tool.out().length;
      return last === OPENS || (last > 0 && quiet > 40);
    },
  );
  const said = await stop(tool);
  busy.stdin.end('\n');
  await once(busy, 'exit');
  const seen = records<Open>(said).filter((record) => path.test(record.path));
  assert.ok(seen.every(({ err }) => err === 2));
  const numbers = seen.map((record) => Number(path.exec(record.path)?.[1]));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
    'in their order, none twice',
  );
  assert.equal(new Set(numbers).size, numbers.length);
  const lost = Number(/warning: (\d+) events were lost/.exec(said.err)?.[1] ?? 0);
  assert.equal(numbers.length + lost, OPENS, said.err);
});
