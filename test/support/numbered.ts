/** What examples of tools name by number or name, and a guest does not have by itself: processes, and a network interface. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

/** Processes with these numbers: sleeping ones, started where there is none yet. In a guest only: the kernel is told what number comes next. */
export function processesWith(pids: readonly number[]): ChildProcess[] {
  const started: ChildProcess[] = [];
  for (const pid of pids)
    for (let tries = 0; tries < 20 && !existsSync(`/proc/${pid}`); tries++) {
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      started.push(spawn('sleep', ['1000'], { stdio: 'ignore' }));
    }
  return started;
}

/** A network interface with this name. */
export function interfaceNamed(name: string): void {
  if (!existsSync(`/sys/class/net/${name}`)) execFileSync('ip', ['link', 'add', name, 'up', 'type', 'dummy']);
}
