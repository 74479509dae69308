/**
 * Program types: number, name, the kernel that first has it, and the struct its context points to.
 *
 * Names are the UAPI's in lower case without prefix, which is also how bpftool prints them.
 * Source: include/uapi/linux/bpf.h, include/linux/bpf_types.h; versions from the commits that added them.
 */
export interface ProgramType {
  readonly number: number;
  readonly name: string;
  readonly minKernel: string;
  /** Struct that the context argument points to; undefined where it depends on the target, or is no struct. */
  readonly context?: string;
}

const ROWS = [
  { number: 1, name: 'socket_filter', minKernel: '3.19', context: '__sk_buff' },
  { number: 2, name: 'kprobe', minKernel: '4.1', context: 'pt_regs' },
  { number: 3, name: 'sched_cls', minKernel: '4.1', context: '__sk_buff' },
  { number: 4, name: 'sched_act', minKernel: '4.1', context: '__sk_buff' },
  { number: 5, name: 'tracepoint', minKernel: '4.7' },
  { number: 6, name: 'xdp', minKernel: '4.8', context: 'xdp_md' },
  { number: 7, name: 'perf_event', minKernel: '4.9', context: 'bpf_perf_event_data' },
  { number: 8, name: 'cgroup_skb', minKernel: '4.10', context: '__sk_buff' },
  { number: 9, name: 'cgroup_sock', minKernel: '4.10', context: 'bpf_sock' },
  { number: 10, name: 'lwt_in', minKernel: '4.10', context: '__sk_buff' },
  { number: 11, name: 'lwt_out', minKernel: '4.10', context: '__sk_buff' },
  { number: 12, name: 'lwt_xmit', minKernel: '4.10', context: '__sk_buff' },
  { number: 13, name: 'sock_ops', minKernel: '4.13', context: 'bpf_sock_ops' },
  { number: 14, name: 'sk_skb', minKernel: '4.14', context: '__sk_buff' },
  { number: 15, name: 'cgroup_device', minKernel: '4.15', context: 'bpf_cgroup_dev_ctx' },
  { number: 16, name: 'sk_msg', minKernel: '4.17', context: 'sk_msg_md' },
  { number: 17, name: 'raw_tracepoint', minKernel: '4.17', context: 'bpf_raw_tracepoint_args' },
  { number: 18, name: 'cgroup_sock_addr', minKernel: '4.17', context: 'bpf_sock_addr' },
  { number: 19, name: 'lwt_seg6local', minKernel: '4.18', context: '__sk_buff' },
  { number: 20, name: 'lirc_mode2', minKernel: '4.18' },
  { number: 21, name: 'sk_reuseport', minKernel: '4.19', context: 'sk_reuseport_md' },
  { number: 22, name: 'flow_dissector', minKernel: '4.20', context: '__sk_buff' },
  { number: 23, name: 'cgroup_sysctl', minKernel: '5.2', context: 'bpf_sysctl' },
  { number: 24, name: 'raw_tracepoint_writable', minKernel: '5.2', context: 'bpf_raw_tracepoint_args' },
  { number: 25, name: 'cgroup_sockopt', minKernel: '5.3', context: 'bpf_sockopt' },
  { number: 26, name: 'tracing', minKernel: '5.5' },
  { number: 27, name: 'struct_ops', minKernel: '5.6' },
  { number: 28, name: 'ext', minKernel: '5.6' },
  { number: 29, name: 'lsm', minKernel: '5.7' },
  { number: 30, name: 'sk_lookup', minKernel: '5.9', context: 'bpf_sk_lookup' },
  { number: 31, name: 'syscall', minKernel: '5.14' },
  { number: 32, name: 'netfilter', minKernel: '6.4', context: 'bpf_nf_ctx' },
] as const satisfies readonly ProgramType[];

export type ProgramTypeName = (typeof ROWS)[number]['name'];

export const PROGRAM_TYPES: readonly ProgramType[] = ROWS;

const byName = new Map(PROGRAM_TYPES.map((t) => [t.name, t]));
const byNumber = new Map(PROGRAM_TYPES.map((t) => [t.number, t]));

/** By name ('kprobe') or UAPI name ('BPF_PROG_TYPE_KPROBE'). */
export function programType(name: string): ProgramType | undefined {
  return byName.get(name.startsWith('BPF_PROG_TYPE_') ? name.slice('BPF_PROG_TYPE_'.length).toLowerCase() : name);
}

export function programTypeByNumber(number: number): ProgramType | undefined {
  return byNumber.get(number);
}
