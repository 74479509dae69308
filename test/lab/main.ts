/**
 * `npm run lab -- <kernel> [command…]`: boots a guest and runs the command in it; a shell without one.
 */
import { labMissing, runGuest } from './guest.ts';
import { guestKernel, LabError, SERIES, type Series } from './kernels.ts';

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const keep = args[0] === '--keep' ? args.shift() !== undefined : false;
  const [series, ...command] = args;
  if (series === undefined || !SERIES.includes(series as Series)) {
    process.stderr.write(`usage: npm run lab -- [--keep] <${SERIES.join('|')}> [command…]\n`);
    return 2;
  }
  const missing = labMissing();
  if (missing !== undefined) throw new LabError(`the lab cannot run here: ${missing}`);
  const kernel = guestKernel(series as Series);
  const shell = command.length === 0;
  const minutes = Number(process.env['SKEP_LAB_MINUTES'] ?? (shell ? 24 * 60 : 10));
  const result = await runGuest({
    kernel,
    command: shell ? 'exit 1' : command.join(' '),
    keep: keep || shell,
    timeLimit: minutes * 60_000,
    onOutput: (text) => process.stdout.write(text),
  });
  if (process.env['SKEP_LAB_TIMES'])
    process.stderr.write(`booted in ${((result.bootTime ?? 0) / 1000).toFixed(1)} s (${kernel.release})\n`);
  switch (result.end.kind) {
    case 'exit':
      return result.end.status;
    case 'died':
      process.stderr.write(`the guest died; its console:\n${result.console}\n`);
      return 3;
    case 'timeout':
      process.stderr.write(`the guest was ended after ${minutes} minutes; its console:\n${result.console}\n`);
      return 4;
  }
}

main().then(
  (status) => process.exit(status),
  (error) => {
    process.stderr.write(`${error instanceof LabError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  },
);
