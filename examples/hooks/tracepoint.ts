/** A tracepoint: a fixed place in the kernel with a stable record. Linux 4.7. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(calls, u32, u64);

TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)
{
    calls.increment(args->who);
    return 0;
}`,
});

getPriority(process.pid);
console.log(`the priority of this process was asked for ${b.map<number, bigint>('calls').get(process.pid)} times`);
