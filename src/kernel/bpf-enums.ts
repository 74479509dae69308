/**
 * The kernel's names for BPF things, by number: position in each list is the number of the UAPI enum.
 *
 * Source: include/uapi/linux/bpf.h, Linux 6.18; a test compares with the BTF of the running kernel. Names are the
 * enumerators' own in lower case without their prefix, as `ObjectSpec` and bpftool write them.
 */
const MAP_TYPE_NAMES = [
  'unspec', 'hash', 'array', 'prog_array', 'perf_event_array', 'percpu_hash', 'percpu_array', 'stack_trace', 'cgroup_array', 'lru_hash',
  'lru_percpu_hash', 'lpm_trie', 'array_of_maps', 'hash_of_maps', 'devmap', 'sockmap', 'cpumap', 'xskmap', 'sockhash', 'cgroup_storage',
  'reuseport_sockarray', 'percpu_cgroup_storage', 'queue', 'stack', 'sk_storage', 'devmap_hash', 'struct_ops', 'ringbuf',
  'inode_storage', 'task_storage', 'bloom_filter', 'user_ringbuf', 'cgrp_storage', 'arena',
] as const;
export type MapTypeName = (typeof MAP_TYPE_NAMES)[number];

const PROG_TYPE_NAMES = [
  'unspec', 'socket_filter', 'kprobe', 'sched_cls', 'sched_act', 'tracepoint', 'xdp', 'perf_event', 'cgroup_skb', 'cgroup_sock', 'lwt_in',
  'lwt_out', 'lwt_xmit', 'sock_ops', 'sk_skb', 'cgroup_device', 'sk_msg', 'raw_tracepoint', 'cgroup_sock_addr', 'lwt_seg6local',
  'lirc_mode2', 'sk_reuseport', 'flow_dissector', 'cgroup_sysctl', 'raw_tracepoint_writable', 'cgroup_sockopt', 'tracing',
  'struct_ops', 'ext', 'lsm', 'sk_lookup', 'syscall', 'netfilter',
] as const;
export type ProgTypeName = (typeof PROG_TYPE_NAMES)[number];

const ATTACH_TYPE_NAMES = [
  'cgroup_inet_ingress', 'cgroup_inet_egress', 'cgroup_inet_sock_create', 'cgroup_sock_ops', 'sk_skb_stream_parser',
  'sk_skb_stream_verdict', 'cgroup_device', 'sk_msg_verdict', 'cgroup_inet4_bind', 'cgroup_inet6_bind', 'cgroup_inet4_connect',
  'cgroup_inet6_connect', 'cgroup_inet4_post_bind', 'cgroup_inet6_post_bind', 'cgroup_udp4_sendmsg', 'cgroup_udp6_sendmsg',
  'lirc_mode2', 'flow_dissector', 'cgroup_sysctl', 'cgroup_udp4_recvmsg', 'cgroup_udp6_recvmsg', 'cgroup_getsockopt',
  'cgroup_setsockopt', 'trace_raw_tp', 'trace_fentry', 'trace_fexit', 'modify_return', 'lsm_mac', 'trace_iter',
  'cgroup_inet4_getpeername', 'cgroup_inet6_getpeername', 'cgroup_inet4_getsockname', 'cgroup_inet6_getsockname', 'xdp_devmap',
  'cgroup_inet_sock_release', 'xdp_cpumap', 'sk_lookup', 'xdp', 'sk_skb_verdict', 'sk_reuseport_select',
  'sk_reuseport_select_or_migrate', 'perf_event', 'trace_kprobe_multi', 'lsm_cgroup', 'struct_ops', 'netfilter', 'tcx_ingress',
  'tcx_egress', 'trace_uprobe_multi', 'cgroup_unix_connect', 'cgroup_unix_sendmsg', 'cgroup_unix_recvmsg',
  'cgroup_unix_getpeername', 'cgroup_unix_getsockname', 'netkit_primary', 'netkit_peer', 'trace_kprobe_session',
  'trace_uprobe_session',
] as const;
export type AttachTypeName = (typeof ATTACH_TYPE_NAMES)[number];

const LINK_TYPE_NAMES = [
  'unspec', 'raw_tracepoint', 'tracing', 'cgroup', 'iter', 'netns', 'xdp', 'perf_event', 'kprobe_multi', 'struct_ops', 'netfilter',
  'tcx', 'uprobe_multi', 'netkit', 'sockmap',
] as const;
export type LinkTypeName = (typeof LINK_TYPE_NAMES)[number];

function numbered<const N extends readonly string[]>(names: N): Readonly<Record<N[number], number>> {
  return Object.fromEntries(names.map((name, number) => [name, number])) as Record<N[number], number>;
}

export const MAP_TYPE = numbered(MAP_TYPE_NAMES);
export const PROG_TYPE = numbered(PROG_TYPE_NAMES);
export const ATTACH_TYPE = numbered(ATTACH_TYPE_NAMES);
export const LINK_TYPE = numbered(LINK_TYPE_NAMES);

/** Names for numbers that the kernel reports; a number newer than these lists reads as 'type 99'. */
export const mapTypeName = (n: number): string => MAP_TYPE_NAMES[n] ?? `type ${n}`;
export const progTypeName = (n: number): string => PROG_TYPE_NAMES[n] ?? `type ${n}`;
export const attachTypeName = (n: number): string => ATTACH_TYPE_NAMES[n] ?? `type ${n}`;
export const linkTypeName = (n: number): string => LINK_TYPE_NAMES[n] ?? `type ${n}`;

/** Numbers for names from a spec; undefined for a name that is not in the list. */
export const mapTypeNumber = (name: string): number | undefined => lookup(MAP_TYPE, name);
export const progTypeNumber = (name: string): number | undefined => lookup(PROG_TYPE, name);
export const attachTypeNumber = (name: string): number | undefined => lookup(ATTACH_TYPE, name);

function lookup(table: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Flags of MAP_CREATE and of element calls. */
export const MAP_FLAG = {
  NO_PREALLOC: 1, NO_COMMON_LRU: 2, NUMA_NODE: 4, RDONLY: 8, WRONLY: 16, STACK_BUILD_ID: 32, ZERO_SEED: 64, RDONLY_PROG: 128,
  WRONLY_PROG: 256, CLONE: 512, MMAPABLE: 1024, PRESERVE_ELEMS: 2048, INNER_MAP: 4096, LINK: 8192,
} as const;

/** Flags of MAP_UPDATE_ELEM and MAP_LOOKUP_ELEM. */
export const ELEM_FLAG = { ANY: 0, NOEXIST: 1, EXIST: 2, LOCK: 4 } as const;

/** Flags of PROG_LOAD. */
export const PROG_FLAG = {
  STRICT_ALIGNMENT: 1, ANY_ALIGNMENT: 2, TEST_RND_HI32: 4, TEST_STATE_FREQ: 8, SLEEPABLE: 16, XDP_HAS_FRAGS: 32,
  XDP_DEV_BOUND_ONLY: 64,
} as const;
