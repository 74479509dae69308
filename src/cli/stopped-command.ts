/** A command that is started and held before its first instruction, until probes are on it. */
import { spawn } from 'node:child_process';
import { UsageError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import type { StoppedCommand } from '../tools/tool.ts';

/** Words are split at white space, as BCC's tools do. The shell that holds it becomes the command: the pid stays. */
export async function startStopped(command: string): Promise<StoppedCommand> {
  const words = command.trim().split(/\s+/);
  if (words[0] === '') throw new UsageError('the command is empty');
  const child = spawn('/bin/sh', ['-c', 'kill -STOP $$; exec "$@"', 'sh', ...words], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid as number));
  });
  // A signal to go on that came before it has stopped would be lost.
  while (child.exitCode === null && !isStopped(pid)) await new Promise((resolve) => setTimeout(resolve, 2));
  return { pid, go: () => void child.kill('SIGCONT'), ended };
}

function isStopped(pid: number): boolean {
  try {
    // 'pid (name) state …'; the name may hold anything.
    return / T /.test(
      new TextDecoder()
        .decode(linuxKernel().readFile(`/proc/${pid}/stat`))
        .replace(/^.*\)/s, '')
        .slice(0, 3),
    );
  } catch {
    return false;
  }
}
