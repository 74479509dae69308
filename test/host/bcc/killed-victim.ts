/** A process to be killed: opens, loads, attaches, reads and closes, again and again, and says what it has done. */
import { BPF } from '../../../src/bcc/bpf.ts';

const TEXT = `
struct event { u32 pid; char comm[16]; };
BPF_RINGBUF_OUTPUT(events, 8);
BPF_HASH(calls, u32, u64);

TRACEPOINT_PROBE(raw_syscalls, sys_enter)
{
    struct event e = { .pid = bpf_get_current_pid_tgid() >> 32 };

    bpf_get_current_comm(e.comm, sizeof(e.comm));
    if (e.pid == OWN_PID)
        events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}

int on_call(struct pt_regs *ctx)
{
    calls.increment(bpf_get_current_pid_tgid());
    return 0;
}`;

const said = (stage: string): void => void process.stdout.write(`${stage}\n`);

for (;;) {
  said('opened');
  const b = await BPF.load({ text: TEXT, cflags: [`-DOWN_PID=${process.pid}`] });
  said('loaded');
  b.attachKprobe('vfs_read', 'on_call');
  b.attachKprobe('vfs_write', 'on_call', { legacy: true });
  b.attachKretprobe('vfs_open', 'on_call', { maxactive: 4 });
  said('attached');
  b.traceOpen({ private: true });
  let read = 0;
  for await (const _ of b.events('events')) if (++read >= 20) break;
  said('read');
  b.close();
  said('closed');
}
