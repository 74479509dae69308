/** From a loaded map to the class that fits its type. */
import type { Kernel } from '../kernel/port.ts';
import { ArrayMap } from './array.ts';
import { BloomMap } from './bloom.ts';
import { FdMap } from './fd-array.ts';
import { HashMap } from './hash.ts';
import { BpfMap, type MapHandle, type MapOptions } from './map.ts';
import { PerCpuMap } from './per-cpu.ts';
import { QueueMap } from './queue.ts';
import { StackTraceMap } from './stack-trace.ts';
import { StorageMap } from './storage.ts';

type MapClass = new (handle: MapHandle, kernel: Kernel, options: MapOptions) => unknown;

/** A map that user space reads in another way (ring and perf buffers: `events/`) or not at all. */
export class OpaqueMap extends BpfMap {}

// biome-ignore format: a table
const CLASSES: Readonly<Record<string, MapClass>> = {
  hash: HashMap, lru_hash: HashMap, lpm_trie: HashMap, array: ArrayMap, cgroup_storage: HashMap,
  devmap: HashMap, devmap_hash: HashMap, cpumap: HashMap,
  percpu_hash: PerCpuMap, percpu_cgroup_storage: PerCpuMap, lru_percpu_hash: PerCpuMap, percpu_array: PerCpuMap,
  queue: QueueMap, stack: QueueMap, stack_trace: StackTraceMap, bloom_filter: BloomMap,
  prog_array: FdMap, perf_event_array: FdMap, cgroup_array: FdMap, array_of_maps: FdMap, hash_of_maps: FdMap, sockmap: FdMap, sockhash: FdMap,
  xskmap: FdMap, reuseport_sockarray: FdMap,
  task_storage: StorageMap, sk_storage: StorageMap, inode_storage: StorageMap, cgrp_storage: StorageMap,
};

/** Every class, for callers who look at what they got. */
export type AnyMap = HashMap | ArrayMap | PerCpuMap | QueueMap | FdMap | StackTraceMap | StorageMap | BloomMap | OpaqueMap;

export function openMap(handle: MapHandle, kernel: Kernel, options: MapOptions = {}): AnyMap {
  const Class = CLASSES[handle.spec.type] ?? OpaqueMap;
  return new Class(handle, kernel, options) as AnyMap;
}
