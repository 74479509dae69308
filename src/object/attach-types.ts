/**
 * Attach types: number, name, the program type that has it, and the kernel that first knows it.
 *
 * Source: include/uapi/linux/bpf.h; versions from the commits that added them.
 */
import type { ProgramTypeName } from './program-types.ts';

export interface AttachType {
  readonly number: number;
  readonly name: string;
  readonly program: ProgramTypeName;
  /** Undefined: newer than Linux 7.1. */
  readonly minKernel?: string;
}

const ROWS = [
  { number: 0, name: 'cgroup_inet_ingress', program: 'cgroup_skb', minKernel: '4.10' },
  { number: 1, name: 'cgroup_inet_egress', program: 'cgroup_skb', minKernel: '4.10' },
  { number: 2, name: 'cgroup_inet_sock_create', program: 'cgroup_sock', minKernel: '4.10' },
  { number: 3, name: 'cgroup_sock_ops', program: 'sock_ops', minKernel: '4.13' },
  { number: 4, name: 'sk_skb_stream_parser', program: 'sk_skb', minKernel: '4.14' },
  { number: 5, name: 'sk_skb_stream_verdict', program: 'sk_skb', minKernel: '4.14' },
  { number: 6, name: 'cgroup_device', program: 'cgroup_device', minKernel: '4.15' },
  { number: 7, name: 'sk_msg_verdict', program: 'sk_msg', minKernel: '4.17' },
  { number: 8, name: 'cgroup_inet4_bind', program: 'cgroup_sock_addr', minKernel: '4.17' },
  { number: 9, name: 'cgroup_inet6_bind', program: 'cgroup_sock_addr', minKernel: '4.17' },
  { number: 10, name: 'cgroup_inet4_connect', program: 'cgroup_sock_addr', minKernel: '4.17' },
  { number: 11, name: 'cgroup_inet6_connect', program: 'cgroup_sock_addr', minKernel: '4.17' },
  { number: 12, name: 'cgroup_inet4_post_bind', program: 'cgroup_sock', minKernel: '4.17' },
  { number: 13, name: 'cgroup_inet6_post_bind', program: 'cgroup_sock', minKernel: '4.17' },
  { number: 14, name: 'cgroup_udp4_sendmsg', program: 'cgroup_sock_addr', minKernel: '4.18' },
  { number: 15, name: 'cgroup_udp6_sendmsg', program: 'cgroup_sock_addr', minKernel: '4.18' },
  { number: 16, name: 'lirc_mode2', program: 'lirc_mode2', minKernel: '4.18' },
  { number: 17, name: 'flow_dissector', program: 'flow_dissector', minKernel: '4.20' },
  { number: 18, name: 'cgroup_sysctl', program: 'cgroup_sysctl', minKernel: '5.2' },
  { number: 19, name: 'cgroup_udp4_recvmsg', program: 'cgroup_sock_addr', minKernel: '5.2' },
  { number: 20, name: 'cgroup_udp6_recvmsg', program: 'cgroup_sock_addr', minKernel: '5.2' },
  { number: 21, name: 'cgroup_getsockopt', program: 'cgroup_sockopt', minKernel: '5.3' },
  { number: 22, name: 'cgroup_setsockopt', program: 'cgroup_sockopt', minKernel: '5.3' },
  { number: 23, name: 'trace_raw_tp', program: 'tracing', minKernel: '5.5' },
  { number: 24, name: 'trace_fentry', program: 'tracing', minKernel: '5.5' },
  { number: 25, name: 'trace_fexit', program: 'tracing', minKernel: '5.5' },
  { number: 26, name: 'modify_return', program: 'tracing', minKernel: '5.7' },
  { number: 27, name: 'lsm_mac', program: 'lsm', minKernel: '5.7' },
  { number: 28, name: 'trace_iter', program: 'tracing', minKernel: '5.8' },
  { number: 29, name: 'cgroup_inet4_getpeername', program: 'cgroup_sock_addr', minKernel: '5.8' },
  { number: 30, name: 'cgroup_inet6_getpeername', program: 'cgroup_sock_addr', minKernel: '5.8' },
  { number: 31, name: 'cgroup_inet4_getsockname', program: 'cgroup_sock_addr', minKernel: '5.8' },
  { number: 32, name: 'cgroup_inet6_getsockname', program: 'cgroup_sock_addr', minKernel: '5.8' },
  { number: 33, name: 'xdp_devmap', program: 'xdp', minKernel: '5.8' },
  { number: 34, name: 'cgroup_inet_sock_release', program: 'cgroup_sock', minKernel: '5.9' },
  { number: 35, name: 'xdp_cpumap', program: 'xdp', minKernel: '5.9' },
  { number: 36, name: 'sk_lookup', program: 'sk_lookup', minKernel: '5.9' },
  { number: 37, name: 'xdp', program: 'xdp', minKernel: '5.9' },
  { number: 38, name: 'sk_skb_verdict', program: 'sk_skb', minKernel: '5.13' },
  { number: 39, name: 'sk_reuseport_select', program: 'sk_reuseport', minKernel: '5.14' },
  { number: 40, name: 'sk_reuseport_select_or_migrate', program: 'sk_reuseport', minKernel: '5.14' },
  { number: 41, name: 'perf_event', program: 'perf_event', minKernel: '5.15' },
  { number: 42, name: 'trace_kprobe_multi', program: 'kprobe', minKernel: '5.18' },
  { number: 43, name: 'lsm_cgroup', program: 'lsm', minKernel: '6.0' },
  { number: 44, name: 'struct_ops', program: 'struct_ops', minKernel: '6.4' },
  { number: 45, name: 'netfilter', program: 'netfilter', minKernel: '6.4' },
  { number: 46, name: 'tcx_ingress', program: 'sched_cls', minKernel: '6.6' },
  { number: 47, name: 'tcx_egress', program: 'sched_cls', minKernel: '6.6' },
  { number: 48, name: 'trace_uprobe_multi', program: 'kprobe', minKernel: '6.6' },
  { number: 49, name: 'cgroup_unix_connect', program: 'cgroup_sock_addr', minKernel: '6.7' },
  { number: 50, name: 'cgroup_unix_sendmsg', program: 'cgroup_sock_addr', minKernel: '6.7' },
  { number: 51, name: 'cgroup_unix_recvmsg', program: 'cgroup_sock_addr', minKernel: '6.7' },
  { number: 52, name: 'cgroup_unix_getpeername', program: 'cgroup_sock_addr', minKernel: '6.7' },
  { number: 53, name: 'cgroup_unix_getsockname', program: 'cgroup_sock_addr', minKernel: '6.7' },
  { number: 54, name: 'netkit_primary', program: 'sched_cls', minKernel: '6.7' },
  { number: 55, name: 'netkit_peer', program: 'sched_cls', minKernel: '6.7' },
  { number: 56, name: 'trace_kprobe_session', program: 'kprobe', minKernel: '6.10' },
  { number: 57, name: 'trace_uprobe_session', program: 'kprobe', minKernel: '6.13' },
  { number: 58, name: 'trace_fsession', program: 'tracing', minKernel: '7.0' },
  { number: 59, name: 'trace_fentry_multi', program: 'tracing' },
  { number: 60, name: 'trace_fexit_multi', program: 'tracing' },
  { number: 61, name: 'trace_fsession_multi', program: 'tracing' },
] as const satisfies readonly AttachType[];

export type AttachTypeName = (typeof ROWS)[number]['name'];

export const ATTACH_TYPES: readonly AttachType[] = ROWS;

const byName = new Map(ATTACH_TYPES.map((t) => [t.name, t]));

/** By name ('trace_fentry') or UAPI name ('BPF_TRACE_FENTRY'). */
export function attachType(name: string): AttachType | undefined {
  return byName.get(name.startsWith('BPF_') ? name.slice('BPF_'.length).toLowerCase() : name);
}

export function attachTypeByNumber(number: number): AttachType | undefined {
  return ATTACH_TYPES[number];
}
