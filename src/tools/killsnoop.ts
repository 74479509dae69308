/** killsnoop: who sends which signal to whom? */
import type { Kernel } from '../kernel/port.ts';
import { readTextIfThere } from '../kernel/text.ts';
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, RET, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct event {
    u64 ts;
    u32 pid;
    u32 tid;
    int tpid;
    int sig;
    int ret;
    char comm[TASK_COMM_LEN];
};

struct kill_call {
    int tpid;
    int sig;
};

BPF_HASH(calls, u32, struct kill_call, 10240);
BPF_RINGBUF_OUTPUT(events, 16);

TRACEPOINT_PROBE(syscalls, sys_enter_kill)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct kill_call c = { .tpid = args->pid, .sig = args->sig };

    if (filtered())
        return 0;
#ifdef TARGET_PID
    if (c.tpid != TARGET_PID)
        return 0;
#endif
#ifdef SIGNAL
    if (c.sig != SIGNAL)
        return 0;
#endif
    calls.update(&tid, &c);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_exit_kill)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct kill_call *c = calls.lookup(&tid);
    struct event e = {};

    if (!c)
        return 0;
#ifdef FAILED_ONLY
    if (args->ret >= 0)
        goto done;
#endif
    e.ts = bpf_ktime_get_ns();
    e.pid = id >> 32;
    e.tid = tid;
    e.tpid = c->tpid;
    e.sig = c->sig;
    e.ret = args->ret;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
#ifdef FAILED_ONLY
done:
#endif
    calls.delete(&tid);
    return 0;
}
`;

interface Kill {
  readonly ts: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly tpid: number;
  readonly sig: number;
  readonly ret: number;
  readonly comm: string;
}

/** One more than the digits of the largest pid. */
function pidWidth(kernel: Kernel): number {
  return (readTextIfThere(kernel, '/proc/sys/kernel/pid_max')?.trim().length ?? 5) + 1;
}

export const tool = defineTool({
  name: 'killsnoop',
  topic: 'processes',
  summary: 'Trace signals issued by the kill() syscall',
  about: 'Prints a line for each kill(): the sender, the signal, the process it was for, and what came of it (0, or -errno).',
  flags: {
    failed: { type: 'boolean', short: 'x', help: 'only calls that failed' },
    pid: { ...PID_FLAG, help: 'only this sender' },
    tpid: { type: 'integer', short: 'T', value: 'PID', help: 'only this receiver; a negative number is a group, -1 all' },
    signal: { type: 'count', short: 's', value: 'NUMBER', help: 'only this signal' },
  },
  positionals: [],
  examples: [
    { command: 'killsnoop', help: 'all signals sent by kill()' },
    { command: 'killsnoop -x', help: 'only those that could not be sent' },
    { command: 'killsnoop -p 181', help: 'only what process 181 sends' },
    { command: 'killsnoop -T 189', help: 'only what process 189 is sent' },
    { command: 'killsnoop -s 9', help: 'only signal 9' },
  ],
  fields: [
    TIME,
    PID,
    TID,
    COMM,
    { name: 'signal', type: 'integer', help: 'number of the signal' },
    { name: 'tpid', type: 'integer', help: 'the receiver, as it was given: a process, 0 or a negative number for groups' },
    RET,
  ],
  probes: [{ kind: 'tracepoint', targets: ['syscalls:sys_enter_kill', 'syscalls:sys_exit_kill'], minKernel: '5.8' }],
  program: (options) =>
    program({ ...filters(options), FAILED_ONLY: options.failed, TARGET_PID: options.tpid, SIGNAL: options.signal }, FILTER, PROGRAM),
  async run({ out, load, events, kernel }) {
    const bpf = await load();
    const clock = new EventClock();
    const pid = `%-${pidWidth(kernel)}d `;
    const columns = new Columns<Kill>([
      { head: 'TIME', format: '%-9s ', value: (e) => clock.text(e.ts) },
      { head: 'PID', format: pid, value: (e) => e.pid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'SIG', format: '%-4d ', value: (e) => e.sig },
      { head: 'TPID', format: pid, value: (e) => e.tpid },
      { head: 'RESULT', format: '%d', value: (e) => e.ret },
    ]);
    out.line(columns.header);
    await events<Kill>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        tid: e.tid,
        comm: e.comm,
        signal: e.sig,
        tpid: e.tpid,
        ret: e.ret,
      }));
    });
  },
});
