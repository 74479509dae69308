/** What the kernel's errors on element calls mean where it depends on the type of the map. */
import type { MapSpec } from '../object/spec.ts';

/** What else helps when a map is full. */
export const LRU_OF: Readonly<Record<string, string>> = {
  hash: ', or use an LRU type (BPF_MAP_TYPE_LRU_HASH)',
  percpu_hash: ', or use an LRU type (BPF_MAP_TYPE_LRU_PERCPU_HASH)',
  queue: ', or push with { replace: true }, which drops the oldest',
  stack: ', or push with { replace: true }, which drops the oldest',
};

/** Types whose keys are indexes. */
const INDEXED: ReadonlySet<string> = new Set([
  'array',
  'percpu_array',
  'prog_array',
  'perf_event_array',
  'cgroup_array',
  'array_of_maps',
  'devmap',
  'cpumap',
  'xskmap',
  'sockmap',
  'reuseport_sockarray',
]);

/** For E2BIG. Undefined where it means something else. */
export function indexOutOfRange(spec: Pick<MapSpec, 'type' | 'maxEntries'>, key: DataView): string | undefined {
  if (!INDEXED.has(spec.type)) return undefined;
  const index = key.getUint32(0, true);
  if (index < spec.maxEntries) return undefined;
  return `index ${index} is out of range: the map has ${spec.maxEntries} ${spec.maxEntries === 1 ? 'entry' : 'entries'}`;
}

/** What the descriptors in values refer to. */
const VALUES: Readonly<Record<string, string>> = {
  prog_array: 'a program',
  array_of_maps: 'a map',
  hash_of_maps: 'a map',
  perf_event_array: 'a perf event',
  cgroup_array: "a cgroup's folder",
  sockmap: 'a socket',
  sockhash: 'a socket',
  xskmap: 'an AF_XDP socket',
  reuseport_sockarray: 'a socket',
};

/** What the descriptors in keys refer to. */
const KEYS: Readonly<Record<string, string>> = {
  task_storage: 'a process (a pidfd)',
  sk_storage: 'a socket',
  inode_storage: 'an open file',
  cgrp_storage: "a cgroup's folder",
};

/** For EBADF, which also a map that was closed gives: undefined then. `value`: where one was written. */
export function badDescriptor(spec: Pick<MapSpec, 'type'>, key: DataView, value: DataView | undefined): string | undefined {
  const owner = KEYS[spec.type];
  const target = VALUES[spec.type];
  if (owner !== undefined) return `descriptor ${key.getInt32(0, true)} is not open, or is not of ${owner}`;
  if (target !== undefined && value !== undefined) return `descriptor ${value.getInt32(0, true)} is not open, or is not of ${target}`;
  return undefined;
}
