/** tcpconnect: who connects to where? */
import { UsageError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { Columns } from '../render/columns.ts';
import { printf } from '../render/printf.ts';
import { EventClock } from '../render/time.ts';
import { DnsNames } from './parts/dns.ts';
import { DNS_PACKETS, type DnsPacket, iteratorMacros } from './parts/dns-packets.ts';
import { COMM, PID, TIME, UID } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { PID_FLAG, UID_FLAG } from './parts/flags.ts';
import { FUNCTION_PROBES } from './parts/function-probes.ts';
import { addressText, ENDS, ENDS_FIELDS, type Ends, endsRecord, FAMILY_FLAGS, familyDefine, ipVersion, portMacro } from './parts/tcp.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** When the functions return, the addresses are chosen and the first packet is sent. */
const PROGRAM = `
#include <linux/sched.h>

#ifdef COUNT
struct flow {
    u16 family;
    u16 rport;
    u8 laddr[16];
    u8 raddr[16];
};
BPF_HASH(counts, struct flow, u64, 10240);
#else
struct event {
    u64 ts;
    u32 pid;
    u32 uid;
    char comm[TASK_COMM_LEN];
    struct ends ends;
};
BPF_RINGBUF_OUTPUT(events, 64);
#endif

static inline int connected(struct sock *sk, int ret)
{
    if (ret != 0)
        return 0;
#ifdef COUNT
    struct ends ends = {};
    struct flow flow = {};

    if (!ends_of(sk, &ends))
        return 0;
    flow.family = ends.family;
    flow.rport = ends.rport;
    __builtin_memcpy(flow.laddr, ends.laddr, 16);
    __builtin_memcpy(flow.raddr, ends.raddr, 16);
    counts.atomic_increment(flow);
#else
    struct event e = {};

    if (!ends_of(sk, &e.ends))
        return 0;
    e.ts = bpf_ktime_get_ns();
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(&e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
#endif
    return 0;
}
`;

const HOOKS: Readonly<Record<string, string>> = {
  fentry: `
KRETFUNC_PROBE(tcp_v4_connect, struct sock *sk, struct sockaddr *uaddr, int addr_len, int ret)
{
    return filtered() ? 0 : connected(sk, ret);
}
KRETFUNC_PROBE(tcp_v6_connect, struct sock *sk, struct sockaddr *uaddr, int addr_len, int ret)
{
    return filtered() ? 0 : connected(sk, ret);
}
`,
  kprobe: `
BPF_HASH(connecting, u32, struct sock *, 10240);

static inline int enter(struct sock *sk)
{
    u32 tid = bpf_get_current_pid_tgid();

    if (!filtered())
        connecting.update(&tid, &sk);
    return 0;
}
static inline int leave(int ret)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct sock **sk = connecting.lookup(&tid);

    if (!sk)
        return 0;
    connected(*sk, ret);
    connecting.delete(&tid);
    return 0;
}
int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk) { return enter(sk); }
int kprobe__tcp_v6_connect(struct pt_regs *ctx, struct sock *sk) { return enter(sk); }
int kretprobe__tcp_v4_connect(struct pt_regs *ctx) { return leave(PT_REGS_RC(ctx)); }
int kretprobe__tcp_v6_connect(struct pt_regs *ctx) { return leave(PT_REGS_RC(ctx)); }
`,
};

interface Connect {
  readonly ts: bigint;
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly ends: Ends;
}

type Flow = Omit<Ends, 'lport'>;

export const tool = defineTool({
  name: 'tcpconnect',
  topic: 'network',
  summary: 'Trace TCP active connections (connect())',
  about:
    'Prints a line for each connection that a program opens, whether the other side answers or not. With -c, connections are counted by ' +
    'addresses and port instead. With -d, the answers of name servers are read, too, and a connection has the name by which its address ' +
    'was last found on this machine, since the tool was started: who found it is not known. Names that came over TCP or HTTPS, out of a ' +
    'file or a cache are not seen.',
  flags: {
    timestamp: { type: 'boolean', short: 't', help: 'print seconds since the first connection' },
    pid: PID_FLAG,
    port: { type: 'string', short: 'P', value: 'PORT[,PORT…]', help: 'only these remote ports' },
    ...FAMILY_FLAGS,
    lport: { type: 'boolean', short: 'L', help: 'print the local port' },
    'print-uid': { type: 'boolean', short: 'U', help: 'print the user' },
    uid: UID_FLAG,
    count: { type: 'boolean', short: 'c', help: 'count connections by addresses and port, and print at the end' },
    dns: { type: 'boolean', short: 'd', help: 'print the name that was asked for to find the address' },
    ...CONTAINER_FLAGS,
  },
  positionals: [],
  examples: [
    { command: 'tcpconnect', help: 'all connections' },
    { command: 'tcpconnect -t -U', help: 'with time and user' },
    { command: 'tcpconnect -P 80,443', help: 'only to ports 80 and 443' },
    { command: 'tcpconnect -L', help: 'with the local port' },
    { command: 'tcpconnect -d', help: 'with the names that were asked for' },
    { command: 'tcpconnect -c', help: 'count until Ctrl-C' },
    { command: 'tcpconnect --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    UID,
    COMM,
    ...ENDS_FIELDS,
    { name: 'name', type: 'string', help: '-d: the name by which the address was found, or null' },
    { name: 'count', type: 'integer', help: '-c: connections; then there are no pid, comm, uid, time and lport' },
  ],
  probes: [
    { kind: 'fentry', targets: ['tcp_v4_connect', 'tcp_v6_connect'], minKernel: '5.8' },
    { kind: 'kprobe', targets: ['tcp_v4_connect', 'tcp_v6_connect'], minKernel: '5.8' },
  ],
  program: (options, _args, { kind }) => {
    if (options.dns && options.count) throw new UsageError('-d shows a name for each connection, and -c counts them: not both');
    const dns = options.dns ? [FUNCTION_PROBES, iteratorMacros(linuxKernel()), DNS_PACKETS] : [];
    return program(
      { ...filters(options), ...familyDefine(options), COUNT: options.count, BY_TRAMPOLINE: kind === 'fentry' },
      FILTER,
      portMacro('REMOTE_PORTS', '--port', options.port),
      ENDS,
      PROGRAM,
      HOOKS[kind] ?? '',
      ...dns,
    );
  },
  async run({ options, out, load, events, sleep, stop }) {
    const bpf = await load();
    out.line('Tracing connect ... Hit Ctrl-C to end');
    if (options.count) {
      await sleep(Number.POSITIVE_INFINITY);
      out.line();
      out.line(printf('%-25s %-25s %-20s %-10s', 'LADDR', 'RADDR', 'RPORT', 'CONNECTS'));
      const rows = [...bpf.map<Flow, bigint>('counts').entries()].sort((a, b) => Number(b[1] - a[1]));
      for (const [flow, count] of rows.sort((a, b) => ipVersion(a[0]) - ipVersion(b[0]))) {
        const laddr = addressText(flow.family, flow.laddr);
        const raddr = addressText(flow.family, flow.raddr);
        out.record(
          { ip: ipVersion(flow), laddr, raddr, rport: flow.rport, count },
          printf('%-25s %-25s %-20d %-10d', laddr, raddr, flow.rport, count),
        );
      }
      return;
    }
    const clock = new EventClock();
    const names = new DnsNames();
    const nameOf = ({ ts, ends }: Connect): string => names.text(addressText(ends.family, ends.raddr), ts);
    const columns = new Columns<Connect>([
      options.timestamp && { head: 'TIME(s)', format: '%-9.3f', value: (e) => clock.sinceFirst(e.ts) },
      options['print-uid'] && { head: 'UID', format: '%-6d', value: (e) => e.uid },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-12.12s ', value: (e) => e.comm },
      { head: 'IP', format: '%-2d ', value: (e) => ipVersion(e.ends) },
      { head: 'SADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.laddr) },
      options.lport && { head: 'LPORT', format: '%-6d ', value: (e) => e.ends.lport },
      { head: 'DADDR', format: '%-16s ', value: ({ ends }) => addressText(ends.family, ends.raddr) },
      { head: 'DPORT', format: options.dns ? '%-6d ' : '%-6d', value: (e) => e.ends.rport },
      options.dns && { head: 'QUERY', format: '%s', value: nameOf },
    ]);
    out.line(columns.header);
    const found = (packet: DnsPacket): void => names.add(packet.bytes.subarray(0, packet.length), packet.ts);
    const packets = options.dns ? bpf.events<DnsPacket>('packets', { bytes: 'bytes' }) : undefined;
    const show = (event: Connect): void => {
      // The answer came before the connection, in a buffer of its own.
      packets?.consume(found);
      out.row(columns, event, (e) => ({
        ...{ time: clock.iso(e.ts), pid: e.pid, uid: e.uid, comm: e.comm, ...endsRecord(e.ends) },
        ...(options.dns ? { name: names.name(addressText(e.ends.family, e.ends.raddr)) ?? null } : {}),
      }));
    };
    await Promise.all([events<Connect>(bpf, 'events', show), packets?.forEach(found, { signal: stop })]);
  },
});
