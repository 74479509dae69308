/**
 * What the kernel tells about a program, map, link or BTF object (BPF_OBJ_GET_INFO_BY_FD).
 *
 * One descriptor per struct, decoded by `layout.ts`. The kernel fills as much of the buffer as it knows; members that
 * came with a later kernel read as zero. Variable parts (instructions, ids of maps, names) take a second call with a
 * buffer: `programMapIds`, `programInsns`, `linkTarget`, `btfData`.
 */

import { bpf, bpfAnswer } from './bpf-attr.ts';
import { decode, encode, type Fields, type Input, type Layout, layoutOf, type Output } from './layout.ts';
import type { Kernel } from './port.ts';

// biome-ignore format: a table
export const PROG_INFO = {
  type: 'u32', id: 'u32', tag: 'tag', jited_prog_len: 'u32', xlated_prog_len: 'u32', jited_prog_insns: 'ptr', xlated_prog_insns: 'ptr',
  load_time: 'u64', created_by_uid: 'u32', nr_map_ids: 'u32', map_ids: 'ptr', name: 'name', ifindex: 'u32', gpl_compatible: 'u32',
  netns_dev: 'u64', netns_ino: 'u64', nr_jited_ksyms: 'u32', nr_jited_func_lens: 'u32', jited_ksyms: 'ptr', jited_func_lens: 'ptr',
  btf_id: 'u32', func_info_rec_size: 'u32', func_info: 'ptr', nr_func_info: 'u32', nr_line_info: 'u32', line_info: 'ptr',
  jited_line_info: 'ptr', nr_jited_line_info: 'u32', line_info_rec_size: 'u32', jited_line_info_rec_size: 'u32',
  nr_prog_tags: 'u32', prog_tags: 'ptr', run_time_ns: 'u64', run_cnt: 'u64', recursion_misses: 'u64', verified_insns: 'u32',
  attach_btf_obj_id: 'u32', attach_btf_id: 'u32',
} as const satisfies Fields;

// biome-ignore format: a table
export const MAP_INFO = {
  type: 'u32', id: 'u32', key_size: 'u32', value_size: 'u32', max_entries: 'u32', map_flags: 'u32', name: 'name', ifindex: 'u32',
  btf_vmlinux_value_type_id: 'u32', netns_dev: 'u64', netns_ino: 'u64', btf_id: 'u32', btf_key_type_id: 'u32',
  btf_value_type_id: 'u32', btf_vmlinux_id: 'u32', map_extra: 'u64',
} as const satisfies Fields;

export const BTF_INFO = {
  btf: 'ptr',
  btf_size: 'u32',
  id: 'u32',
  name: 'ptr',
  name_len: 'u32',
  kernel_btf: 'u32',
} as const satisfies Fields;

const LINK_HEAD = { type: 'u32', id: 'u32', prog_id: 'u32' } as const;

/** `struct bpf_link_info` has a union; one descriptor per link type that skep makes. */
// biome-ignore format: a table
export const LINK_INFO = {
  any: { ...LINK_HEAD, pad: 'u32', a: 'u64', b: 'u64', c: 'u64', d: 'u64', e: 'u64', f: 'u64' },
  raw_tracepoint: { ...LINK_HEAD, tp_name: 'ptr', tp_name_len: 'u32', cookie: 'u64' },
  tracing: { ...LINK_HEAD, pad: 'u32', attach_type: 'u32', target_obj_id: 'u32', target_btf_id: 'u32', cookie: 'u64' },
  cgroup: { ...LINK_HEAD, pad: 'u32', cgroup_id: 'u64', attach_type: 'u32' },
  iter: { ...LINK_HEAD, target_name: 'ptr', target_name_len: 'u32' },
  netns: { ...LINK_HEAD, pad: 'u32', netns_ino: 'u32', attach_type: 'u32' },
  xdp: { ...LINK_HEAD, pad: 'u32', ifindex: 'u32' },
  tcx: { ...LINK_HEAD, pad: 'u32', ifindex: 'u32', attach_type: 'u32' },
  kprobe_multi: { ...LINK_HEAD, addrs: 'ptr', count: 'u32', flags: 'u32', missed: 'u64', cookies: 'ptr' },
  uprobe_multi: {
    ...LINK_HEAD, path: 'ptr', offsets: 'ptr', ref_ctr_offsets: 'ptr', cookies: 'ptr', path_size: 'u32', count: 'u32', flags: 'u32', pid: 'u32',
  },
} as const satisfies Readonly<Record<string, Fields>>;

export type ProgInfo = Output<typeof PROG_INFO>;
export type MapInfo = Output<typeof MAP_INFO>;
export type BtfInfo = Output<typeof BTF_INFO>;
export type LinkInfo<K extends keyof typeof LINK_INFO = 'any'> = Output<(typeof LINK_INFO)[K]>;

function info<F extends Fields>(kernel: Kernel, fd: number, layout: Layout<F>, request: Input<F> = {}): Output<F> {
  const buffer = encode(layout, request, kernel);
  bpf(kernel, 'OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: buffer.length, info: buffer });
  return decode(layout, buffer);
}

export function progInfo(kernel: Kernel, fd: number): ProgInfo {
  return info(kernel, fd, layoutOf(PROG_INFO));
}

export function mapInfo(kernel: Kernel, fd: number): MapInfo {
  return info(kernel, fd, layoutOf(MAP_INFO));
}

export function linkInfo<K extends keyof typeof LINK_INFO>(kernel: Kernel, fd: number, kind: K): LinkInfo<K> {
  return info(kernel, fd, layoutOf(LINK_INFO[kind])) as LinkInfo<K>;
}

/** Ids of the maps that a program uses, in the order of its instructions. */
export function programMapIds(kernel: Kernel, fd: number): number[] {
  const count = progInfo(kernel, fd).nr_map_ids;
  if (count === 0) return [];
  const ids = new Uint32Array(count);
  info(kernel, fd, layoutOf(PROG_INFO), { nr_map_ids: count, map_ids: new Uint8Array(ids.buffer) });
  return Array.from(ids);
}

/** The program's instructions as the kernel runs them (after rewriting), 8 bytes a slot. Empty without privilege. */
export function programXlated(kernel: Kernel, fd: number): Uint8Array {
  const length = progInfo(kernel, fd).xlated_prog_len;
  const bytes = new Uint8Array(length);
  if (length > 0) info(kernel, fd, layoutOf(PROG_INFO), { xlated_prog_len: length, xlated_prog_insns: bytes });
  return bytes;
}

/** A BTF object's facts with its name ('vmlinux', a module's, '' for a program's). */
export function btfInfo(kernel: Kernel, fd: number): BtfInfo & { readonly nameText: string } {
  const name = new Uint8Array(64);
  const read = info(kernel, fd, layoutOf(BTF_INFO), { name, name_len: name.length });
  const end = name.indexOf(0);
  return { ...read, nameText: new TextDecoder().decode(name.subarray(0, end < 0 ? name.length : end)) };
}

/** A BTF object's bytes. */
export function btfData(kernel: Kernel, fd: number): Uint8Array {
  const size = info(kernel, fd, layoutOf(BTF_INFO)).btf_size;
  const bytes = new Uint8Array(size);
  if (size > 0) info(kernel, fd, layoutOf(BTF_INFO), { btf: bytes, btf_size: size });
  return bytes;
}

/** Name of the tracepoint of a raw tracepoint link. */
export function linkTracepoint(kernel: Kernel, fd: number): string {
  const name = new Uint8Array(128);
  info(kernel, fd, layoutOf(LINK_INFO.raw_tracepoint), { tp_name: name, tp_name_len: name.length });
  const end = name.indexOf(0);
  return new TextDecoder().decode(name.subarray(0, end < 0 ? name.length : end));
}

/** Turns on run counts and times for all programs; they stay on while the descriptor is open. Since Linux 5.8. */
export function enableStats(kernel: Kernel): number {
  return bpf(kernel, 'ENABLE_STATS', { type: 0 });
}

/** What a perf event descriptor of this process (or another) is attached to. */
export function taskFdQuery(
  kernel: Kernel,
  pid: number,
  fd: number,
): { readonly progId: number; readonly kind: number; readonly name: string } {
  const buf = new Uint8Array(256);
  const { attr } = bpfAnswer(kernel, 'TASK_FD_QUERY', { pid, fd, buf, buf_len: buf.length });
  const end = buf.indexOf(0);
  return { progId: attr.prog_id, kind: attr.fd_type, name: new TextDecoder().decode(buf.subarray(0, end < 0 ? buf.length : end)) };
}
