/**
 * What every map family offers: to programs through positions in linear memory, to the host through bytes.
 *
 * Results of `update` and `remove` are 0 or a negative errno, as programs see them. Values handed to programs are
 * addresses of regions of exactly the value's size, so that no program reads a neighbour's value.
 */
import type { VmMemory } from '../memory.ts';

export interface MapShape {
  readonly name: string;
  /** Kernel's name of the type: 'hash', 'percpu_array', ... */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Programs may only read the values. */
  readonly readOnly: boolean;
}

export interface MapHost {
  readonly memory: VmMemory;
  readonly cpus: number;
  /** The CPU that the running program is on. */
  cpu(): number;
}

export interface MapStore {
  /** Address of the value for the program that runs, or 0. */
  lookup(key: number): number;
  update(key: number, value: number, flags: number): number;
  remove(key: number): number;
  /** Positions of the keys, in an order that only depends on the operations so far. */
  keys(): Iterable<number>;
  /** Position of the value on one CPU, -1 where there is none. */
  valueOn(key: number, cpu: number): number;
  /** Between runs: gives back what programs can no longer point to. */
  sweep?(): void;
  /** Between runs: closes the regions of values; they open again when they are looked up. */
  forget?(): void;
  push?(value: number, flags: number): number;
  /** Copies the next value out; takes it where `remove` is set. */
  peek?(value: number, remove: boolean): number;
}

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EOPNOTSUPP: 95,
} as const;

export const UPDATE = { ANY: 0, NOEXIST: 1, EXIST: 2, LOCK: 4 } as const;
/** BPF_F_RDONLY_PROG. */
export const READ_ONLY_FOR_PROGRAMS = 0x80;

export function round8(size: number): number {
  return (size + 7) & ~7;
}

export function isPerCpu(type: string): boolean {
  return type.startsWith('percpu_') || type === 'lru_percpu_hash';
}
