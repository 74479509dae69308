/**
 * Writing and deleting many entries: thousands a call where the kernel can, one by one where it cannot.
 *
 *   UPDATE_BATCH, DELETE_BATCH (hash, array and LPM types, Linux 5.6) ─▶ else MAP_UPDATE_ELEM, MAP_DELETE_ELEM
 */
import { attrOffset, BPF_CMD, type BpfUse, encodeAttr } from '../kernel/bpf-attr.ts';
import { KernelError } from '../kernel/port.ts';
import type { Elements } from './elements.ts';

/** Errors that say "no batches here": an older kernel, or a type of map without them. */
export const NO_BATCH: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUPP', 'EOPNOTSUPP', 'ENOSYS']);
const COUNT_AT = attrOffset('MAP_LOOKUP_BATCH', 'count');

/** Writes `count` packed entries; existing ones get the new value. Throws `MapFullError`, with those before it written. */
export function updateMany(map: Elements, keys: Uint8Array, values: Uint8Array, count: number): void {
  if (count === 0) return;
  const done = batchCall(map, 'MAP_UPDATE_BATCH', keys, values, count);
  if (done.error !== undefined && !refused(done)) throw map.explain(done.error, 'writing to');
  for (let i = done.count; i < count; i++) {
    put(map.key, keys, i);
    put(map.value, values, i);
    map.update();
  }
}

/** Takes out those of `count` packed keys that are there; returns how many that were. */
export function deleteMany(map: Elements, keys: Uint8Array, count: number): number {
  const keySize = map.key.byteLength;
  let removed = 0;
  let at = 0;
  while (at < count) {
    const done = batchCall(map, 'MAP_DELETE_BATCH', keys.subarray(at * keySize), undefined, count - at);
    removed += done.count;
    at += done.count;
    if (done.error === undefined) return removed;
    if (done.error.code === 'ENOENT') {
      // It stops at a key that is not there.
      at++;
      continue;
    }
    if (!refused(done)) throw map.explain(done.error, 'deleting from');
    for (; at < count; at++) {
      put(map.key, keys, at);
      if (map.delete()) removed++;
    }
  }
  return removed;
}

interface Done {
  /** Entries done before the call ended. */
  readonly count: number;
  readonly error?: KernelError;
}

function refused({ count, error }: Done): boolean {
  return count === 0 && error !== undefined && NO_BATCH.has(error.code);
}

function batchCall(
  map: Elements,
  use: BpfUse & ('MAP_UPDATE_BATCH' | 'MAP_DELETE_BATCH'),
  keys: Uint8Array,
  values: Uint8Array | undefined,
  count: number,
): Done {
  const attr = encodeAttr(map.kernel, use, { map_fd: map.fd, keys, count, ...(values === undefined ? {} : { values }) });
  const answer = new DataView(attr.buffer, attr.byteOffset, attr.byteLength);
  try {
    map.kernel.bpf(BPF_CMD[use], attr);
    return { count };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // An error from before the first entry leaves the count as it was given.
    const told = answer.getUint32(COUNT_AT, true);
    return { count: told < count ? told : 0, error };
  }
}

/** Copies the packed entry `index` to where element calls take it from. */
export function put(to: DataView, from: Uint8Array, index: number): void {
  const size = to.byteLength;
  new Uint8Array(to.buffer, to.byteOffset, size).set(from.subarray(index * size, (index + 1) * size));
}
