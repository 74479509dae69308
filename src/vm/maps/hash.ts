/**
 * Hash maps: plain, per CPU, and those that drop the least recently used element when full.
 *
 * Elements lie in linear memory, key then values; chains, ages and free lists are arrays beside it. A removed element
 * stays readable until the run is over, as the kernel's grace period keeps it for a program that still holds its
 * address; only when very many are removed in one run is the oldest taken for a new element, which the kernel does too.
 *
 * The kernel's own LRU is approximate; this one is exact, so what it drops may differ.
 */

import type { Region } from '../memory.ts';
import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO, isPerCpu, round8, UPDATE } from './store.ts';

const NONE = -1;
/** More removed elements than this are reused within a run. */
const MANY_DEAD = 512;

export function createHash(shape: MapShape, host: MapHost): MapStore {
  return new Hash(shape, host);
}

class Hash implements MapStore {
  private readonly shape: MapShape;
  private readonly host: MapHost;
  private readonly region: Region;
  private readonly cpus: number;
  private readonly lru: boolean;
  private readonly keyStride: number;
  private readonly valueStride: number;
  private buckets = new Int32Array(16).fill(NONE);
  /** By element. */
  private readonly position: number[] = [];
  private readonly chain: number[] = [];
  private readonly addresses: (number[] | undefined)[] = [];
  private readonly live: boolean[] = [];
  /** Neighbours by age; the list goes round through element 0, which is never used. */
  private readonly older: number[] = [];
  private readonly newer: number[] = [];
  private free: number[] = [];
  private dead: number[] = [];
  private count = 0;

  constructor(shape: MapShape, host: MapHost) {
    this.shape = shape;
    this.host = host;
    this.region = { kind: 'value', label: `a value of map '${shape.name}'` };
    this.cpus = isPerCpu(shape.type) ? host.cpus : 1;
    this.lru = shape.type.startsWith('lru_');
    this.keyStride = round8(shape.keySize);
    this.valueStride = round8(shape.valueSize);
    this.add();
  }

  lookup(key: number): number {
    const element = this.find(key);
    if (element === NONE) return 0;
    if (this.lru) this.touch(element);
    const cpu = this.cpus === 1 ? 0 : this.host.cpu();
    const known = (this.addresses[element] ??= []);
    return (known[cpu] ??= this.host.memory.open(this.region, this.value(element, cpu), this.shape.valueSize, !this.shape.readOnly));
  }

  update(key: number, value: number, flags: number): number {
    const mode = flags & ~UPDATE.LOCK;
    if (mode > UPDATE.EXIST) return -ERRNO.EINVAL;
    let element = this.find(key);
    if (element !== NONE && mode === UPDATE.NOEXIST) return -ERRNO.EEXIST;
    if (element === NONE) {
      if (mode === UPDATE.EXIST) return -ERRNO.ENOENT;
      if (this.count >= this.shape.maxEntries) {
        if (!this.lru) return -ERRNO.E2BIG;
        this.unlink(this.newer[0] as number);
      }
      element = this.insert(key);
    } else if (this.lru) this.touch(element);
    const { memory } = this.host;
    memory.bytes.copyWithin(this.value(element, this.cpus === 1 ? 0 : this.host.cpu()), value, value + this.shape.valueSize);
    return 0;
  }

  remove(key: number): number {
    const element = this.find(key);
    if (element === NONE) return -ERRNO.ENOENT;
    this.unlink(element);
    return 0;
  }

  /** Oldest first; safe against removal of what was already given. */
  *keys(): Generator<number> {
    for (let element = this.newer[0] as number; element !== 0; ) {
      const next = this.newer[element] as number;
      yield this.position[element] as number;
      // The next one may have been removed meanwhile: then go on from what is still linked.
      element = next === 0 || this.live[next] === true ? next : this.live[element] === true ? (this.newer[element] as number) : 0;
    }
  }

  valueOn(key: number, cpu: number): number {
    const element = this.find(key);
    return element === NONE ? -1 : this.value(element, this.cpus === 1 ? 0 : cpu);
  }

  forget(): void {
    for (const [element, addresses] of this.addresses.entries()) {
      for (const address of addresses ?? []) if (address !== undefined) this.host.memory.close(address);
      this.addresses[element] = undefined;
    }
  }

  sweep(): void {
    for (const element of this.dead) {
      for (const address of this.addresses[element] ?? []) if (address !== undefined) this.host.memory.close(address);
      this.addresses[element] = undefined;
      this.host.memory.release(this.position[element] as number, this.size());
      this.position[element] = 0;
      this.free.push(element);
    }
    this.dead = [];
  }

  private size(): number {
    return this.keyStride + this.valueStride * this.cpus;
  }

  private value(element: number, cpu: number): number {
    return (this.position[element] as number) + this.keyStride + cpu * this.valueStride;
  }

  private hash(key: number): number {
    const { words, bytes } = this.host.memory;
    let h = this.shape.keySize;
    let at = key;
    const end = key + this.shape.keySize;
    if ((key & 3) === 0) for (; at + 4 <= end; at += 4) h = mix(h ^ (words[at >> 2] as number));
    else
      for (; at + 4 <= end; at += 4)
        h = mix(
          h ^
            ((bytes[at] as number) |
              ((bytes[at + 1] as number) << 8) |
              ((bytes[at + 2] as number) << 16) |
              ((bytes[at + 3] as number) << 24)),
        );
    for (; at < end; at++) h = mix(h ^ (bytes[at] as number));
    return (h ^ (h >>> 16)) & (this.buckets.length - 1);
  }

  private find(key: number): number {
    const { bytes } = this.host.memory;
    const { keySize } = this.shape;
    search: for (let element = this.buckets[this.hash(key)] as number; element !== NONE; element = this.chain[element] as number) {
      const own = this.position[element] as number;
      for (let i = 0; i < keySize; i++) if (bytes[own + i] !== bytes[key + i]) continue search;
      return element;
    }
    return NONE;
  }

  private add(): number {
    const element = this.position.length;
    this.position.push(0);
    this.chain.push(NONE);
    this.addresses.push(undefined);
    this.live.push(false);
    this.older.push(element);
    this.newer.push(element);
    return element;
  }

  private insert(key: number): number {
    if (this.count >= this.buckets.length) this.rehash();
    const { memory } = this.host;
    let element: number;
    if (this.dead.length > MANY_DEAD) {
      element = this.dead.shift() as number;
      memory.bytes.fill(0, this.position[element] as number, (this.position[element] as number) + this.size());
    } else {
      element = this.free.pop() ?? this.add();
      this.position[element] = memory.allocate(this.size());
    }
    const own = this.position[element] as number;
    memory.bytes.copyWithin(own, key, key + this.shape.keySize);
    const bucket = this.hash(own);
    this.chain[element] = this.buckets[bucket] as number;
    this.buckets[bucket] = element;
    this.live[element] = true;
    this.count++;
    this.link(element);
    return element;
  }

  private unlink(element: number): void {
    const bucket = this.hash(this.position[element] as number);
    if (this.buckets[bucket] === element) this.buckets[bucket] = this.chain[element] as number;
    else {
      let before = this.buckets[bucket] as number;
      while (this.chain[before] !== element) before = this.chain[before] as number;
      this.chain[before] = this.chain[element] as number;
    }
    this.unlinkAge(element);
    this.live[element] = false;
    this.count--;
    this.dead.push(element);
  }

  private touch(element: number): void {
    this.unlinkAge(element);
    this.link(element);
  }

  /** As the newest. */
  private link(element: number): void {
    const newest = this.older[0] as number;
    this.newer[newest] = element;
    this.older[element] = newest;
    this.newer[element] = 0;
    this.older[0] = element;
  }

  private unlinkAge(element: number): void {
    const older = this.older[element] as number;
    const newer = this.newer[element] as number;
    this.newer[older] = newer;
    this.older[newer] = older;
  }

  private rehash(): void {
    this.buckets = new Int32Array(this.buckets.length * 4).fill(NONE);
    for (let element = this.newer[0] as number; element !== 0; element = this.newer[element] as number) {
      const bucket = this.hash(this.position[element] as number);
      this.chain[element] = this.buckets[bucket] as number;
      this.buckets[bucket] = element;
    }
  }
}

function mix(h: number): number {
  const m = Math.imul(h, 0x9e3779b1);
  return m ^ (m >>> 15);
}
