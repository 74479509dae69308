/** An array of cgroups, to ask whether a process is below one. Linux 4.8. */
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_CGROUP_ARRAY(groups, 2);
BPF_HASH(calls, u32, u64);

TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)
{
    if (groups.check_current_task(0) > 0)
        calls.increment(args->who);
    return 0;
}`,
});

// Where cgroup2 is mounted; the root of it holds every process.
const mount = readFileSync('/proc/self/mounts', 'utf8')
  .split('\n')
  .find((line) => line.split(' ')[2] === 'cgroup2');
b.map('groups').set(0, mount?.split(' ')[1] ?? '/sys/fs/cgroup');
getPriority(process.pid);
console.log(`calls from below the cgroup: ${b.map<number, bigint>('calls').get(process.pid)}`);
