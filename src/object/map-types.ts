/**
 * Map types: number, name, the kernel that first has it, and the rules that creating one must keep.
 *
 * Source: include/uapi/linux/bpf.h; the `map_alloc_check` of each type under kernel/bpf and net/core; libbpf for
 * the list of types that refuse BTF ids.
 */
export interface MapType {
  readonly number: number;
  readonly name: string;
  /** Undefined: newer than Linux 7.1. */
  readonly minKernel?: string;
  readonly key: KeyRule;
  readonly value: ValueRule;
  /** Created only with BPF_F_NO_PREALLOC. */
  readonly mustHaveNoPrealloc?: true;
  /** Created only with `max_entries` 0. */
  readonly mustHaveZeroMaxEntries?: true;
  /** Key and value type ids must be left out. */
  readonly refusesBtf?: true;
  /** Key and value type ids must be there. */
  readonly needsBtf?: true;
  /** Values are maps, and creating one needs a template of them. */
  readonly holdsMaps?: true;
  /** `max_entries` is a size in bytes: a power of two of whole pages. */
  readonly isRing?: true;
  /** Created only with BPF_F_MMAPABLE. */
  readonly mustHaveMmapable?: true;
}

/** 'lpm': a prefix length of 4 bytes and up to 256 of data. 'cgroup': a u64 or `struct bpf_cgroup_storage_key`. */
export type KeyRule = 'any' | 'u32' | 'none' | 'lpm' | 'cgroup';

/**
 * 'fd': a descriptor goes in (4 bytes). 'fdOrStruct': 4 bytes, or 8 with a program's descriptor. 'fdOrCookie': 4, or 8
 * to read socket cookies. 'stack': addresses of 8 bytes. 'insn': `struct bpf_insn_array_value`, 16 bytes.
 */
export type ValueRule = 'any' | 'none' | 'fd' | 'fdOrStruct' | 'fdOrCookie' | 'stack' | 'insn';

const ROWS = [
  { number: 1, name: 'hash', minKernel: '3.19', key: 'any', value: 'any' },
  { number: 2, name: 'array', minKernel: '3.19', key: 'u32', value: 'any' },
  { number: 3, name: 'prog_array', minKernel: '4.2', key: 'u32', value: 'fd' },
  { number: 4, name: 'perf_event_array', minKernel: '4.3', key: 'u32', value: 'fd', refusesBtf: true },
  { number: 5, name: 'percpu_hash', minKernel: '4.6', key: 'any', value: 'any' },
  { number: 6, name: 'percpu_array', minKernel: '4.6', key: 'u32', value: 'any' },
  { number: 7, name: 'stack_trace', minKernel: '4.6', key: 'u32', value: 'stack', refusesBtf: true },
  { number: 8, name: 'cgroup_array', minKernel: '4.8', key: 'u32', value: 'fd', refusesBtf: true },
  { number: 9, name: 'lru_hash', minKernel: '4.10', key: 'any', value: 'any' },
  { number: 10, name: 'lru_percpu_hash', minKernel: '4.10', key: 'any', value: 'any' },
  { number: 11, name: 'lpm_trie', minKernel: '4.11', key: 'lpm', value: 'any', mustHaveNoPrealloc: true },
  { number: 12, name: 'array_of_maps', minKernel: '4.12', key: 'u32', value: 'fd', refusesBtf: true, holdsMaps: true },
  { number: 13, name: 'hash_of_maps', minKernel: '4.12', key: 'any', value: 'fd', refusesBtf: true, holdsMaps: true },
  { number: 14, name: 'devmap', minKernel: '4.14', key: 'u32', value: 'fdOrStruct', refusesBtf: true },
  { number: 15, name: 'sockmap', minKernel: '4.14', key: 'u32', value: 'fdOrCookie', refusesBtf: true },
  { number: 16, name: 'cpumap', minKernel: '4.15', key: 'u32', value: 'fdOrStruct', refusesBtf: true },
  { number: 17, name: 'xskmap', minKernel: '4.18', key: 'u32', value: 'fd', refusesBtf: true },
  { number: 18, name: 'sockhash', minKernel: '4.18', key: 'any', value: 'fdOrCookie', refusesBtf: true },
  { number: 19, name: 'cgroup_storage', minKernel: '4.19', key: 'cgroup', value: 'any', mustHaveZeroMaxEntries: true },
  { number: 20, name: 'reuseport_sockarray', minKernel: '4.19', key: 'u32', value: 'fdOrCookie' },
  { number: 21, name: 'percpu_cgroup_storage', minKernel: '4.20', key: 'cgroup', value: 'any', mustHaveZeroMaxEntries: true },
  { number: 22, name: 'queue', minKernel: '4.20', key: 'none', value: 'any', refusesBtf: true },
  { number: 23, name: 'stack', minKernel: '4.20', key: 'none', value: 'any', refusesBtf: true },
  {
    number: 24,
    name: 'sk_storage',
    minKernel: '5.2',
    key: 'u32',
    value: 'any',
    mustHaveNoPrealloc: true,
    mustHaveZeroMaxEntries: true,
    needsBtf: true,
  },
  { number: 25, name: 'devmap_hash', minKernel: '5.4', key: 'u32', value: 'fdOrStruct', refusesBtf: true },
  { number: 26, name: 'struct_ops', minKernel: '5.6', key: 'u32', value: 'any' },
  { number: 27, name: 'ringbuf', minKernel: '5.8', key: 'none', value: 'none', isRing: true },
  {
    number: 28,
    name: 'inode_storage',
    minKernel: '5.10',
    key: 'u32',
    value: 'any',
    mustHaveNoPrealloc: true,
    mustHaveZeroMaxEntries: true,
    needsBtf: true,
  },
  {
    number: 29,
    name: 'task_storage',
    minKernel: '5.11',
    key: 'u32',
    value: 'any',
    mustHaveNoPrealloc: true,
    mustHaveZeroMaxEntries: true,
    needsBtf: true,
  },
  { number: 30, name: 'bloom_filter', minKernel: '5.16', key: 'none', value: 'any' },
  { number: 31, name: 'user_ringbuf', minKernel: '6.1', key: 'none', value: 'none', isRing: true },
  {
    number: 32,
    name: 'cgrp_storage',
    minKernel: '6.2',
    key: 'u32',
    value: 'any',
    mustHaveNoPrealloc: true,
    mustHaveZeroMaxEntries: true,
    needsBtf: true,
  },
  { number: 33, name: 'arena', minKernel: '6.9', key: 'none', value: 'none', refusesBtf: true, mustHaveMmapable: true },
  { number: 34, name: 'insn_array', minKernel: '6.19', key: 'u32', value: 'insn' },
  { number: 35, name: 'rhash', key: 'any', value: 'any', mustHaveNoPrealloc: true },
] as const satisfies readonly MapType[];

export type MapTypeName = (typeof ROWS)[number]['name'];

export const MAP_TYPES: readonly MapType[] = ROWS;

const byName = new Map(MAP_TYPES.map((t) => [t.name, t]));
const byNumber = new Map(MAP_TYPES.map((t) => [t.number, t]));

/** By name ('hash') or UAPI name ('BPF_MAP_TYPE_HASH'). */
export function mapType(name: string): MapType | undefined {
  return byName.get(name.startsWith('BPF_MAP_TYPE_') ? name.slice('BPF_MAP_TYPE_'.length).toLowerCase() : name);
}

export function mapTypeByNumber(number: number): MapType | undefined {
  return byNumber.get(number);
}

/** Flags of MAP_CREATE that the rules are about. */
export const BPF_F_NO_PREALLOC = 1;
export const BPF_F_MMAPABLE = 1 << 10;

/** Bytes of a ring buffer that holds at least this many: a page times a power of two. */
export function ringSize(bytes: number, pageSize: number): number {
  let size = pageSize;
  while (size < bytes && size < 2 ** 31) size *= 2;
  return size;
}

export interface MapShape {
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** What the kernel would refuse about a map, in words: it says only EINVAL. Empty when nothing is known to be wrong. */
export function mapProblems(map: MapShape): string[] {
  const type = mapType(map.type);
  if (type === undefined) return [`there is no map type '${map.type}'`];
  const problems: string[] = [];
  const size = (what: string, actual: number, ...allowed: number[]): void => {
    if (!allowed.includes(actual)) {
      problems.push(`${what} of a map of type ${type.name} must be ${allowed.join(' or ')} bytes, not ${actual}`);
    }
  };
  switch (type.key) {
    case 'any':
      if (map.keySize === 0) problems.push(`a map of type ${type.name} needs a key`);
      break;
    case 'u32':
      size('the key', map.keySize, 4);
      break;
    case 'none':
      size('the key', map.keySize, 0);
      break;
    case 'lpm':
      if (map.keySize < 5 || map.keySize > 260) problems.push(`the key of an lpm_trie must be 5 to 260 bytes, not ${map.keySize}`);
      break;
    case 'cgroup':
      size('the key', map.keySize, 8, 16);
      break;
    default:
      return type.key satisfies never;
  }
  switch (type.value) {
    case 'any':
      if (map.valueSize === 0) problems.push(`a map of type ${type.name} needs a value`);
      break;
    case 'none':
      size('the value', map.valueSize, 0);
      break;
    case 'fd':
      size('the value', map.valueSize, 4);
      break;
    case 'fdOrStruct':
    case 'fdOrCookie':
      size('the value', map.valueSize, 4, 8);
      break;
    case 'stack':
      if (map.valueSize < 8 || map.valueSize % 8 !== 0)
        problems.push(`the value of a stack_trace must be a multiple of 8 bytes, not ${map.valueSize}`);
      break;
    case 'insn':
      size('the value', map.valueSize, 16);
      break;
    default:
      return type.value satisfies never;
  }
  if (type.mustHaveZeroMaxEntries && map.maxEntries !== 0) problems.push(`max_entries of a map of type ${type.name} must be 0`);
  else if (!type.mustHaveZeroMaxEntries && map.maxEntries === 0 && type.name !== 'perf_event_array') {
    problems.push(`max_entries of a map of type ${type.name} must not be 0`);
  }
  if (type.mustHaveNoPrealloc && (map.flags & BPF_F_NO_PREALLOC) === 0) {
    problems.push(`a map of type ${type.name} must have the flag BPF_F_NO_PREALLOC`);
  }
  if (type.mustHaveMmapable && (map.flags & BPF_F_MMAPABLE) === 0) {
    problems.push(`a map of type ${type.name} must have the flag BPF_F_MMAPABLE`);
  }
  return problems;
}
