/**
 * ELF section names that say what a program is: the complete table of libbpf (1.8), as data.
 *
 * Patterns: a trailing `+` matches the name alone or followed by `/` and more, a trailing `/` wants more, anything
 * else is the whole name. The first match counts, so longer names stand before shorter ones.
 *
 * Source: libbpf `section_defs`, https://docs.kernel.org/bpf/libbpf/program_types.html
 */
import type { AttachTypeName } from './attach-types.ts';
import type { ProgramTypeName } from './program-types.ts';

/** What opening the object attaches such a program with, by itself. */
export type AutoAttach =
  | 'kprobe'
  | 'uprobe'
  | 'kprobe_multi'
  | 'kprobe_session'
  | 'uprobe_multi'
  | 'ksyscall'
  | 'usdt'
  | 'tp'
  | 'raw_tp'
  | 'trace'
  | 'tracing_multi'
  | 'lsm'
  | 'iter';

export interface SectionDef {
  readonly pattern: string;
  readonly type: ProgramTypeName;
  readonly attachType?: AttachTypeName;
  readonly sleepable?: boolean;
  readonly xdpFrags?: boolean;
  /** What follows in the name is a type or function in the kernel's BTF, resolved when the program is loaded. */
  readonly btfTarget?: boolean;
  /** The attach type is left out for kernels that do not know it for this program type. */
  readonly optional?: boolean;
  /** A probe that becomes a uprobe.multi where the kernel has it. */
  readonly usdt?: boolean;
  readonly attach?: AutoAttach;
}

export const SECTION_DEFS: readonly SectionDef[] = [
  { pattern: 'socket', type: 'socket_filter' },
  { pattern: 'sk_reuseport/migrate', type: 'sk_reuseport', attachType: 'sk_reuseport_select_or_migrate' },
  { pattern: 'sk_reuseport', type: 'sk_reuseport', attachType: 'sk_reuseport_select' },
  { pattern: 'kprobe+', type: 'kprobe', attach: 'kprobe' },
  { pattern: 'uprobe+', type: 'kprobe', attach: 'uprobe' },
  { pattern: 'uprobe.s+', type: 'kprobe', sleepable: true, attach: 'uprobe' },
  { pattern: 'kretprobe+', type: 'kprobe', attach: 'kprobe' },
  { pattern: 'uretprobe+', type: 'kprobe', attach: 'uprobe' },
  { pattern: 'uretprobe.s+', type: 'kprobe', sleepable: true, attach: 'uprobe' },
  { pattern: 'kprobe.multi+', type: 'kprobe', attachType: 'trace_kprobe_multi', attach: 'kprobe_multi' },
  { pattern: 'kretprobe.multi+', type: 'kprobe', attachType: 'trace_kprobe_multi', attach: 'kprobe_multi' },
  { pattern: 'kprobe.session+', type: 'kprobe', attachType: 'trace_kprobe_session', attach: 'kprobe_session' },
  { pattern: 'uprobe.multi+', type: 'kprobe', attachType: 'trace_uprobe_multi', attach: 'uprobe_multi' },
  { pattern: 'uretprobe.multi+', type: 'kprobe', attachType: 'trace_uprobe_multi', attach: 'uprobe_multi' },
  { pattern: 'uprobe.session+', type: 'kprobe', attachType: 'trace_uprobe_session', attach: 'uprobe_multi' },
  { pattern: 'uprobe.multi.s+', type: 'kprobe', attachType: 'trace_uprobe_multi', sleepable: true, attach: 'uprobe_multi' },
  { pattern: 'uretprobe.multi.s+', type: 'kprobe', attachType: 'trace_uprobe_multi', sleepable: true, attach: 'uprobe_multi' },
  { pattern: 'uprobe.session.s+', type: 'kprobe', attachType: 'trace_uprobe_session', sleepable: true, attach: 'uprobe_multi' },
  { pattern: 'ksyscall+', type: 'kprobe', attach: 'ksyscall' },
  { pattern: 'kretsyscall+', type: 'kprobe', attach: 'ksyscall' },
  { pattern: 'usdt+', type: 'kprobe', usdt: true, attach: 'usdt' },
  { pattern: 'usdt.s+', type: 'kprobe', sleepable: true, usdt: true, attach: 'usdt' },
  { pattern: 'tc/ingress', type: 'sched_cls', attachType: 'tcx_ingress' },
  { pattern: 'tc/egress', type: 'sched_cls', attachType: 'tcx_egress' },
  { pattern: 'tcx/ingress', type: 'sched_cls', attachType: 'tcx_ingress' },
  { pattern: 'tcx/egress', type: 'sched_cls', attachType: 'tcx_egress' },
  { pattern: 'tc', type: 'sched_cls' },
  { pattern: 'classifier', type: 'sched_cls' },
  { pattern: 'action', type: 'sched_act' },
  { pattern: 'netkit/primary', type: 'sched_cls', attachType: 'netkit_primary' },
  { pattern: 'netkit/peer', type: 'sched_cls', attachType: 'netkit_peer' },
  { pattern: 'tracepoint+', type: 'tracepoint', attach: 'tp' },
  { pattern: 'tp+', type: 'tracepoint', attach: 'tp' },
  { pattern: 'tracepoint.s+', type: 'tracepoint', sleepable: true, attach: 'tp' },
  { pattern: 'tp.s+', type: 'tracepoint', sleepable: true, attach: 'tp' },
  { pattern: 'raw_tracepoint+', type: 'raw_tracepoint', attach: 'raw_tp' },
  { pattern: 'raw_tp+', type: 'raw_tracepoint', attach: 'raw_tp' },
  { pattern: 'raw_tracepoint.s+', type: 'raw_tracepoint', sleepable: true, attach: 'raw_tp' },
  { pattern: 'raw_tp.s+', type: 'raw_tracepoint', sleepable: true, attach: 'raw_tp' },
  { pattern: 'raw_tracepoint.w+', type: 'raw_tracepoint_writable', attach: 'raw_tp' },
  { pattern: 'raw_tp.w+', type: 'raw_tracepoint_writable', attach: 'raw_tp' },
  { pattern: 'tp_btf+', type: 'tracing', attachType: 'trace_raw_tp', btfTarget: true, attach: 'trace' },
  { pattern: 'tp_btf.s+', type: 'tracing', attachType: 'trace_raw_tp', sleepable: true, btfTarget: true, attach: 'trace' },
  { pattern: 'fentry+', type: 'tracing', attachType: 'trace_fentry', btfTarget: true, attach: 'trace' },
  { pattern: 'fmod_ret+', type: 'tracing', attachType: 'modify_return', btfTarget: true, attach: 'trace' },
  { pattern: 'fexit+', type: 'tracing', attachType: 'trace_fexit', btfTarget: true, attach: 'trace' },
  { pattern: 'fentry.s+', type: 'tracing', attachType: 'trace_fentry', sleepable: true, btfTarget: true, attach: 'trace' },
  { pattern: 'fmod_ret.s+', type: 'tracing', attachType: 'modify_return', sleepable: true, btfTarget: true, attach: 'trace' },
  { pattern: 'fexit.s+', type: 'tracing', attachType: 'trace_fexit', sleepable: true, btfTarget: true, attach: 'trace' },
  { pattern: 'fsession+', type: 'tracing', attachType: 'trace_fsession', btfTarget: true, attach: 'trace' },
  { pattern: 'fsession.s+', type: 'tracing', attachType: 'trace_fsession', sleepable: true, btfTarget: true, attach: 'trace' },
  { pattern: 'fsession.multi+', type: 'tracing', attachType: 'trace_fsession_multi', attach: 'tracing_multi' },
  { pattern: 'fsession.multi.s+', type: 'tracing', attachType: 'trace_fsession_multi', sleepable: true, attach: 'tracing_multi' },
  { pattern: 'fentry.multi+', type: 'tracing', attachType: 'trace_fentry_multi', attach: 'tracing_multi' },
  { pattern: 'fexit.multi+', type: 'tracing', attachType: 'trace_fexit_multi', attach: 'tracing_multi' },
  { pattern: 'fentry.multi.s+', type: 'tracing', attachType: 'trace_fentry_multi', sleepable: true, attach: 'tracing_multi' },
  { pattern: 'fexit.multi.s+', type: 'tracing', attachType: 'trace_fexit_multi', sleepable: true, attach: 'tracing_multi' },
  { pattern: 'freplace+', type: 'ext', btfTarget: true, attach: 'trace' },
  { pattern: 'lsm+', type: 'lsm', attachType: 'lsm_mac', btfTarget: true, attach: 'lsm' },
  { pattern: 'lsm.s+', type: 'lsm', attachType: 'lsm_mac', sleepable: true, btfTarget: true, attach: 'lsm' },
  { pattern: 'lsm_cgroup+', type: 'lsm', attachType: 'lsm_cgroup', btfTarget: true },
  { pattern: 'iter+', type: 'tracing', attachType: 'trace_iter', btfTarget: true, attach: 'iter' },
  { pattern: 'iter.s+', type: 'tracing', attachType: 'trace_iter', sleepable: true, btfTarget: true, attach: 'iter' },
  { pattern: 'syscall', type: 'syscall', sleepable: true },
  { pattern: 'xdp.frags/devmap', type: 'xdp', attachType: 'xdp_devmap', xdpFrags: true },
  { pattern: 'xdp/devmap', type: 'xdp', attachType: 'xdp_devmap' },
  { pattern: 'xdp.frags/cpumap', type: 'xdp', attachType: 'xdp_cpumap', xdpFrags: true },
  { pattern: 'xdp/cpumap', type: 'xdp', attachType: 'xdp_cpumap' },
  { pattern: 'xdp.frags', type: 'xdp', attachType: 'xdp', xdpFrags: true },
  { pattern: 'xdp', type: 'xdp', attachType: 'xdp', optional: true },
  { pattern: 'perf_event', type: 'perf_event' },
  { pattern: 'lwt_in', type: 'lwt_in' },
  { pattern: 'lwt_out', type: 'lwt_out' },
  { pattern: 'lwt_xmit', type: 'lwt_xmit' },
  { pattern: 'lwt_seg6local', type: 'lwt_seg6local' },
  { pattern: 'sockops', type: 'sock_ops', attachType: 'cgroup_sock_ops', optional: true },
  { pattern: 'sk_skb/stream_parser', type: 'sk_skb', attachType: 'sk_skb_stream_parser', optional: true },
  { pattern: 'sk_skb/stream_verdict', type: 'sk_skb', attachType: 'sk_skb_stream_verdict', optional: true },
  { pattern: 'sk_skb/verdict', type: 'sk_skb', attachType: 'sk_skb_verdict', optional: true },
  { pattern: 'sk_skb', type: 'sk_skb' },
  { pattern: 'sk_msg', type: 'sk_msg', attachType: 'sk_msg_verdict', optional: true },
  { pattern: 'lirc_mode2', type: 'lirc_mode2', attachType: 'lirc_mode2', optional: true },
  { pattern: 'flow_dissector', type: 'flow_dissector', attachType: 'flow_dissector', optional: true },
  { pattern: 'cgroup_skb/ingress', type: 'cgroup_skb', attachType: 'cgroup_inet_ingress', optional: true },
  { pattern: 'cgroup_skb/egress', type: 'cgroup_skb', attachType: 'cgroup_inet_egress', optional: true },
  { pattern: 'cgroup/skb', type: 'cgroup_skb' },
  { pattern: 'cgroup/sock_create', type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create' },
  { pattern: 'cgroup/sock_release', type: 'cgroup_sock', attachType: 'cgroup_inet_sock_release' },
  { pattern: 'cgroup/sock', type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create', optional: true },
  { pattern: 'cgroup/post_bind4', type: 'cgroup_sock', attachType: 'cgroup_inet4_post_bind' },
  { pattern: 'cgroup/post_bind6', type: 'cgroup_sock', attachType: 'cgroup_inet6_post_bind' },
  { pattern: 'cgroup/bind4', type: 'cgroup_sock_addr', attachType: 'cgroup_inet4_bind' },
  { pattern: 'cgroup/bind6', type: 'cgroup_sock_addr', attachType: 'cgroup_inet6_bind' },
  { pattern: 'cgroup/connect4', type: 'cgroup_sock_addr', attachType: 'cgroup_inet4_connect' },
  { pattern: 'cgroup/connect6', type: 'cgroup_sock_addr', attachType: 'cgroup_inet6_connect' },
  { pattern: 'cgroup/connect_unix', type: 'cgroup_sock_addr', attachType: 'cgroup_unix_connect' },
  { pattern: 'cgroup/sendmsg4', type: 'cgroup_sock_addr', attachType: 'cgroup_udp4_sendmsg' },
  { pattern: 'cgroup/sendmsg6', type: 'cgroup_sock_addr', attachType: 'cgroup_udp6_sendmsg' },
  { pattern: 'cgroup/sendmsg_unix', type: 'cgroup_sock_addr', attachType: 'cgroup_unix_sendmsg' },
  { pattern: 'cgroup/recvmsg4', type: 'cgroup_sock_addr', attachType: 'cgroup_udp4_recvmsg' },
  { pattern: 'cgroup/recvmsg6', type: 'cgroup_sock_addr', attachType: 'cgroup_udp6_recvmsg' },
  { pattern: 'cgroup/recvmsg_unix', type: 'cgroup_sock_addr', attachType: 'cgroup_unix_recvmsg' },
  { pattern: 'cgroup/getpeername4', type: 'cgroup_sock_addr', attachType: 'cgroup_inet4_getpeername' },
  { pattern: 'cgroup/getpeername6', type: 'cgroup_sock_addr', attachType: 'cgroup_inet6_getpeername' },
  { pattern: 'cgroup/getpeername_unix', type: 'cgroup_sock_addr', attachType: 'cgroup_unix_getpeername' },
  { pattern: 'cgroup/getsockname4', type: 'cgroup_sock_addr', attachType: 'cgroup_inet4_getsockname' },
  { pattern: 'cgroup/getsockname6', type: 'cgroup_sock_addr', attachType: 'cgroup_inet6_getsockname' },
  { pattern: 'cgroup/getsockname_unix', type: 'cgroup_sock_addr', attachType: 'cgroup_unix_getsockname' },
  { pattern: 'cgroup/sysctl', type: 'cgroup_sysctl', attachType: 'cgroup_sysctl' },
  { pattern: 'cgroup/getsockopt', type: 'cgroup_sockopt', attachType: 'cgroup_getsockopt' },
  { pattern: 'cgroup/setsockopt', type: 'cgroup_sockopt', attachType: 'cgroup_setsockopt' },
  { pattern: 'cgroup/dev', type: 'cgroup_device', attachType: 'cgroup_device', optional: true },
  { pattern: 'struct_ops+', type: 'struct_ops' },
  { pattern: 'struct_ops.s+', type: 'struct_ops', sleepable: true },
  { pattern: 'sk_lookup', type: 'sk_lookup', attachType: 'sk_lookup' },
  { pattern: 'netfilter', type: 'netfilter', attachType: 'netfilter' },
];
