/** A perf buffer: a ring for each CPU, on every kernel since 4.4; the kernel counts what does not fit. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct event { u32 pid; char comm[16]; };
BPF_PERF_OUTPUT(events);

TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)
{
    struct event e = { .pid = args->who };
    if (e.pid != (u32)(bpf_get_current_pid_tgid() >> 32))
        return 0;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.perf_submit(args, &e, sizeof(e));
    return 0;
}`,
});

// In batches: as many as were waiting.
const events = b.events<{ pid: number; comm: string }>('events', { pages: 8, onLost: (count) => console.log(`${count} lost`) });
getPriority(process.pid);
for await (const batch of events.batches()) {
  console.log(`${batch.length} event of ${batch[0]?.comm}`);
  break;
}
