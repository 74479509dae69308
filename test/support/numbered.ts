/** What examples of tools name by number or name, and a guest does not have by itself: processes, and a network interface. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Processes with these numbers: sleeping ones, started where there is none yet. In a guest only: the kernel is told what number comes next. */
export function processesWith(pids: readonly number[]): ChildProcess[] {
  const started: ChildProcess[] = [];
  for (const pid of pids)
    for (let tries = 0; tries < 40 && !isProcess(pid); tries++) {
      // A thread has the number, and will end.
      if (existsSync(`/proc/${pid}`)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      started.push(spawn('sleep', ['1000'], { stdio: 'ignore' }));
    }
  return started;
}

/** /proc has threads under their numbers, too, though it does not list them; what is ending may still be there. */
function isProcess(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return status.includes(`\nTgid:\t${pid}\n`) && !/^State:\t[ZX]/m.test(status);
  } catch {
    return false;
  }
}

/** A network interface with this name. */
export function interfaceNamed(name: string): void {
  if (!existsSync(`/sys/class/net/${name}`)) execFileSync('ip', ['link', 'add', name, 'up', 'type', 'dummy']);
}
