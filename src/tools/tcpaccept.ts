/** tcpaccept: which connections are accepted, and by whom? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TIME } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { addressText, ENDS, ENDS_FIELDS, type Ends, endsRecord, FAMILY_FLAGS, familyDefine, ipVersion, portMacro } from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct event {
    u64 ts;
    u32 pid;
    u32 pad;
    char comm[TASK_COMM_LEN];
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);

int kretprobe__inet_csk_accept(struct pt_regs *ctx)
{
    struct sock *sk = (struct sock *)PT_REGS_RC(ctx);
    struct event e = {};

    if (!sk || filtered())
        return 0;
    if (sk->sk_protocol != IPPROTO_TCP || !ends_of(sk, &e.ends))
        return 0;
    e.ts = bpf_ktime_get_ns();
    e.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}
`;

interface Accept {
  readonly ts: bigint;
  readonly pid: number;
  readonly comm: string;
  readonly ends: Ends;
}

export const tool = defineTool({
  name: 'tcpaccept',
  topic: 'network',
  summary: 'Trace TCP passive connections (accept())',
  about: 'Prints a line for each connection that a program accepts. Connections that wait in the backlog are not seen until then.',
  flags: {
    time: { type: 'boolean', short: 'T', help: 'print the time of day' },
    timestamp: { type: 'boolean', short: 't', help: 'print seconds since the first connection' },
    pid: PID_FLAG,
    port: { type: 'string', short: 'P', value: 'PORT[,PORT…]', help: 'only these local ports' },
    ...FAMILY_FLAGS,
    ...CONTAINER_FLAGS,
  },
  positionals: [],
  examples: [
    { command: 'tcpaccept', help: 'all accepted connections' },
    { command: 'tcpaccept -t', help: 'with seconds since the first' },
    { command: 'tcpaccept -P 80,81', help: 'only on ports 80 and 81' },
    { command: 'tcpaccept -p 181', help: 'only process 181' },
    { command: 'tcpaccept -4 --json', help: 'only IPv4, a JSON object for each' },
  ],
  fields: [TIME, PID, COMM, ...ENDS_FIELDS],
  probes: [{ kind: 'kprobe', targets: ['inet_csk_accept'], minKernel: '5.8' }],
  program: (options) =>
    program({ ...filters(options), ...familyDefine(options) }, FILTER, portMacro('LOCAL_PORTS', '--port', options.port), ENDS, PROGRAM),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Accept>([
      options.time && { head: 'TIME', format: '%-9s', value: (e) => clock.text(e.ts) },
      options.timestamp && { head: 'TIME(s)', format: '%-9.3f', value: (e) => clock.sinceFirst(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-12.12s ', value: (e) => e.comm },
      { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'RADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.raddr) },
      { head: 'RPORT', format: '%-5d ', value: (e) => e.ends.rport },
      { head: 'LADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.laddr) },
      { head: 'LPORT', format: '%-5d', value: (e) => e.ends.lport },
    ]);
    out.line(columns.header);
    await events<Accept>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({ time: clock.iso(e.ts), pid: e.pid, comm: e.comm, ...endsRecord(e.ends) }));
    });
  },
});
