/**
 * Numbers of the BPF enums that system calls take, by the names that `ObjectSpec` and bpftool use. The lists themselves
 * are `object/`'s; here are the views on them that calls want, the link types, and the flags.
 *
 * Source: include/uapi/linux/bpf.h; a test compares with the BTF of the running kernel.
 */
import { ATTACH_TYPES, type AttachTypeName } from '../object/attach-types.ts';
import { MAP_TYPES, type MapTypeName, mapTypeByNumber } from '../object/map-types.ts';
import { PROGRAM_TYPES, type ProgramTypeName, programTypeByNumber } from '../object/program-types.ts';

function numbers<N extends string>(rows: readonly { readonly name: string; readonly number: number }[]): Readonly<Record<N, number>> {
  return Object.fromEntries(rows.map((row) => [row.name, row.number])) as Record<N, number>;
}

export const MAP_TYPE = numbers<MapTypeName>(MAP_TYPES);
export const PROG_TYPE = numbers<ProgramTypeName>(PROGRAM_TYPES);
export const ATTACH_TYPE = numbers<AttachTypeName>(ATTACH_TYPES);

// biome-ignore format: a table
const LINK_TYPE_NAMES = [
  'unspec', 'raw_tracepoint', 'tracing', 'cgroup', 'iter', 'netns', 'xdp', 'perf_event', 'kprobe_multi', 'struct_ops', 'netfilter',
  'tcx', 'uprobe_multi', 'netkit', 'sockmap',
] as const;
export type LinkTypeName = (typeof LINK_TYPE_NAMES)[number];

export const LINK_TYPE = numbers<LinkTypeName>(LINK_TYPE_NAMES.map((name, number) => ({ name, number })));

/** Names for numbers that the kernel reports; a number newer than these lists reads as 'type 99'. */
export const mapTypeName = (n: number): string => mapTypeByNumber(n)?.name ?? `type ${n}`;
export const progTypeName = (n: number): string => programTypeByNumber(n)?.name ?? `type ${n}`;
export const linkTypeName = (n: number): string => LINK_TYPE_NAMES[n] ?? `type ${n}`;

/** Flags of MAP_CREATE and of element calls. */
// biome-ignore format: a table
export const MAP_FLAG = {
  NO_PREALLOC: 1, NO_COMMON_LRU: 2, NUMA_NODE: 4, RDONLY: 8, WRONLY: 16, STACK_BUILD_ID: 32, ZERO_SEED: 64, RDONLY_PROG: 128,
  WRONLY_PROG: 256, CLONE: 512, MMAPABLE: 1024, PRESERVE_ELEMS: 2048, INNER_MAP: 4096, LINK: 8192,
} as const;

/** Flags of MAP_UPDATE_ELEM and MAP_LOOKUP_ELEM. */
export const ELEM_FLAG = { ANY: 0, NOEXIST: 1, EXIST: 2, LOCK: 4 } as const;

/** Flags of PROG_LOAD. */
// biome-ignore format: a table
export const PROG_FLAG = {
  STRICT_ALIGNMENT: 1, ANY_ALIGNMENT: 2, TEST_RND_HI32: 4, TEST_STATE_FREQ: 8, SLEEPABLE: 16, XDP_HAS_FRAGS: 32,
  XDP_DEV_BOUND_ONLY: 64,
} as const;
