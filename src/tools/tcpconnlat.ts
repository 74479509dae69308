/** tcpconnlat: how long do connections take to be answered? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { addressText, ENDS, ENDS_FIELDS, type Ends, endsRecord, FAMILY_FLAGS, familyDefine, ipVersion } from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** From the start of connect() to the packet that answers, whether it accepts or refuses. */
const PROGRAM = `
#include <linux/sched.h>
#include <net/tcp_states.h>

struct start {
    u64 ts;
    u32 pid;
    u32 pad;
    char comm[TASK_COMM_LEN];
};
BPF_HASH(starts, u64, struct start, 65536);

struct event {
    u64 ts;
    u64 delta;
    u32 pid;
    u32 pad;
    char comm[TASK_COMM_LEN];
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);

static inline int connecting(struct sock *sk)
{
    u64 key = (u64)sk;
    struct start s = {};

    if (filtered())
        return 0;
    s.ts = bpf_ktime_get_ns();
    s.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&s.comm, sizeof(s.comm));
    starts.update(&key, &s);
    return 0;
}

static inline int answered(struct sock *sk)
{
    u64 key = (u64)sk;
    struct event e = {};

    if (sk->__sk_common.skc_state != TCP_SYN_SENT)
        return 0;
    struct start *s = starts.lookup(&key);
    if (!s)
        return 0;
    e.ts = bpf_ktime_get_ns();
    e.delta = e.ts - s->ts;
    e.pid = s->pid;
    __builtin_memcpy(e.comm, s->comm, sizeof(e.comm));
    starts.delete(&key);
#ifdef MIN_NS
    if (e.delta < MIN_NS)
        return 0;
#endif
    if (ends_of(sk, &e.ends))
        events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}

/* A connection that nobody answers ends here. */
TRACEPOINT_PROBE(tcp, tcp_destroy_sock)
{
    u64 key = (u64)args->skaddr;

    starts.delete(&key);
    return 0;
}
`;

const HOOKS: Readonly<Record<string, string>> = {
  fentry: `
KFUNC_PROBE(tcp_v4_connect, struct sock *sk) { return connecting(sk); }
KFUNC_PROBE(tcp_v6_connect, struct sock *sk) { return connecting(sk); }
KFUNC_PROBE(tcp_rcv_state_process, struct sock *sk) { return answered(sk); }
`,
  kprobe: `
int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) { return connecting(sk); }
int kprobe__tcp_v6_connect(struct pt_regs *ctx, struct sock *sk) { return connecting(sk); }
int kprobe__tcp_rcv_state_process(struct pt_regs *ctx, struct sock *sk) { return answered(sk); }
`,
};

interface Latency {
  readonly ts: bigint;
  readonly delta: bigint;
  readonly pid: number;
  readonly comm: string;
  readonly ends: Ends;
}

const ms = (e: Latency): number => Number(e.delta) / 1e6;

export const tool = defineTool({
  name: 'tcpconnlat',
  topic: 'network',
  summary: 'Trace TCP active connection latency',
  about:
    'Prints a line for each connection that a program opened, once the other side has answered, with the time that took: the network ' +
    'and the other kernel, but not the other program. Connections that are refused are shown, too; those that nobody answers are not.',
  flags: {
    timestamp: { type: 'boolean', short: 't', help: 'print seconds since the first connection' },
    pid: PID_FLAG,
    lport: { type: 'boolean', short: 'L', help: 'print the local port' },
    ...FAMILY_FLAGS,
  },
  positionals: [{ name: 'duration_ms', type: 'number', help: 'only connections that took at least so many milliseconds' }],
  examples: [
    { command: 'tcpconnlat', help: 'all connections' },
    { command: 'tcpconnlat 1', help: 'only those of a millisecond and more' },
    { command: 'tcpconnlat 0.1', help: 'of 100 microseconds and more' },
    { command: 'tcpconnlat -t -p 181', help: 'with time, only process 181' },
    { command: 'tcpconnlat --json', help: 'a JSON object for each' },
  ],
  fields: [TIME, PID, COMM, ...ENDS_FIELDS, { name: 'lat_ms', type: 'number', help: 'milliseconds until the answer' }],
  probes: [
    {
      kind: 'fentry',
      targets: ['tcp_v4_connect', 'tcp_v6_connect', 'tcp_rcv_state_process'],
      also: [{ kind: 'tracepoint', targets: ['tcp:tcp_destroy_sock'] }],
      minKernel: '5.8',
    },
    {
      kind: 'kprobe',
      targets: ['tcp_v4_connect', 'tcp_v6_connect', 'tcp_rcv_state_process'],
      also: [{ kind: 'tracepoint', targets: ['tcp:tcp_destroy_sock'] }],
      minKernel: '5.8',
    },
  ],
  program(options, args, { kind }) {
    const least = typeof args['duration_ms'] === 'number' ? Math.round(args['duration_ms'] * 1e6) : 0;
    return program(
      { ...filters(options), ...familyDefine(options), MIN_NS: least > 0 ? least : undefined },
      FILTER,
      ENDS,
      PROGRAM,
      HOOKS[kind] ?? '',
    );
  },
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Latency>([
      options.timestamp && { head: 'TIME(s)', format: '%-9.3f', value: (e) => clock.sinceFirst(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-12.12s ', value: (e) => e.comm },
      { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'SADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.laddr) },
      options.lport && { head: 'LPORT', format: '%-6d ', value: (e) => e.ends.lport },
      { head: 'DADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.raddr) },
      { head: 'DPORT', format: '%-5d ', value: (e) => e.ends.rport },
      { head: 'LAT(ms)', format: '%.2f', value: ms },
    ]);
    out.line(columns.header);
    await events<Latency>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({ time: clock.iso(e.ts), pid: e.pid, comm: e.comm, ...endsRecord(e.ends), lat_ms: ms(e) }));
    });
  },
});
