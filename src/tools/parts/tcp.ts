/**
 * What the tcp… tools share: the ends of a connection out of a socket or a tracepoint, filters by family and port, names
 * of states, and how addresses are shown.
 *
 * Addresses are kept as sixteen bytes in network order (IPv4 in the first four), ports in host order.
 */
import { UsageError } from '../../kernel/errors.ts';
import { ipv4Text, ipv6Text } from '../../render/address.ts';
import type { FieldDoc } from '../tool.ts';
import type { DefineValue } from './text.ts';

/** `ends_of(sock, &e)` is false for sockets that are not asked for: other families, other protocols. */
export const ENDS = `
#include <net/sock.h>

struct ends {
    u16 family;
    u16 lport;
    u16 rport;
    u16 pad;
    u8 laddr[16];
    u8 raddr[16];
};

static inline int wanted_family(u16 family)
{
#ifdef ONLY_FAMILY
    return family == ONLY_FAMILY;
#else
    return family == AF_INET || family == AF_INET6;
#endif
}

static inline int wanted_ports(u16 lport, u16 rport)
{
#ifdef LOCAL_PORTS
    if (!(LOCAL_PORTS(lport)))
        return 0;
#endif
#ifdef REMOTE_PORTS
    if (!(REMOTE_PORTS(rport)))
        return 0;
#endif
    return 1;
}

static inline int ends_of(struct sock *sk, struct ends *e)
{
    e->family = sk->__sk_common.skc_family;
    if (!wanted_family(e->family))
        return 0;
    e->lport = sk->__sk_common.skc_num;
    e->rport = bpf_ntohs(sk->__sk_common.skc_dport);
    if (e->family == AF_INET) {
        *(u32 *)e->laddr = sk->__sk_common.skc_rcv_saddr;
        *(u32 *)e->raddr = sk->__sk_common.skc_daddr;
    } else {
        bpf_probe_read_kernel(e->laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(e->raddr, 16, &sk->__sk_common.skc_v6_daddr);
    }
    return wanted_ports(e->lport, e->rport);
}
`;

/** The same out of a tracepoint that has the addresses among its fields, ports in host order. */
export const ENDS_OF_ARGS = `
#define ENDS_OF_ARGS(args, e) do { \\
    (e)->family = (args)->family; \\
    (e)->lport = (args)->sport; \\
    (e)->rport = (args)->dport; \\
    if ((args)->family == AF_INET) { \\
        __builtin_memcpy((e)->laddr, (args)->saddr, 4); \\
        __builtin_memcpy((e)->raddr, (args)->daddr, 4); \\
    } else { \\
        __builtin_memcpy((e)->laddr, (args)->saddr_v6, 16); \\
        __builtin_memcpy((e)->raddr, (args)->daddr_v6, 16); \\
    } \\
} while (0)
`;

export interface Ends {
  readonly family: number;
  readonly lport: number;
  readonly rport: number;
  readonly laddr: Uint8Array;
  readonly raddr: Uint8Array;
}

export const AF_INET = 2;
const AF_INET6 = 10;

export const FAMILY_FLAGS = {
  ipv4: { type: 'boolean', short: '4', help: 'only IPv4' },
  ipv6: { type: 'boolean', short: '6', help: 'only IPv6' },
} as const;

export function familyDefine(options: { readonly ipv4: boolean; readonly ipv6: boolean }): Readonly<Record<string, DefineValue>> {
  if (options.ipv4 && options.ipv6) throw new UsageError('-4 and -6 exclude each other: without either, both are shown');
  return { ONLY_FAMILY: options.ipv4 ? AF_INET : options.ipv6 ? AF_INET6 : undefined };
}

/** '80,443' as a macro that takes a port; empty without a list. Throws `UsageError`. */
export function portMacro(name: 'LOCAL_PORTS' | 'REMOTE_PORTS', flag: string, list: string | undefined): string {
  if (list === undefined) return '';
  const ports = list.split(',').map((word) => {
    const port = /^\s*\d+\s*$/.test(word) ? Number(word) : Number.NaN;
    if (!(port >= 0 && port <= 65535))
      throw new UsageError(`${flag}: '${word}' is no port; ports are from 0 to 65535, with commas between`);
    return `(port) == ${port}`;
  });
  return `#define ${name}(port) (${ports.join(' || ')})`;
}

/** 4 or 6. */
export const ipVersion = ({ family }: Pick<Ends, 'family'>): number => (family === AF_INET ? 4 : 6);

export function addressText(family: number, bytes: Uint8Array): string {
  return family === AF_INET ? ipv4Text(bytes) : ipv6Text(bytes);
}

/** The ends as JSON has them. */
export function endsRecord(e: Ends): Readonly<Record<string, unknown>> {
  return {
    ip: ipVersion(e),
    laddr: addressText(e.family, e.laddr),
    lport: e.lport,
    raddr: addressText(e.family, e.raddr),
    rport: e.rport,
  };
}

export const ENDS_FIELDS: readonly FieldDoc[] = [
  { name: 'ip', type: 'integer', help: 'version of the protocol: 4 or 6' },
  { name: 'laddr', type: 'string', help: 'local address' },
  { name: 'lport', type: 'integer', help: 'local port' },
  { name: 'raddr', type: 'string', help: 'remote address' },
  { name: 'rport', type: 'integer', help: 'remote port' },
];

/** include/net/tcp_states.h. */
const STATES: Readonly<Record<number, string>> = {
  1: 'ESTABLISHED',
  2: 'SYN_SENT',
  3: 'SYN_RECV',
  4: 'FIN_WAIT1',
  5: 'FIN_WAIT2',
  6: 'TIME_WAIT',
  7: 'CLOSE',
  8: 'CLOSE_WAIT',
  9: 'LAST_ACK',
  10: 'LISTEN',
  11: 'CLOSING',
  12: 'NEW_SYN_RECV',
};

export function tcpStateText(state: number): string {
  return STATES[state] ?? String(state);
}
