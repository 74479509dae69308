/** Helpers that look up, change and walk maps. */

import { Refusal } from '../fault.ts';
import type { MapFamily } from '../maps/map.ts';
import { ERRNO, UPDATE } from '../maps/store.ts';
import type { HelperCall, HelperRow } from './call.ts';

/** Families with keys. */
const KEYED: readonly MapFamily[] = ['table', 'slots', 'storage', 'stacks'];
const UPDATABLE: readonly MapFamily[] = [...KEYED, 'queue'];

function lookup(call: HelperCall): number {
  const map = call.map(1, KEYED);
  const address = map.store.lookup(call.readable(2, map.shape.keySize));
  return map.holdsMaps ? innerMap(call, address) : address;
}

/** A slot holds the number of a map; programs get the map itself. */
function innerMap(call: HelperCall, address: number): number {
  if (address === 0) return 0;
  const number = call.memory.view.getUint32(call.memory.find(address, 4, false), true);
  return call.state.maps[number - 1]?.address ?? 0;
}

function update(call: HelperCall): number {
  const map = call.map(1, UPDATABLE);
  const flags = call.address(4);
  if (flags > (UPDATE.LOCK | UPDATE.EXIST)) return -ERRNO.EINVAL;
  const key = call.readable(2, map.family === 'queue' ? 0 : map.shape.keySize);
  return map.store.update(key, call.readable(3, map.shape.valueSize), flags);
}

function remove(call: HelperCall): number {
  const map = call.map(1, KEYED);
  return map.store.remove(call.readable(2, map.shape.keySize));
}

function push(call: HelperCall): number {
  const map = call.map(1, ['queue']);
  return map.store.push?.(call.readable(2, map.shape.valueSize), Math.min(call.address(3), 8)) ?? -ERRNO.EOPNOTSUPP;
}

function peek(remove: boolean): HelperRow['run'] {
  return (call) => {
    const map = call.map(1, ['queue']);
    // A bloom filter only reads what it is asked about.
    const value = map.shape.type === 'bloom_filter' ? call.readable(2, map.shape.valueSize) : call.writable(2, map.shape.valueSize);
    return map.store.peek?.(value, remove) ?? -ERRNO.EOPNOTSUPP;
  };
}

/** On another CPU than the running one. */
function lookupPerCpu(call: HelperCall): number {
  const map = call.map(1, ['table']);
  if (!map.perCpu) throw new Refusal('argument', `map '${map.shape.name}' is not per CPU`);
  const { state } = call;
  const cpu = call.uint(3);
  if (cpu >= map.cpus) return 0;
  const current = state.cpu;
  state.cpu = cpu;
  const address = map.store.lookup(call.readable(2, map.shape.keySize));
  state.cpu = current;
  return address;
}

/** Calls back with map, key, value and context until one returns other than 0; the number of elements seen. */
function forEach(call: HelperCall): number {
  const map = call.map(1, ['table']);
  const callback = call.callback(2);
  const context = call.long(3);
  if (call.long(4) !== 0n) return -ERRNO.EINVAL;
  const { memory } = call;
  const size = Math.max(8, map.shape.keySize);
  const copy = memory.allocate(size);
  const key = memory.open({ kind: 'value', label: `a key of map '${map.shape.name}'` }, copy, map.shape.keySize, false);
  let count = 0;
  try {
    for (const at of map.store.keys()) {
      memory.bytes.copyWithin(copy, at, at + map.shape.keySize);
      count++;
      if (call.invoke(callback, [map.address, key, map.store.lookup(copy), context]) !== 0n) break;
    }
  } finally {
    memory.close(key);
    memory.release(copy, size);
  }
  return count;
}

/** Storage that hangs on an object: the object's address is the key. */
function storageGet(objectArgument: number, valueArgument: number, flagsArgument: number): HelperRow['run'] {
  return (call) => {
    const map = call.map(1, ['storage']);
    const object = call.long(objectArgument);
    if (object === 0n) return 0;
    return withKey(call, object, (key) => {
      const found = map.store.lookup(key);
      if (found !== 0 || (call.uint(flagsArgument) & 1) === 0) return found;
      const size = map.shape.valueSize;
      const initial = call.address(valueArgument) === 0 ? undefined : call.readable(valueArgument, size);
      const zero = initial ?? call.memory.allocate(size);
      map.store.update(key, zero, UPDATE.ANY);
      if (initial === undefined) call.memory.release(zero, size);
      return map.store.lookup(key);
    });
  };
}

function storageDelete(call: HelperCall): number {
  const map = call.map(1, ['storage']);
  return withKey(call, call.long(2), (key) => map.store.remove(key));
}

/** `bpf_get_local_storage`: one value per program here, made at first use. */
function localStorage(call: HelperCall): number {
  const map = call.map(1, ['storage']);
  return withKey(call, 1n, (key) => {
    const found = map.store.lookup(key);
    if (found !== 0) return found;
    const zero = call.memory.allocate(map.shape.valueSize);
    map.store.update(key, zero, UPDATE.ANY);
    call.memory.release(zero, map.shape.valueSize);
    return map.store.lookup(key);
  });
}

function withKey(call: HelperCall, value: bigint, use: (key: number) => number): number {
  const key = call.memory.allocate(8);
  try {
    call.memory.view.setBigUint64(key, value, true);
    return use(key);
  } finally {
    call.memory.release(key, 8);
  }
}

/** XDP_REDIRECT where the slot is filled, else the action in the low bits of the flags. */
function redirectMap(call: HelperCall): number {
  const map = call.map(1, ['slots']);
  return withKey(call, call.long(2) & 0xffff_ffffn, (key) => (map.store.valueOn(key, 0) === -1 ? call.uint(3) & 3 : 4));
}

function exchangePointer(call: HelperCall): bigint {
  const at = call.writable(1, 8);
  const old = call.memory.view.getBigUint64(at, true);
  call.memory.view.setBigUint64(at, call.long(2), true);
  return old;
}

export const MAP_HELPERS: readonly HelperRow[] = [
  { id: 1, name: 'bpf_map_lookup_elem', run: lookup },
  { id: 2, name: 'bpf_map_update_elem', run: update },
  { id: 3, name: 'bpf_map_delete_elem', run: remove },
  { id: 51, name: 'bpf_redirect_map', run: redirectMap },
  { id: 81, name: 'bpf_get_local_storage', run: localStorage },
  { id: 87, name: 'bpf_map_push_elem', run: push },
  { id: 88, name: 'bpf_map_pop_elem', run: peek(true) },
  { id: 89, name: 'bpf_map_peek_elem', run: peek(false) },
  // Programs run alone: a lock is always free.
  { id: 93, name: 'bpf_spin_lock', run: () => 0 },
  { id: 94, name: 'bpf_spin_unlock', run: () => 0 },
  { id: 107, name: 'bpf_sk_storage_get', run: storageGet(2, 3, 4) },
  { id: 108, name: 'bpf_sk_storage_delete', run: storageDelete },
  { id: 145, name: 'bpf_inode_storage_get', run: storageGet(2, 3, 4) },
  { id: 146, name: 'bpf_inode_storage_delete', run: storageDelete },
  { id: 156, name: 'bpf_task_storage_get', run: storageGet(2, 3, 4) },
  { id: 157, name: 'bpf_task_storage_delete', run: storageDelete },
  { id: 164, name: 'bpf_for_each_map_elem', run: forEach },
  { id: 194, name: 'bpf_kptr_xchg', run: exchangePointer },
  { id: 195, name: 'bpf_map_lookup_percpu_elem', run: lookupPerCpu },
  { id: 210, name: 'bpf_cgrp_storage_get', run: storageGet(2, 3, 4) },
  { id: 211, name: 'bpf_cgrp_storage_delete', run: storageDelete },
];
