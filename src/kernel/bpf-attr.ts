/**
 * bpf(2): every command, and every shape of `union bpf_attr` that a command takes.
 *
 *   bpf(kernel, 'MAP_CREATE', { map_type: MAP_TYPE.hash, key_size: 4, value_size: 8, max_entries: 1 })   ─▶ descriptor
 *
 * The union is split into one row per use: LINK_CREATE alone has nine. Rows carry the kernel's own member names, in its
 * order; `layout.ts` puts them where C does. Members that came with a later kernel stand at the end of a row: an older
 * kernel takes the longer attr as long as they are zero (bpf_check_uarg_tail_zero).
 *
 * Source: include/uapi/linux/bpf.h up to Linux 6.18. Kernel structs that bpf(2) fills are in `obj-info.ts`.
 */

import { decode, encode, type Fields, type Input, type Layout, layoutOf, type Output, offsetOf } from './layout.ts';
import type { Kernel } from './port.ts';

// biome-ignore format: a table
export const BPF_CMD = {
  MAP_CREATE: 0, MAP_LOOKUP_ELEM: 1, MAP_UPDATE_ELEM: 2, MAP_DELETE_ELEM: 3, MAP_GET_NEXT_KEY: 4, PROG_LOAD: 5,
  OBJ_PIN: 6, OBJ_GET: 7, PROG_ATTACH: 8, PROG_DETACH: 9, PROG_TEST_RUN: 10, PROG_GET_NEXT_ID: 11, MAP_GET_NEXT_ID: 12,
  PROG_GET_FD_BY_ID: 13, MAP_GET_FD_BY_ID: 14, OBJ_GET_INFO_BY_FD: 15, PROG_QUERY: 16, RAW_TRACEPOINT_OPEN: 17,
  BTF_LOAD: 18, BTF_GET_FD_BY_ID: 19, TASK_FD_QUERY: 20, MAP_LOOKUP_AND_DELETE_ELEM: 21, MAP_FREEZE: 22,
  BTF_GET_NEXT_ID: 23, MAP_LOOKUP_BATCH: 24, MAP_LOOKUP_AND_DELETE_BATCH: 25, MAP_UPDATE_BATCH: 26, MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28, LINK_UPDATE: 29, LINK_GET_FD_BY_ID: 30, LINK_GET_NEXT_ID: 31, ENABLE_STATS: 32, ITER_CREATE: 33,
  LINK_DETACH: 34, PROG_BIND_MAP: 35, TOKEN_CREATE: 36, PROG_STREAM_READ_BY_FD: 37,
} as const;
export type BpfCommand = keyof typeof BPF_CMD;

const COMMAND_NAMES = Object.keys(BPF_CMD) as BpfCommand[];

/** 'MAP_CREATE' for 0; undefined for a number that this table does not know. */
export function commandName(cmd: number): BpfCommand | undefined {
  return COMMAND_NAMES[cmd];
}

/** Commands whose result is a new descriptor. */
// biome-ignore format: a table
export const RETURNS_FD: ReadonlySet<number> = new Set<number>([
  BPF_CMD.MAP_CREATE, BPF_CMD.PROG_LOAD, BPF_CMD.OBJ_GET, BPF_CMD.RAW_TRACEPOINT_OPEN, BPF_CMD.BTF_LOAD,
  BPF_CMD.PROG_GET_FD_BY_ID, BPF_CMD.MAP_GET_FD_BY_ID, BPF_CMD.BTF_GET_FD_BY_ID, BPF_CMD.LINK_GET_FD_BY_ID,
  BPF_CMD.LINK_CREATE, BPF_CMD.ENABLE_STATS, BPF_CMD.ITER_CREATE, BPF_CMD.TOKEN_CREATE,
]);

const ELEM = { map_fd: 'u32', key: 'ptr', value: 'ptr', flags: 'u64' } as const;
// biome-ignore format: a table
const BATCH = {
  in_batch: 'ptr', out_batch: 'ptr', keys: 'ptr', values: 'ptr', count: 'u32', map_fd: 'u32', elem_flags: 'u64', flags: 'u64',
} as const;
const OBJ = { pathname: 'ptr', bpf_fd: 'u32', file_flags: 'u32', path_fd: 's32' } as const;
// biome-ignore format: a table
const PROG_ATTACH = {
  target_fd: 'u32', attach_bpf_fd: 'u32', attach_type: 'u32', attach_flags: 'u32', replace_bpf_fd: 'u32', relative_fd: 'u32',
  expected_revision: 'u64',
} as const;
const NEXT_ID = { start_id: 'u32', next_id: 'u32', open_flags: 'u32' } as const;
// biome-ignore format: a table
const LINK_ORDER = {
  prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', relative_fd: 'u32', expected_revision: 'u64',
} as const;

/** Shapes of the attr by use. A use whose name is not a command says its command in `USE_COMMAND`. */
// biome-ignore format: a table
export const ATTR = {
  MAP_CREATE: {
    map_type: 'u32', key_size: 'u32', value_size: 'u32', max_entries: 'u32', map_flags: 'u32', inner_map_fd: 'u32', numa_node: 'u32',
    map_name: 'name', map_ifindex: 'u32', btf_fd: 'u32', btf_key_type_id: 'u32', btf_value_type_id: 'u32',
    btf_vmlinux_value_type_id: 'u32', map_extra: 'u64', value_type_btf_obj_fd: 's32', map_token_fd: 's32',
  },
  MAP_LOOKUP_ELEM: ELEM,
  MAP_UPDATE_ELEM: ELEM,
  MAP_DELETE_ELEM: ELEM,
  MAP_LOOKUP_AND_DELETE_ELEM: ELEM,
  MAP_GET_NEXT_KEY: { map_fd: 'u32', key: 'ptr', next_key: 'ptr' },
  MAP_FREEZE: { map_fd: 'u32' },
  MAP_LOOKUP_BATCH: BATCH,
  MAP_LOOKUP_AND_DELETE_BATCH: BATCH,
  MAP_UPDATE_BATCH: BATCH,
  MAP_DELETE_BATCH: BATCH,
  PROG_LOAD: {
    prog_type: 'u32', insn_cnt: 'u32', insns: 'ptr', license: 'ptr', log_level: 'u32', log_size: 'u32', log_buf: 'ptr',
    kern_version: 'u32', prog_flags: 'u32', prog_name: 'name', prog_ifindex: 'u32', expected_attach_type: 'u32', prog_btf_fd: 'u32',
    func_info_rec_size: 'u32', func_info: 'ptr', func_info_cnt: 'u32', line_info_rec_size: 'u32', line_info: 'ptr',
    line_info_cnt: 'u32', attach_btf_id: 'u32', attach_prog_fd: 'u32', core_relo_cnt: 'u32', fd_array: 'ptr', core_relos: 'ptr',
    core_relo_rec_size: 'u32', log_true_size: 'u32', prog_token_fd: 's32', fd_array_cnt: 'u32',
  },
  OBJ_PIN: OBJ,
  OBJ_GET: OBJ,
  PROG_ATTACH,
  PROG_DETACH: PROG_ATTACH,
  PROG_TEST_RUN: {
    prog_fd: 'u32', retval: 'u32', data_size_in: 'u32', data_size_out: 'u32', data_in: 'ptr', data_out: 'ptr', repeat: 'u32',
    duration: 'u32', ctx_size_in: 'u32', ctx_size_out: 'u32', ctx_in: 'ptr', ctx_out: 'ptr', flags: 'u32', cpu: 'u32', batch_size: 'u32',
  },
  PROG_GET_NEXT_ID: NEXT_ID,
  MAP_GET_NEXT_ID: NEXT_ID,
  BTF_GET_NEXT_ID: NEXT_ID,
  LINK_GET_NEXT_ID: NEXT_ID,
  PROG_GET_FD_BY_ID: NEXT_ID,
  MAP_GET_FD_BY_ID: NEXT_ID,
  BTF_GET_FD_BY_ID: NEXT_ID,
  LINK_GET_FD_BY_ID: NEXT_ID,
  OBJ_GET_INFO_BY_FD: { bpf_fd: 'u32', info_len: 'u32', info: 'ptr' },
  PROG_QUERY: {
    target_fd: 'u32', attach_type: 'u32', query_flags: 'u32', attach_flags: 'u32', prog_ids: 'ptr', prog_cnt: 'u32',
    prog_attach_flags: 'ptr', link_ids: 'ptr', link_attach_flags: 'ptr', revision: 'u64',
  },
  RAW_TRACEPOINT_OPEN: { name: 'ptr', prog_fd: 'u32', cookie: 'u64' },
  BTF_LOAD: {
    btf: 'ptr', btf_log_buf: 'ptr', btf_size: 'u32', btf_log_size: 'u32', btf_log_level: 'u32', btf_log_true_size: 'u32', btf_flags: 'u32',
    btf_token_fd: 's32',
  },
  TASK_FD_QUERY: {
    pid: 'u32', fd: 'u32', flags: 'u32', buf_len: 'u32', buf: 'ptr', prog_id: 'u32', fd_type: 'u32', probe_offset: 'u64', probe_addr: 'u64',
  },
  LINK_CREATE: { prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', target_btf_id: 'u32' },
  LINK_CREATE_TRACING: { prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', target_btf_id: 'u32', cookie: 'u64' },
  LINK_CREATE_ITER: { prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', iter_info: 'ptr', iter_info_len: 'u32' },
  LINK_CREATE_PERF_EVENT: { prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', bpf_cookie: 'u64' },
  LINK_CREATE_KPROBE_MULTI: {
    prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', kprobe_flags: 'u32', cnt: 'u32', syms: 'ptr', addrs: 'ptr', cookies: 'ptr',
  },
  LINK_CREATE_UPROBE_MULTI: {
    prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', path: 'ptr', offsets: 'ptr', ref_ctr_offsets: 'ptr', cookies: 'ptr',
    cnt: 'u32', uprobe_flags: 'u32', pid: 'u32',
  },
  LINK_CREATE_NETFILTER: {
    prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32', pf: 'u32', hooknum: 'u32', priority: 's32', netfilter_flags: 'u32',
  },
  LINK_CREATE_TCX: LINK_ORDER,
  LINK_CREATE_NETKIT: LINK_ORDER,
  LINK_CREATE_CGROUP: LINK_ORDER,
  LINK_UPDATE: { link_fd: 'u32', new_prog_fd: 'u32', flags: 'u32', old_prog_fd: 'u32' },
  LINK_DETACH: { link_fd: 'u32' },
  ENABLE_STATS: { type: 'u32' },
  ITER_CREATE: { link_fd: 'u32', flags: 'u32' },
  PROG_BIND_MAP: { prog_fd: 'u32', map_fd: 'u32', flags: 'u32' },
  TOKEN_CREATE: { flags: 'u32', bpffs_fd: 'u32' },
  PROG_STREAM_READ_BY_FD: { stream_buf: 'ptr', stream_buf_len: 'u32', stream_id: 'u32', prog_fd: 'u32' },
} as const satisfies Readonly<Record<string, Fields>>;

export type BpfUse = keyof typeof ATTR;
export type AttrInput<U extends BpfUse> = Input<(typeof ATTR)[U]>;
export type AttrOutput<U extends BpfUse> = Output<(typeof ATTR)[U]>;

/** The command of a use: its own name, or LINK_CREATE for the shapes of that. */
export function commandOf(use: BpfUse): BpfCommand {
  return use.startsWith('LINK_CREATE') ? 'LINK_CREATE' : (use as BpfCommand);
}

export function attrLayout<U extends BpfUse>(use: U): Layout<(typeof ATTR)[U]> {
  return layoutOf(ATTR[use]);
}

/** The bytes of an attr. */
export function encodeAttr<U extends BpfUse>(kernel: Pick<Kernel, 'addressOf'>, use: U, values: AttrInput<U>): Uint8Array {
  return encode(attrLayout(use), values, kernel);
}

/** Makes a call whose only answer is its result. Throws `KernelError`. */
export function bpf<U extends BpfUse>(kernel: Kernel, use: U, values: AttrInput<U>): number {
  return kernel.bpf(BPF_CMD[commandOf(use)], encodeAttr(kernel, use, values));
}

/** Makes a call that also answers in the attr. */
export function bpfAnswer<U extends BpfUse>(
  kernel: Kernel,
  use: U,
  values: AttrInput<U>,
): { readonly result: number; readonly attr: AttrOutput<U> } {
  const bytes = encodeAttr(kernel, use, values);
  const result = kernel.bpf(BPF_CMD[commandOf(use)], bytes);
  return { result, attr: decode(attrLayout(use), bytes) };
}

/** Offset of an attr member, for attrs that are built once and patched (map element calls). */
export function attrOffset<U extends BpfUse>(use: U, member: keyof (typeof ATTR)[U] & string): number {
  return offsetOf(attrLayout(use), member);
}

/** A NUL-terminated string for a `ptr` member. */
export function cString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}
