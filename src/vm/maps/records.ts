/** Maps that carry records to the host: ring buffers and perf event arrays. What a program submits ends in a list. */
import { Refusal } from '../fault.ts';
import type { Region } from '../memory.ts';
import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO } from './store.ts';

const HEADER = 8;
const NOT_A_TABLE: MapStore = {
  lookup: () => 0,
  update: () => -ERRNO.EINVAL,
  remove: () => -ERRNO.EINVAL,
  keys: () => [],
  valueOn: () => -1,
};

export interface RecordStore extends MapStore {
  /** Takes what was submitted since the last call. */
  drain(): { readonly cpu: number; readonly data: Uint8Array }[];
  /** How many could not be taken because the buffer was full. */
  readonly lost: number;
}

export interface RingStore extends RecordStore {
  /** Address of a new record, or 0 where the buffer is full. */
  reserve(size: number): number;
  /** Ends a reservation. */
  finish(address: number, submit: boolean): void;
  output(data: number, size: number): number;
  /** By BPF_RB_* number. */
  query(what: number): number;
  /** Ends what a program left open; says how many there were. */
  abandon(): number;
}

/** A record takes its size, a header, and rounding; what was not drained yet counts against the capacity. */
export function createRing(shape: MapShape, host: MapHost): RingStore {
  const { memory } = host;
  const label = `a record of ring buffer '${shape.name}'`;
  const reserved = new Map<number, { readonly position: number; readonly size: number }>();
  let submitted: { cpu: number; data: Uint8Array }[] = [];
  let used = 0;
  let lost = 0;
  const room = (size: number): number => (size + HEADER + 7) & ~7;
  const take = (size: number): boolean => {
    const fits = used + room(size) <= shape.maxEntries - 1;
    if (fits) used += room(size);
    else lost++;
    return fits;
  };
  const store: RingStore = {
    ...NOT_A_TABLE,
    get lost() {
      return lost;
    },
    reserve(size) {
      if (!take(size)) return 0;
      const position = memory.allocate(size);
      const address = memory.open(region, position, size, true);
      reserved.set(address, { position, size });
      return address;
    },
    finish(address, submit) {
      const record = reserved.get(address);
      if (record === undefined) throw new Refusal('argument', `0x${address.toString(16)} is no reserved record`);
      reserved.delete(address);
      // Discarded records keep their room until the reader passes them, in the kernel too.
      if (submit) submitted.push({ cpu: host.cpu(), data: memory.bytes.slice(record.position, record.position + record.size) });
      memory.close(address);
      memory.release(record.position, record.size);
    },
    output(data, size) {
      if (!take(size)) return -ERRNO.EAGAIN;
      submitted.push({ cpu: host.cpu(), data: memory.bytes.slice(data, data + size) });
      return 0;
    },
    query: (what) => (what === 0 ? used : what === 1 ? shape.maxEntries : 0),
    drain() {
      const taken = submitted;
      submitted = [];
      used = 0;
      for (const record of reserved.values()) used += room(record.size);
      return taken;
    },
    abandon() {
      const count = reserved.size;
      for (const [address, record] of reserved) {
        memory.close(address);
        memory.release(record.position, record.size);
      }
      reserved.clear();
      return count;
    },
  };
  const region: Region = { kind: 'record', label, owner: store };
  return store;
}

export interface PerfStore extends RecordStore {
  output(cpu: number, data: Uint8Array): number;
}

/** Every CPU of the machine has a reader; other indices have none. */
export function createPerf(shape: MapShape, host: MapHost): PerfStore {
  let submitted: { cpu: number; data: Uint8Array }[] = [];
  return {
    ...NOT_A_TABLE,
    lost: 0,
    output(cpu, data) {
      if (cpu >= shape.maxEntries && shape.maxEntries !== 0) return -ERRNO.E2BIG;
      if (cpu >= host.cpus) return -ERRNO.ENOENT;
      submitted.push({ cpu, data });
      return 0;
    },
    drain() {
      const taken = submitted;
      submitted = [];
      return taken;
    },
  };
}
