/**
 * A command that is started and held before its first instruction, until probes are on it.
 *
 *   sh: "here I am" ─▶ probes are attached ─▶ "go" ─▶ exec of the command, in the same process
 *                   └▶ the tool failed, or was killed: the line ends, and so does the shell, and nothing is run
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { UsageError } from '../kernel/errors.ts';
import type { StoppedCommand } from '../tools/tool.ts';

/** Words are split at white space, as BCC's tools do. The shell that holds it becomes the command: the pid stays. */
export async function startStopped(command: string): Promise<StoppedCommand> {
  const words = command.trim().split(/\s+/);
  if (words[0] === '') throw new UsageError('the command is empty');
  const held = 'echo >&3 && read -r go <&3 && exec "$@" 3<&-';
  const child = spawn('/bin/sh', ['-c', held, 'sh', ...words], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const line = child.stdio[3] as Socket;
  // A command that is gone does not read.
  line.on('error', () => {});
  const ended = new Promise<string>((resolve) =>
    child.once('exit', (status, signal) => {
      line.destroy();
      resolve(signal === null ? `status ${status}` : `signal ${signal}`);
    }),
  );
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
    line.once('data', () => resolve());
  });
  return {
    pid: child.pid as number,
    go: () => void line.write('go\n'),
    ended,
    letGo() {
      line.destroy();
      child.unref();
    },
  };
}
