/**
 * What the passes must know of kernel helpers: where a returned pointer leads, which memory they touch, whether a call
 * may be dropped or merged. A helper that is not here may read and write whatever its pointer arguments reach and must
 * stay where it is: the table only buys better code, never correctness. (Names, prototypes and which program may call
 * what are the front end's.)
 *
 * Source: include/uapi/linux/bpf.h and the `bpf_func_proto`s in kernel/bpf and kernel/trace.
 */
import type { CallInst, Space } from './ir.ts';

/** An argument that points to memory, and the argument that says how long it is. Without: as long as the map or type says. */
export interface HelperMemory {
  readonly arg: number;
  readonly size?: number;
}

export interface HelperFacts {
  /** Space of the returned pointer. */
  readonly returns?: Space;
  /** Changes nothing: an unused call may go. */
  readonly pure?: boolean;
  /** Gives the same answer each time in one run of a program: equal calls may be merged. */
  readonly stable?: boolean;
  /** Memory of the program that it reads and writes. Undefined: whatever its arguments reach. */
  readonly reads?: readonly HelperMemory[];
  readonly writes?: readonly HelperMemory[];
  /** `writes` is all it changes; others may also change maps, the packet, the context. */
  readonly local?: boolean;
  /** Writes all of `writes`, also when it fails: what was there before is gone. */
  readonly fillsAll?: boolean;
}

const stable: HelperFacts = { pure: true, stable: true, local: true, reads: [], writes: [] };
const pure: HelperFacts = { pure: true, local: true, reads: [], writes: [] };
const reads = (...args: HelperMemory[]): HelperFacts => ({ reads: args, writes: [] });
const fills = (arg: number, size: number): HelperFacts => ({ reads: [], writes: [{ arg, size }], local: true });
/** Zeroes the buffer when it fails. */
const fillsAll = (arg: number, size: number): HelperFacts => ({ ...fills(arg, size), fillsAll: true });
const socket: HelperFacts = { returns: 'btf', local: true, reads: [], writes: [] };
const lookupSocket: HelperFacts = { returns: 'mem', reads: [{ arg: 1, size: 2 }], writes: [] };

const FACTS: Readonly<Record<number, HelperFacts>> = {
  1: { returns: 'map', pure: true, local: true, reads: [{ arg: 1 }], writes: [] }, // map_lookup_elem
  2: reads({ arg: 1 }, { arg: 2 }), // map_update_elem
  3: reads({ arg: 1 }), // map_delete_elem
  4: fillsAll(0, 1), // probe_read
  5: pure, // ktime_get_ns
  6: { ...reads({ arg: 0, size: 1 }), local: true }, // trace_printk
  7: pure, // get_prandom_u32
  8: stable, // get_smp_processor_id
  9: reads({ arg: 2, size: 3 }), // skb_store_bytes
  10: reads(), // l3_csum_replace
  11: reads(), // l4_csum_replace
  12: reads(), // tail_call
  13: reads(), // clone_redirect
  14: stable, // get_current_pid_tgid
  15: stable, // get_current_uid_gid
  16: fills(0, 1), // get_current_comm: before Linux 6.3 what stands behind the name stays
  22: reads(), // perf_event_read
  23: reads(), // redirect
  25: { ...reads({ arg: 3, size: 4 }), local: true }, // perf_event_output
  26: fillsAll(2, 3), // skb_load_bytes
  27: { ...reads(), local: true }, // get_stackid
  28: { ...reads({ arg: 0, size: 1 }, { arg: 2, size: 3 }), pure: true, local: true }, // csum_diff
  35: { ...stable, returns: 'kernel' }, // get_current_task
  36: reads({ arg: 1, size: 2 }), // probe_write_user
  42: stable, // get_numa_node_id
  45: fills(0, 1), // probe_read_str
  46: pure, // get_socket_cookie
  47: pure, // get_socket_uid
  51: reads(), // redirect_map
  55: fills(2, 3), // perf_event_read_value
  56: fills(1, 2), // perf_prog_read_value
  67: fills(1, 2), // get_stack
  68: fills(2, 3), // skb_load_bytes_relative
  79: stable, // skb_cgroup_id
  80: stable, // get_current_cgroup_id
  81: { ...pure, returns: 'map' }, // get_local_storage
  84: lookupSocket, // sk_lookup_tcp
  85: lookupSocket, // sk_lookup_udp
  87: reads({ arg: 1 }), // map_push_elem
  93: { returns: 'unknown' }, // spin_lock
  94: { returns: 'unknown' }, // spin_unlock
  95: { returns: 'mem', reads: [], writes: [] }, // sk_fullsock
  96: { returns: 'mem', reads: [], writes: [] }, // tcp_sock
  98: { returns: 'mem', reads: [], writes: [] }, // get_listener_sock
  99: lookupSocket, // skc_lookup_tcp
  107: { returns: 'map', reads: [{ arg: 2 }], writes: [] }, // sk_storage_get
  112: fillsAll(0, 1), // probe_read_user
  113: fillsAll(0, 1), // probe_read_kernel
  114: fills(0, 1), // probe_read_user_str
  115: fills(0, 1), // probe_read_kernel_str
  118: pure, // jiffies64
  122: pure, // get_netns_cookie
  123: stable, // get_current_ancestor_cgroup_id
  125: pure, // ktime_get_boot_ns
  130: { ...reads({ arg: 1, size: 2 }), local: true }, // ringbuf_output
  131: { returns: 'mem', local: true, reads: [], writes: [] }, // ringbuf_reserve
  132: {}, // ringbuf_submit
  133: {}, // ringbuf_discard
  134: { reads: [], writes: [] }, // ringbuf_query
  136: socket, // skc_to_tcp6_sock
  137: socket, // skc_to_tcp_sock
  138: socket, // skc_to_tcp_timewait_sock
  139: socket, // skc_to_tcp_request_sock
  140: socket, // skc_to_udp6_sock
  141: fills(1, 2), // get_task_stack
  145: { returns: 'map', reads: [{ arg: 2 }], writes: [] }, // inode_storage_get
  147: fills(1, 2), // d_path
  148: fills(0, 1), // copy_from_user
  153: { returns: 'btf', reads: [], writes: [] }, // per_cpu_ptr
  154: { returns: 'btf', reads: [], writes: [] }, // this_cpu_ptr
  156: { returns: 'map', reads: [{ arg: 2 }], writes: [] }, // task_storage_get
  158: { ...stable, returns: 'btf' }, // get_current_task_btf
  160: pure, // ktime_get_coarse_ns
  162: { returns: 'btf', reads: [], writes: [] }, // sock_from_file
  173: stable, // get_func_ip
  174: stable, // get_attach_cookie
  175: { returns: 'btf', reads: [], writes: [] }, // task_pt_regs
  178: socket, // skc_to_unix_sock
  182: { ...reads({ arg: 0, size: 1 }, { arg: 2 }), pure: true, local: true }, // strncmp
  185: stable, // get_func_arg_cnt
  188: stable, // xdp_get_buff_len
  189: fills(2, 3), // xdp_load_bytes
  190: reads({ arg: 2, size: 3 }), // xdp_store_bytes
  191: fills(0, 1), // copy_from_user_task
  195: { returns: 'map', pure: true, local: true, reads: [{ arg: 1 }], writes: [] }, // map_lookup_percpu_elem
  196: socket, // skc_to_mptcp_sock
  203: { returns: 'mem' }, // dynptr_data
  208: pure, // ktime_get_tai_ns
  210: { returns: 'map', reads: [{ arg: 2 }], writes: [] }, // cgrp_storage_get
};

const NONE: HelperFacts = {};

export function helperFacts(call: CallInst): HelperFacts {
  return call.callee.kind === 'helper' ? (FACTS[call.callee.id] ?? NONE) : NONE;
}
