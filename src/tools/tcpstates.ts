/** tcpstates: how do TCP sessions go from state to state, and how long do they stay in each? */
import { Columns } from '../render/columns.ts';
import { csvLine } from '../render/csv.ts';
import { safe } from '../render/safe.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TIME } from './parts/fields.ts';
import { type JournalFields, openJournal } from './parts/journal.ts';
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
  tcpStateText,
} from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>
#include <net/tcp_states.h>

BPF_HASH(since, u64, u64, 65536);

struct event {
    u64 ts;
    u64 delta;
    u64 sk;
    u32 pid;
    u16 oldstate;
    u16 newstate;
    char comm[TASK_COMM_LEN];
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
    u64 sk = (u64)args->skaddr;
    struct event e = {};

    if (args->protocol != IPPROTO_TCP)
        return 0;
    ENDS_OF_ARGS(args, &e.ends);
    if (!wanted_family(e.ends.family) || !wanted_ports(e.ends.lport, e.ends.rport))
        return 0;
    u64 *before = since.lookup(&sk);
    e.ts = bpf_ktime_get_ns();
    e.delta = before ? e.ts - *before : 0;
    e.sk = sk;
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.oldstate = args->oldstate;
    e.newstate = args->newstate;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    if (args->newstate == TCP_CLOSE)
        since.delete(&sk);
    else
        since.update(&sk, &e.ts);
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}
`;

interface Change {
  readonly ts: bigint;
  readonly delta: bigint;
  readonly sk: bigint;
  readonly pid: number;
  readonly oldstate: number;
  readonly newstate: number;
  readonly comm: string;
  readonly ends: Ends;
}

const ms = ({ delta }: Change): number => Number(delta) / 1e6;

export const tool = defineTool({
  name: 'tcpstates',
  topic: 'network',
  summary: 'Trace TCP session state changes with durations',
  about:
    'Prints a line for each change of state of a TCP session, with the milliseconds that it was in the old state (0 where the tool had not ' +
    'seen it enter). C-PID and C-COMM are what was running at that moment: packets come when they come, so often it is not the owner. ' +
    'With -Y each change is also an entry in the systemd journal, with fields of its own: journalctl -t tcpstates -o verbose.',
  flags: {
    time: { type: 'boolean', short: 'T', help: 'print the time of day' },
    timestamp: { type: 'boolean', short: 't', help: 'print seconds since the first change' },
    wide: { type: 'boolean', short: 'w', help: 'wide columns, for IPv6 addresses' },
    csv: { type: 'boolean', short: 's', help: 'values with commas between' },
    localport: { type: 'string', short: 'L', value: 'PORT[,PORT…]', help: 'only these local ports' },
    remoteport: { type: 'string', short: 'D', value: 'PORT[,PORT…]', help: 'only these remote ports' },
    journal: { type: 'boolean', short: 'Y', help: 'also make an entry in the systemd journal of each change' },
    ...FAMILY_FLAGS,
  },
  positionals: [],
  examples: [
    { command: 'tcpstates', help: 'all changes' },
    { command: 'tcpstates -t', help: 'with seconds since the first' },
    { command: 'tcpstates -w -6', help: 'wide columns, only IPv6' },
    { command: 'tcpstates -L 80,443', help: 'only local ports 80 and 443' },
    { command: 'tcpstates -s -T', help: 'comma-separated values, with the time of day' },
    { command: 'tcpstates --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    { name: 'skaddr', type: 'string', help: 'address of the socket in the kernel: the same for all changes of a session' },
    { ...PID, help: 'process that was running' },
    { ...COMM, help: 'its name' },
    ...ENDS_FIELDS,
    { name: 'oldstate', type: 'string', help: 'state before' },
    { name: 'newstate', type: 'string', help: 'state after' },
    { name: 'ms', type: 'number', help: 'milliseconds in the old state' },
  ],
  noCgroup: 'states change with packets, and packets belong to no task',
  probes: [{ kind: 'tracepoint', targets: ['sock:inet_sock_set_state'], minKernel: '5.8' }],
  program: (options) =>
    program(
      familyDefine(options),
      portMacro('LOCAL_PORTS', '--localport', options.localport),
      portMacro('REMOTE_PORTS', '--remoteport', options.remoteport),
      ENDS,
      ENDS_OF_ARGS,
      PROGRAM,
    ),
  async run({ options, out, load, events, kernel }) {
    using journal = options.journal ? openJournal(kernel) : undefined;
    const bpf = await load();
    const clock = new EventClock();
    const { wide, csv } = options;
    const times = [
      options.time && { head: 'TIME', format: '%-8s ', value: (e: Change) => clock.text(e.ts) },
      options.timestamp && { head: 'TIME(s)', format: '%-9.6f ', value: (e: Change) => clock.sinceFirst(e.ts) },
    ];
    const columns = new Columns<Change>([
      ...times,
      { head: 'SKADDR', format: '%-16x ', value: (e) => e.sk },
      { head: 'C-PID', format: '%-5d ', value: (e) => e.pid },
      { head: 'C-COMM', format: wide ? '%-16.16s ' : '%-10.10s ', value: (e) => e.comm },
      wide && { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'LADDR', format: wide ? '%-26s ' : '%-15s ', value: ({ ends }) => addressText(ends.family, ends.laddr) },
      { head: 'LPORT', format: '%-5d ', value: (e) => e.ends.lport },
      { head: 'RADDR', format: wide ? '%-26s ' : '%-15s ', value: ({ ends }) => addressText(ends.family, ends.raddr) },
      { head: 'RPORT', format: '%-5d ', value: (e) => e.ends.rport },
      { head: 'OLDSTATE', format: '%-11s -> ', value: (e) => tcpStateText(e.oldstate) },
      { head: 'NEWSTATE', format: '%-11s ', value: (e) => tcpStateText(e.newstate) },
      { head: 'MS', format: '%.3f', value: ms },
    ]);
    const timeHeads = times.flatMap((column) => (column === false ? [] : [column.head]));
    const heads = 'SKADDR C-PID C-COMM IP LADDR LPORT RADDR RPORT OLDSTATE NEWSTATE MS'.split(' ');
    out.line(csv ? csvLine([...timeHeads, ...heads]) : columns.header);
    const values = (e: Change) => [
      ...(options.time ? [clock.text(e.ts)] : []),
      ...(options.timestamp ? [clock.sinceFirst(e.ts).toFixed(6)] : []),
      ...[e.sk.toString(16), e.pid, e.comm, ipVersion(e.ends)],
      ...[addressText(e.ends.family, e.ends.laddr), e.ends.lport, addressText(e.ends.family, e.ends.raddr), e.ends.rport],
      ...[tcpStateText(e.oldstate), tcpStateText(e.newstate), ms(e).toFixed(3)],
    ];
    const show = (event: Change): void => {
      if (csv && !out.json) out.line(csvLine(values(event)));
      else
        out.row(columns, event, (e) => ({
          time: clock.iso(e.ts),
          skaddr: `0x${e.sk.toString(16)}`,
          pid: e.pid,
          comm: e.comm,
          ...endsRecord(e.ends),
          oldstate: tcpStateText(e.oldstate),
          newstate: tcpStateText(e.newstate),
          ms: ms(e),
        }));
    };
    await events<Change>(bpf, 'events', (event) => {
      show(event);
      journal?.send(journalFields(event));
    });
  },
});

/** BCC's fields. OBJECT_PID makes the journal add what it knows of that process, while it is there. */
function journalFields({ pid, comm, ends, oldstate, newstate, delta }: Change): JournalFields {
  const [laddr, raddr] = [addressText(ends.family, ends.laddr), addressText(ends.family, ends.raddr)];
  const [before, after] = [tcpStateText(oldstate), tcpStateText(newstate)];
  const version = `OBJECT_IPV${ipVersion(ends)}`;
  return {
    MESSAGE: `${safe(comm)} ${laddr} ${ends.lport} → ${raddr} ${ends.rport} ${before} → ${after}`,
    SYSLOG_IDENTIFIER: 'tcpstates',
    // 5 is a notice.
    PRIORITY: 5,
    OBJECT_PID: pid,
    [`${version}_SOURCE_ADDRESS`]: laddr,
    OBJECT_TCP_SOURCE_PORT: ends.lport,
    [`${version}_DESTINATION_ADDRESS`]: raddr,
    OBJECT_TCP_DESTINATION_PORT: ends.rport,
    OBJECT_TCP_OLD_STATE: before,
    OBJECT_TCP_NEW_STATE: after,
    OBJECT_TCP_SPAN_TIME: Math.round(Number(delta) / 1000),
  };
}
