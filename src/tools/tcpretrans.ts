/** tcpretrans: which packets are sent again, between whom, and in which state? */
import { Columns } from '../render/columns.ts';
import { printf } from '../render/printf.ts';
import { EventClock } from '../render/time.ts';
import { PID, TIME } from './parts/fields.ts';
import { addressText, ENDS, ENDS_FIELDS, type Ends, endsRecord, FAMILY_FLAGS, familyDefine, ipVersion, tcpStateText } from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/tcp.h>
#include <net/tcp.h>

#define RETRANSMIT 1
#define LOSS_PROBE 2

#ifdef COUNT
BPF_HASH(counts, struct ends, u64, 10240);
#else
struct event {
    u64 ts;
    u32 pid;
    u32 seq;
    u16 state;
    u16 kind;
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);
#endif

static inline int seen(struct sock *sk, u32 seq, int kind)
{
    struct ends ends = {};

    if (!ends_of(sk, &ends))
        return 0;
#ifdef COUNT
    counts.atomic_increment(ends);
#else
    struct event e = {};

    e.ts = bpf_ktime_get_ns();
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.seq = seq;
    e.state = sk->__sk_common.skc_state;
    e.kind = kind;
    e.ends = ends;
    events.ringbuf_output(&e, sizeof(e), 0);
#endif
    return 0;
}
`;

const SEQUENCE = `
static inline u32 sequence(struct sk_buff *skb)
{
    return ((struct tcp_skb_cb *)skb->cb)->seq;
}
`;

const HOOKS: Readonly<Record<string, string>> = {
  tracepoint: `
TRACEPOINT_PROBE(tcp, tcp_retransmit_skb)
{
    return seen((struct sock *)args->skaddr, sequence((struct sk_buff *)args->skbaddr), RETRANSMIT);
}
`,
  kprobe: `
int kprobe__tcp_retransmit_skb(struct pt_regs *ctx, struct sock *sk, struct sk_buff *skb)
{
    return seen(sk, sequence(skb), RETRANSMIT);
}
`,
};

/** What is sent again is the end of what was sent: its sequence number is not known here. */
const LOSS_PROBES = `
int kprobe__tcp_send_loss_probe(struct pt_regs *ctx, struct sock *sk)
{
    return seen(sk, ((struct tcp_sock *)sk)->snd_nxt, LOSS_PROBE);
}
`;

interface Retransmit {
  readonly ts: bigint;
  readonly pid: number;
  readonly seq: number;
  readonly state: number;
  readonly kind: number;
  readonly ends: Ends;
}

const KINDS: Readonly<Record<number, string>> = { 1: 'R', 2: 'L' };
const end = (family: number, address: Uint8Array, port: number): string => `${addressText(family, address)}:${port}`;

export const tool = defineTool({
  name: 'tcpretrans',
  topic: 'network',
  summary: 'Trace or count TCP retransmits and TLPs',
  about:
    'Prints a line for each TCP segment that is sent again because it was not acknowledged (R), and with -l for each tail loss probe (L). ' +
    'PID is what was running: often nothing (0), as timers do this. With -c, they are counted by session.',
  flags: {
    sequence: { type: 'boolean', short: 's', help: 'print the sequence number' },
    lossprobe: { type: 'boolean', short: 'l', help: 'tail loss probes, too (needs kprobes)' },
    count: { type: 'boolean', short: 'c', help: 'count by session, and print at the end' },
    ...FAMILY_FLAGS,
  },
  positionals: [],
  examples: [
    { command: 'tcpretrans', help: 'all retransmits' },
    { command: 'tcpretrans -l', help: 'tail loss probes, too' },
    { command: 'tcpretrans -s', help: 'with sequence numbers' },
    { command: 'tcpretrans -c', help: 'count by session until Ctrl-C' },
    { command: 'tcpretrans --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    { ...PID, help: 'process that was running; 0 where none was' },
    ...ENDS_FIELDS,
    { name: 'type', type: 'string', help: '"R" retransmit, "L" tail loss probe' },
    { name: 'state', type: 'string', help: 'state of the session' },
    { name: 'seq', type: 'integer', help: 'sequence number of the segment; of a loss probe that of what comes next' },
    { name: 'count', type: 'integer', help: '-c: how many; then there are only the ends' },
  ],
  noCgroup: 'segments are sent again by timers and packets, which belong to no task',
  probes: [
    { kind: 'tracepoint', targets: ['tcp:tcp_retransmit_skb'], minKernel: '5.8' },
    { kind: 'kprobe', targets: ['tcp_retransmit_skb'], minKernel: '5.8' },
  ],
  program: (options, _args, { kind }) =>
    program(
      { ...familyDefine(options), COUNT: options.count },
      ENDS,
      PROGRAM,
      SEQUENCE,
      HOOKS[kind] ?? '',
      options.lossprobe ? LOSS_PROBES : '',
    ),
  async run({ options, out, load, events, sleep }) {
    const bpf = await load();
    out.line('Tracing retransmits ... Hit Ctrl-C to end');
    if (options.count) {
      await sleep(Number.POSITIVE_INFINITY);
      out.line();
      out.line(printf('%-25s %-25s %-10s', 'LADDR:LPORT', 'RADDR:RPORT', 'RETRANSMITS'));
      const rows = [...bpf.map<Ends, bigint>('counts').entries()].sort((a, b) => Number(a[1] - b[1]));
      for (const [e, count] of rows.sort((a, b) => ipVersion(a[0]) - ipVersion(b[0]))) {
        const ends = [`[${addressText(e.family, e.laddr)}]#${e.lport}`, `[${addressText(e.family, e.raddr)}]#${e.rport}`];
        out.record({ ...endsRecord(e), count }, `${printf('%-20s <-> %-20s', ...ends)} ${printf('%10d', count)}`);
      }
      return;
    }
    const clock = new EventClock();
    const columns = new Columns<Retransmit>([
      { head: 'TIME', format: '%-8s ', value: (e) => clock.text(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'LADDR:LPORT', format: '%-20s ', value: ({ ends }) => end(ends.family, ends.laddr, ends.lport) },
      { head: 'T', format: '%1s> ', value: (e) => KINDS[e.kind] ?? '?' },
      { head: 'RADDR:RPORT', format: '%-20s ', value: ({ ends }) => end(ends.family, ends.raddr, ends.rport) },
      { head: 'STATE', format: options.sequence ? '%-12s ' : '%s', value: (e) => tcpStateText(e.state) },
      options.sequence && { head: 'SEQ', format: '%d', value: (e) => e.seq },
    ]);
    out.line(columns.header);
    await events<Retransmit>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        ...endsRecord(e.ends),
        type: KINDS[e.kind] ?? '?',
        state: tcpStateText(e.state),
        seq: e.seq,
      }));
    });
  },
});
