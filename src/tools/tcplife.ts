/** tcplife: which TCP sessions were there, how long did they live, and what did they carry? */

import { Columns } from '../render/columns.ts';
import { csvLine } from '../render/csv.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TIME } from './parts/fields.ts';
import {
  addressText,
  ENDS,
  ENDS_FIELDS,
  ENDS_OF_ARGS,
  type Ends,
  endsRecord,
  FAMILY_FLAGS,
  familyDefine,
  ipVersion,
  portMacro,
} from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/**
 * The state changes of a session come in whatever context the packet came in. Its process is the one that was running
 * when it was opened, or when it said goodbye; only if neither was seen, the one that is running at its end.
 */
const PROGRAM = `
#include <linux/sched.h>
#include <linux/tcp.h>
#include <net/tcp_states.h>

struct owner {
    u32 pid;
    char comm[TASK_COMM_LEN];
};
BPF_HASH(owners, u64, struct owner, 65536);
BPF_HASH(births, u64, u64, 65536);

struct event {
    u64 ts;
    u64 span;
    u64 rx;
    u64 tx;
    struct owner owner;
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
    u64 sk = (u64)args->skaddr;
    u64 now = bpf_ktime_get_ns();
    struct event e = {};

    if (args->protocol != IPPROTO_TCP)
        return 0;
    if (args->newstate < TCP_FIN_WAIT1)
        births.update(&sk, &now);
    if (args->newstate == TCP_SYN_SENT || args->newstate == TCP_LAST_ACK) {
        struct owner me = {};

        me.pid = bpf_get_current_pid_tgid() >> 32;
        bpf_get_current_comm(&me.comm, sizeof(me.comm));
        owners.update(&sk, &me);
    }
    if (args->newstate != TCP_CLOSE)
        return 0;

    u64 *birth = births.lookup(&sk);
    struct owner *owner = owners.lookup(&sk);
    if (owner) {
        e.owner = *owner;
        owners.delete(&sk);
    } else {
        e.owner.pid = bpf_get_current_pid_tgid() >> 32;
        bpf_get_current_comm(&e.owner.comm, sizeof(e.owner.comm));
    }
    if (!birth)
        return 0;
    e.ts = now;
    e.span = now - *birth;
    births.delete(&sk);
#ifdef ONLY_PID
    if (e.owner.pid != ONLY_PID)
        return 0;
#endif
    ENDS_OF_ARGS(args, &e.ends);
    if (!wanted_family(e.ends.family) || !wanted_ports(e.ends.lport, e.ends.rport))
        return 0;
    struct tcp_sock *tp = (struct tcp_sock *)args->skaddr;
    e.rx = tp->bytes_received;
    e.tx = tp->bytes_acked;
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}
`;

interface Life {
  readonly ts: bigint;
  readonly span: bigint;
  readonly rx: bigint;
  readonly tx: bigint;
  readonly owner: { readonly pid: number; readonly comm: string };
  readonly ends: Ends;
}

const kb = (bytes: bigint): bigint => bytes / 1024n;
const ms = ({ span }: Life): number => Number(span) / 1e6;

export const tool = defineTool({
  name: 'tcplife',
  topic: 'network',
  summary: 'Trace TCP sessions and summarize lifespan',
  about:
    'Prints a line for each TCP session when it ends: whose it was, its two ends, what it sent and received, and how long it lived. ' +
    'Sessions that were open before the tool started are not shown. Packets are not looked at, so the overhead is small.',
  flags: {
    time: { type: 'boolean', short: 'T', help: 'print the time of day' },
    timestamp: { type: 'boolean', short: 't', help: 'print seconds since the first session' },
    wide: { type: 'boolean', short: 'w', help: 'wide columns, for IPv6 addresses' },
    csv: { type: 'boolean', short: 's', help: 'values with commas between' },
    pid: { type: 'pid', short: 'p', help: 'only this process' },
    localport: { type: 'string', short: 'L', value: 'PORT[,PORT…]', help: 'only these local ports' },
    remoteport: { type: 'string', short: 'D', value: 'PORT[,PORT…]', help: 'only these remote ports' },
    ...FAMILY_FLAGS,
  },
  positionals: [],
  examples: [
    { command: 'tcplife', help: 'all sessions' },
    { command: 'tcplife -t', help: 'with seconds since the first' },
    { command: 'tcplife -w -p 181', help: 'wide columns, only process 181' },
    { command: 'tcplife -L 80,443', help: 'only local ports 80 and 443' },
    { command: 'tcplife -s', help: 'comma-separated values' },
    { command: 'tcplife --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    COMM,
    ...ENDS_FIELDS,
    { name: 'tx_bytes', type: 'integer', help: 'bytes that were sent and acknowledged' },
    { name: 'rx_bytes', type: 'integer', help: 'bytes that were received' },
    { name: 'ms', type: 'number', help: 'milliseconds that the session lived' },
  ],
  noCgroup: 'a session ends with a packet, and packets belong to no task',
  probes: [{ kind: 'tracepoint', targets: ['sock:inet_sock_set_state'], minKernel: '5.8' }],
  program: (options) =>
    program(
      { ...familyDefine(options), ONLY_PID: options.pid },
      portMacro('LOCAL_PORTS', '--localport', options.localport),
      portMacro('REMOTE_PORTS', '--remoteport', options.remoteport),
      ENDS,
      ENDS_OF_ARGS,
      PROGRAM,
    ),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const { wide, csv } = options;
    const times = [
      options.time && { head: 'TIME', format: '%-8s ', value: (e: Life) => clock.text(e.ts) },
      options.timestamp && { head: 'TIME(s)', format: '%-9.6f ', value: (e: Life) => clock.sinceFirst(e.ts) },
    ];
    const columns = new Columns<Life>([
      ...times,
      { head: 'PID', format: '%-5d ', value: (e) => e.owner.pid },
      { head: 'COMM', format: wide ? '%-16.16s ' : '%-10.10s ', value: (e) => e.owner.comm },
      wide && { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'LADDR', format: wide ? '%-26s ' : '%-15s ', value: ({ ends }) => addressText(ends.family, ends.laddr) },
      { head: 'LPORT', format: '%-5d ', value: (e) => e.ends.lport },
      { head: 'RADDR', format: wide ? '%-26s ' : '%-15s ', value: ({ ends }) => addressText(ends.family, ends.raddr) },
      { head: 'RPORT', format: '%-5d ', value: (e) => e.ends.rport },
      { head: 'TX_KB', format: wide ? '%6d ' : '%5d ', value: (e) => kb(e.tx) },
      { head: 'RX_KB', format: wide ? '%6d ' : '%5d ', value: (e) => kb(e.rx) },
      { head: 'MS', format: '%.2f', value: ms },
    ]);
    const timeHeads = times.flatMap((column) => (column === false ? [] : [column.head]));
    out.line(csv ? csvLine([...timeHeads, ...'PID COMM IP LADDR LPORT RADDR RPORT TX_KB RX_KB MS'.split(' ')]) : columns.header);
    const values = (e: Life) => [
      ...(options.time ? [clock.text(e.ts)] : []),
      ...(options.timestamp ? [clock.sinceFirst(e.ts).toFixed(6)] : []),
      ...[e.owner.pid, e.owner.comm, ipVersion(e.ends)],
      ...[addressText(e.ends.family, e.ends.laddr), e.ends.lport, addressText(e.ends.family, e.ends.raddr), e.ends.rport],
      ...[kb(e.tx), kb(e.rx), ms(e).toFixed(2)],
    ];
    await events<Life>(bpf, 'events', (event) => {
      if (csv && !out.json) out.line(csvLine(values(event)));
      else
        out.row(columns, event, (e) => ({
          time: clock.iso(e.ts),
          pid: e.owner.pid,
          comm: e.owner.comm,
          ...endsRecord(e.ends),
          tx_bytes: e.tx,
          rx_bytes: e.rx,
          ms: ms(e),
        }));
    });
  },
});
