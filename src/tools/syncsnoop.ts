/** syncsnoop: who has data written out, and by which call? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** The number in the record is the place in this list. */
const CALLS = ['sync', 'fsync', 'fdatasync', 'msync', 'sync_file_range', 'syncfs'] as const;

const PROGRAM = `
#include <linux/sched.h>

struct event {
    u64 ts;
    u32 pid;
    u32 tid;
    u32 call;
    char comm[TASK_COMM_LEN];
};

BPF_RINGBUF_OUTPUT(events, 16);

static inline int emit(u32 call)
{
    struct event e = {};
    u64 id = bpf_get_current_pid_tgid();

    if (filtered())
        return 0;
    e.ts = bpf_ktime_get_ns();
    e.pid = id >> 32;
    e.tid = id;
    e.call = call;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}

${CALLS.map(
  (call, index) => `TRACEPOINT_PROBE(syscalls, sys_enter_${call})
{
    return emit(${index});
}
`,
).join('\n')}`;

interface Sync {
  readonly ts: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly call: number;
  readonly comm: string;
}

const callName = (e: Sync): string => CALLS[e.call] ?? '?';

export const tool = defineTool({
  name: 'syncsnoop',
  topic: 'files',
  summary: 'Trace sync() and its kin',
  about: `Prints a line for each call that has data written out: ${CALLS.join(', ')}. The time is that of the kernel's clock, seconds since boot.`,
  flags: { pid: PID_FLAG },
  positionals: [],
  examples: [
    { command: 'syncsnoop', help: 'all of them' },
    { command: 'syncsnoop --json', help: 'a JSON object for each' },
  ],
  fields: [TIME, PID, TID, COMM, { name: 'call', type: 'string', help: `name of the call: ${CALLS.join(', ')}` }],
  probes: [{ kind: 'tracepoint', targets: CALLS.map((call) => `syscalls:sys_enter_${call}`), minKernel: '5.8' }],
  program: (options) => program(filters(options), FILTER, PROGRAM),
  async run({ out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Sync>([
      { head: 'TIME(s)', format: '%-18.9f ', value: (e) => Number(e.ts) / 1e9 },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'CALL', format: '%-16s', value: callName },
    ]);
    out.line(columns.header);
    await events<Sync>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({ time: clock.iso(e.ts), pid: e.pid, tid: e.tid, comm: e.comm, call: callName(e) }));
    });
  },
});
