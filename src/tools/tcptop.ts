/** tcptop: which TCP sessions carry most, and whose are they? */
import { printf } from '../render/printf.ts';
import { safe } from '../render/safe.ts';
import { COMM, PID } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { EVERY_SECOND, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { addressText, ENDS, ENDS_FIELDS, type Ends, endsRecord, FAMILY_FLAGS, familyDefine, ipVersion } from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { topHeading } from './parts/top.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct session {
    u32 pid;
    u32 pad;
    char comm[TASK_COMM_LEN];
    struct ends ends;
};
BPF_HASH(sent, struct session, u64, 10240);
BPF_HASH(received, struct session, u64, 10240);

/* False for what is not asked for. */
static inline int session_of(struct sock *sk, struct session *s)
{
    if (filtered() || !ends_of(sk, &s->ends))
        return 0;
    s->pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&s->comm, sizeof(s->comm));
    return 1;
}

static inline int sends(struct sock *sk, int bytes)
{
    struct session s = {};

    if (bytes > 0 && session_of(sk, &s))
        sent.atomic_increment(s, bytes);
    return 0;
}

static inline int receives(struct sock *sk, int bytes)
{
    struct session s = {};

    if (bytes > 0 && session_of(sk, &s))
        received.atomic_increment(s, bytes);
    return 0;
}
`;

/** What a program has read makes room in the window: that is when it is counted. */
const HOOKS: Readonly<Record<string, string>> = {
  fentry: `
KRETFUNC_PROBE(tcp_sendmsg, struct sock *sk, struct msghdr *msg, size_t size, int ret) { return sends(sk, ret); }
KFUNC_PROBE(tcp_cleanup_rbuf, struct sock *sk, int copied) { return receives(sk, copied); }
`,
  kprobe: `
int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk, struct msghdr *msg, size_t size) { return sends(sk, size); }
int kprobe__tcp_cleanup_rbuf(struct pt_regs *ctx, struct sock *sk, int copied) { return receives(sk, copied); }
`,
};

interface Session {
  readonly pid: number;
  readonly comm: string;
  readonly ends: Ends;
}

interface Row {
  readonly session: Session;
  tx: bigint;
  rx: bigint;
}

const keyOf = ({ pid, comm, ends }: Session): string => `${pid} ${comm} ${endText(ends, 'laddr')} ${endText(ends, 'raddr')}`;

function endText(e: Ends, which: 'laddr' | 'raddr'): string {
  return `${addressText(e.family, e[which])}:${which === 'laddr' ? e.lport : e.rport}`;
}

export const tool = defineTool({
  name: 'tcptop',
  topic: 'network',
  summary: 'Summarize TCP send/recv throughput by host. Top for TCP',
  about:
    'Prints every second what TCP sessions carried, the busiest first: what programs sent and read, not what went over the wire. ' +
    'IPv6 sessions are in a table of their own below.',
  flags: {
    noclear: { type: 'boolean', short: 'C', help: 'do not clear the screen' },
    nosummary: { type: 'boolean', short: 'S', help: 'no line with time and load' },
    pid: PID_FLAG,
    ...FAMILY_FLAGS,
    ...CONTAINER_FLAGS,
  },
  positionals: EVERY_SECOND,
  examples: [
    { command: 'tcptop', help: 'every second' },
    { command: 'tcptop -C 1 10', help: 'ten times, without clearing the screen' },
    { command: 'tcptop -p 181', help: 'only process 181' },
    { command: 'tcptop -4 -S 5', help: 'only IPv4, every five seconds, tables only' },
    { command: 'tcptop --json 5 1', help: 'a JSON object for each session, once' },
  ],
  fields: [
    TIME_FIELD,
    PID,
    COMM,
    ...ENDS_FIELDS,
    { name: 'rx_bytes', type: 'integer', help: 'bytes read by the program' },
    { name: 'tx_bytes', type: 'integer', help: 'bytes sent by it' },
  ],
  probes: [
    { kind: 'fentry', targets: ['tcp_sendmsg', 'tcp_cleanup_rbuf'], minKernel: '5.5' },
    { kind: 'kprobe', targets: ['tcp_sendmsg', 'tcp_cleanup_rbuf'] },
  ],
  program: (options, _args, { kind }) =>
    program({ ...filters(options), ...familyDefine(options) }, FILTER, ENDS, PROGRAM, HOOKS[kind] ?? ''),
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line(`Tracing... Output every ${args['interval']} secs. Hit Ctrl-C to end`);
    for await (const _ of roundsOf({ args, rounds })) {
      let time = new Date().toISOString();
      if (options.nosummary) out.screen(options.noclear);
      else time = topHeading(out, { clear: !options.noclear });
      const rows = new Map<string, Row>();
      for (const [map, count] of [
        ['sent', 'tx'],
        ['received', 'rx'],
      ] as const) {
        for (const [session, bytes] of bpf.map<Session, bigint>(map).drain()) {
          let row = rows.get(keyOf(session));
          if (!row) rows.set(keyOf(session), (row = { session, tx: 0n, rx: 0n }));
          row[count] += bytes;
        }
      }
      const sorted = [...rows.values()].sort((a, b) => Number(b.tx + b.rx - a.tx - a.rx));
      for (const ip of [4, 6] as const) {
        const mine = sorted.filter(({ session }) => ipVersion(session.ends) === ip);
        // BCC always shows the table of IPv4, unless only the other is asked for.
        if (mine.length === 0 && (ip === 6 || options.ipv6)) continue;
        const [heads, widths] = ip === 4 ? [['LADDR', 'RADDR'], '%-21s %-21s'] : [['LADDR6', 'RADDR6'], '%-32s %-32s'];
        if (ip === 6) out.line();
        out.line(printf(`%-7s %-12s ${widths} %6s %6s`, 'PID', 'COMM', ...(heads as [string, string]), 'RX_KB', 'TX_KB'));
        for (const { session, tx, rx } of mine) {
          const { pid, comm, ends } = session;
          out.record(
            { time, pid, comm, ...endsRecord(ends), rx_bytes: rx, tx_bytes: tx },
            printf(
              `%-7d %-12.12s ${widths} %6d %6d`,
              ...[pid, safe(comm), endText(ends, 'laddr'), endText(ends, 'raddr'), rx / 1024n, tx / 1024n],
            ),
          );
        }
      }
    }
  },
});
