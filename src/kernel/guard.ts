/**
 * Something that is done once this process is gone, however it ends: nothing else outlives SIGKILL.
 *
 *   skep ──(pipe)──▶ sh: waits for the end of its input ─▶ script
 *
 * A guard is a shell of its own session that sleeps in read(2) and costs nothing. It is used only for what the kernel
 * would not clean up by itself; where there is no shell there is no guard, and leftovers are found at the next start.
 */
import type { Socket } from 'node:net';

export interface Guard {
  /** Has the script run now. Harmless to call again. */
  release(): void;
}

/** `script` is run by sh with `args` as $1, $2, …, with `fd` as its descriptor 3. */
export function startGuard(script: string, args: readonly string[], fd?: number): Guard | undefined {
  // `read` in a loop: also a stray byte would not start the script.
  const text = `trap '' HUP INT TERM; while read -r _; do :; done; ${script}`;
  try {
    // Loaded here: few starts need it, and it takes two milliseconds.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn('/bin/sh', ['-c', text, 'skep-guard', ...args], {
      stdio: ['pipe', 'ignore', 'ignore', fd ?? 'ignore'],
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
    });
    child.on('error', () => {});
    const input = child.stdin as Socket | null;
    input?.on('error', () => {});
    // Neither keeps this process from ending.
    child.unref();
    input?.unref();
    return child.pid === undefined || input === null ? undefined : { release: () => void input.end() };
  } catch {
    return undefined;
  }
}
