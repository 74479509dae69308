/** A ring buffer: records of all CPUs in order, typed as the program submits them. Linux 5.8. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct event { u64 ts; u32 pid; u32 which; char comm[16]; };
BPF_RINGBUF_OUTPUT(events, 8);

TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)
{
    if (args->who != (u32)(bpf_get_current_pid_tgid() >> 32))
        return 0;
    struct event *e = events.ringbuf_reserve(sizeof(*e));
    if (!e)
        return 0; /* full: counted, b.lost('events') tells */
    e->ts = bpf_ktime_get_ns();
    e->pid = args->who;
    e->which = args->which;
    bpf_get_current_comm(&e->comm, sizeof(e->comm));
    events.ringbuf_submit(e, 0);
    return 0;
}`,
});

interface Event {
  readonly ts: bigint;
  readonly pid: number;
  readonly comm: string;
}

const events = b.events<Event>('events');
for (let i = 0; i < 3; i++) getPriority(process.pid);
let count = 0;
for await (const event of events) {
  console.log(`${event.comm}: pid is right: ${event.pid === process.pid}, time is bigint: ${typeof event.ts === 'bigint'}`);
  if (++count === 3) break;
}
console.log(`${events.received} received, ${events.lost} lost`);
