/**
 * Reading a whole map: many entries per call where the kernel can, one by one where it cannot.
 *
 *   LOOKUP_BATCH (hash and array types, Linux 5.6)   ─▶ thousands of entries a call; goes by bucket, so it always ends
 *   GET_NEXT_KEY + LOOKUP                            ─▶ two calls an entry, handed on in the same form
 *
 * A map may change while it is read. An entry that stays is seen at least once with batches and exactly once without;
 * one that comes or goes may or may not be seen. GET_NEXT_KEY starts again from the first key when its key was deleted
 * meanwhile: keys that were seen are skipped, and the steps are limited, so a busy map cannot hold the scan.
 */
import { attrOffset, BPF_CMD, encodeAttr } from '../kernel/bpf-attr.ts';
import { KernelError } from '../kernel/port.ts';
import { NO_BATCH } from './batch.ts';
import { Elements } from './elements.ts';

export interface Batch {
  /** Packed keys and values of `count` entries. Used again for the next batch. */
  readonly keys: DataView;
  readonly values: DataView;
  readonly count: number;
}

export interface ScanOptions {
  readonly maxEntries: number;
  /** Take each entry out of the map. */
  readonly remove?: boolean;
}

/** Buffers up to this size are filled by one call. */
const BATCH_BYTES = 1 << 20;
/** Entries handed on at once when they are read one by one. Those that are taken out come singly: see `take-out.ts`. */
const SINGLE_BATCH = 256;
const COUNT_AT = attrOffset('MAP_LOOKUP_BATCH', 'count');

/** All entries. `map` gives the sizes; what the caller does with `map` meanwhile does not disturb the scan. */
export function* scan(map: Elements, options: ScanOptions): Generator<Batch, void, undefined> {
  const reader = new BatchReader(map, options);
  let batch = reader.read();
  if (batch === undefined) {
    yield* oneByOne(map, options);
    return;
  }
  while (batch !== undefined) {
    yield batch;
    batch = reader.read();
  }
}

class BatchReader {
  readonly #map: Elements;
  readonly #options: ScanOptions;
  #capacity: number;
  #keys: Uint8Array;
  #values: Uint8Array;
  /** Where the next call starts: a bucket number (hash types) or a key. */
  #cursor: Uint8Array | undefined;
  #ended = false;

  constructor(map: Elements, options: ScanOptions) {
    const entry = map.key.byteLength + map.value.byteLength;
    this.#map = map;
    this.#options = options;
    this.#capacity = Math.max(16, Math.min(options.maxEntries, Math.ceil(BATCH_BYTES / entry)));
    this.#keys = this.#buffer(map.key);
    this.#values = this.#buffer(map.value);
  }

  #buffer(one: DataView): Uint8Array {
    return new Uint8Array(new ArrayBuffer(this.#capacity * one.byteLength));
  }

  /** The next batch; undefined at the end, and at the first call where the kernel has no batches for this map. */
  read(): Batch | undefined {
    if (this.#ended) return undefined;
    const { kernel, fd, key } = this.#map;
    const use = this.#options.remove === true ? 'MAP_LOOKUP_AND_DELETE_BATCH' : 'MAP_LOOKUP_BATCH';
    const next = new Uint8Array(new ArrayBuffer(Math.max(key.byteLength, 8)));
    const attr = encodeAttr(kernel, use, {
      map_fd: fd,
      in_batch: this.#cursor ?? 0n,
      out_batch: next,
      keys: this.#keys,
      values: this.#values,
      count: this.#capacity,
    });
    try {
      kernel.bpf(BPF_CMD[use], attr);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === 'ENOSPC' && this.#capacity < this.#options.maxEntries * 2 + 1024) {
        // One bucket has more entries than the buffers hold.
        this.#capacity *= 2;
        this.#keys = this.#buffer(this.#map.key);
        this.#values = this.#buffer(this.#map.value);
        return this.read();
      }
      if (this.#cursor === undefined && NO_BATCH.has(error.code)) return undefined;
      if (error.code !== 'ENOENT') throw this.#map.explain(error, 'reading');
      this.#ended = true;
    }
    this.#cursor = next;
    const count = new DataView(attr.buffer).getUint32(COUNT_AT, true);
    return { keys: new DataView(this.#keys.buffer), values: new DataView(this.#values.buffer), count };
  }
}

function* oneByOne(map: Elements, options: ScanOptions): Generator<Batch, void, undefined> {
  const keySize = map.key.byteLength;
  const valueSize = map.value.byteLength;
  // Buffers of its own: the caller uses those of `map` between batches.
  const own = new Elements(map.kernel, map, keySize, valueSize);
  const keys = new Uint8Array(SINGLE_BATCH * keySize);
  const values = new Uint8Array(SINGLE_BATCH * valueSize);
  const batch = (count: number): Batch => ({ keys: new DataView(keys.buffer), values: new DataView(values.buffer), count });
  const key = bytesOf(own.key);
  const next = bytesOf(own.next);
  const seen = new Set<string>();
  // A quiet map takes one step an entry; a busy one gets a few times that.
  let steps = options.maxEntries * 4 + 256;
  let count = 0;
  let more = own.nextKey(true);
  while (more && --steps >= 0) {
    key.set(next);
    const name = Buffer.from(next).toString('latin1');
    const known = seen.has(name);
    const there = !known && own.lookup();
    // Before this entry may be taken out: afterwards the kernel would start again from the first.
    more = own.nextKey(false);
    if (known) continue;
    seen.add(name);
    if (!there) continue;
    if (options.remove === true) own.delete();
    keys.set(key, count * keySize);
    values.set(bytesOf(own.value), count * valueSize);
    count++;
    if (count === SINGLE_BATCH || options.remove === true) {
      yield batch(count);
      count = 0;
    }
  }
  if (count > 0) yield batch(count);
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
