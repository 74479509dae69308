/** gethostlatency: how long do look-ups of host names take? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const CALLS = ['getaddrinfo', 'gethostbyname', 'gethostbyname2'] as const;

const PROGRAM = `
#include <linux/sched.h>

#define HOST_SIZE 256

struct event {
    u64 ts;
    u64 duration;
    u32 pid;
    u32 tid;
    char comm[TASK_COMM_LEN];
    char host[HOST_SIZE];
};

struct lookup {
    u64 start;
    const char *host;
};

BPF_HASH(lookups, u32, struct lookup, 10240);
BPF_RINGBUF_OUTPUT(events, 64);

int begin(struct pt_regs *ctx)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct lookup l = { .host = (const char *)PT_REGS_PARM1(ctx) };

    if (filtered())
        return 0;
    /* A look-up without a name is none. */
    if (!l.host)
        return 0;
    l.start = bpf_ktime_get_ns();
    lookups.update(&tid, &l);
    return 0;
}

int finish(struct pt_regs *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct lookup *l = lookups.lookup(&tid);
    struct event e = {};

    if (!l)
        return 0;
    e.ts = bpf_ktime_get_ns();
    e.duration = e.ts - l->start;
    e.pid = id >> 32;
    e.tid = tid;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    /* Read at the end: by then the name was used, so its page is there. */
    if (bpf_probe_read_user_str(e.host, HOST_SIZE, l->host) < 0)
        e.host[0] = 0;
    events.ringbuf_output(&e, sizeof(e), 0);
    lookups.delete(&tid);
    return 0;
}
`;

interface Lookup {
  readonly ts: bigint;
  readonly duration: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly host: string;
}

export const tool = defineTool({
  name: 'gethostlatency',
  topic: 'network',
  summary: 'Trace latency for getaddrinfo/gethostbyname[2] calls',
  about:
    'Prints a line for each look-up of a host name through the C library: who, which name, and how long it took. Programs ' +
    "that bring a resolver of their own (Go, some browsers), and other C libraries than the system's, are not seen.",
  flags: { pid: PID_FLAG },
  positionals: [],
  examples: [
    { command: 'gethostlatency', help: 'all look-ups' },
    { command: 'gethostlatency -p 181', help: 'only process 181' },
    { command: 'gethostlatency --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    TID,
    COMM,
    { name: 'latency_ms', type: 'number', help: 'milliseconds it took' },
    { name: 'host', type: 'string', help: 'the name that was looked up' },
  ],
  probes: [{ kind: 'uprobe', targets: CALLS.map((call) => `c:${call}`), minKernel: '5.8' }],
  program: (options) => program(filters(options), FILTER, PROGRAM),
  attach(bpf, { pid }) {
    const only = pid === undefined ? {} : { pid };
    for (const sym of CALLS) {
      bpf.attachUretprobe({ name: 'c', sym, ...only }, 'finish');
      bpf.attachUprobe({ name: 'c', sym, ...only }, 'begin');
    }
  },
  async run({ out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Lookup>([
      { head: 'TIME', format: '%-9s ', value: (e) => clock.text(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'LATms', format: '%10.2f ', value: (e) => Number(e.duration) / 1e6 },
      { head: 'HOST', format: '%s', value: (e) => e.host },
    ]);
    out.line(columns.header);
    await events<Lookup>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        tid: e.tid,
        comm: e.comm,
        latency_ms: Number(e.duration) / 1e6,
        host: e.host,
      }));
    });
  },
});
