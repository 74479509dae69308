/** What a stream reads from: one ring buffer, or the rings of all CPUs. */
import type { PerfRing } from './perf.ts';
import type { Ring } from './ring.ts';

/** One payload: valid only during the call. `cpu` is -1 where the buffer does not tell. */
export type OnPayload = (view: DataView, offset: number, length: number, cpu: number) => void;

export interface Drained {
  /** How many payloads were handed over. */
  readonly read: number;
  /** The next record is not ready though its place is taken: come back a little later. */
  readonly busy: boolean;
}

export interface Source {
  readonly fds: readonly number[];
  /** Hands over at most `limit` payloads. */
  drain(onPayload: OnPayload, limit: number): Drained;
  /** Records that did not fit, as far as is known without asking the kernel. */
  lostSoFar(): number;
  /** Records that did not fit. */
  lost(): number;
  close(): void;
}

/** `lost`: who counts what did not fit, as a ring buffer does not. */
export function ringSource(ring: Ring, lost: () => number = () => 0): Source {
  return {
    fds: [ring.fd],
    drain: (onPayload, limit) => ring.drain(onPayload, limit),
    lostSoFar: lost,
    lost,
    close: () => ring.close(),
  };
}

/** `close` ends the rings and what they hang on. */
export function perfSource(rings: readonly PerfRing[], close: () => void): Source {
  let first = 0;
  return {
    fds: rings.map((ring) => ring.fd),
    drain(onPayload, limit) {
      let read = 0;
      // Another ring comes first each time, so that a busy CPU cannot starve the others.
      first = (first + 1) % Math.max(1, rings.length);
      for (let i = 0; i < rings.length && read < limit; i++) {
        const ring = rings[(first + i) % rings.length] as PerfRing;
        read += ring.drain(onPayload, limit - read);
      }
      return { read, busy: false };
    },
    lostSoFar: () => rings.reduce((sum, ring) => sum + ring.lostSoFar, 0),
    lost: () => rings.reduce((sum, ring) => sum + ring.lost, 0),
    close,
  };
}
