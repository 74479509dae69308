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

/** Positions of the producers, of one moment. */
export type Mark = readonly number[];

export interface Source {
  readonly fds: readonly number[];
  /** Hands over at most `limit` payloads, and none that lie behind `until` (all that are there, without). */
  drain(onPayload: OnPayload, limit: number, until?: Mark): Drained;
  /** Payloads handed over since the source was opened, those whose callback threw included. */
  handedOver(): number;
  /**
   * Whether something is there: of descriptors that say so once and forget it when asked (perf events). Where it is
   * missing they say it as long as it is so.
   */
  readonly unseen?: () => boolean;
  /** What has been produced by now. */
  mark(): Mark;
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
    drain: (onPayload, limit, until) => ring.drain(onPayload, limit, until?.[0]),
    handedOver: () => ring.handedOver,
    mark: () => [ring.produced],
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
    drain(onPayload, limit, until) {
      let read = 0;
      // Another ring comes first each time, so that a busy CPU cannot starve the others.
      first = (first + 1) % Math.max(1, rings.length);
      for (let i = 0; i < rings.length && read < limit; i++) {
        const which = (first + i) % rings.length;
        read += (rings[which] as PerfRing).drain(onPayload, limit - read, until?.[which]);
      }
      return { read, busy: false };
    },
    handedOver: () => rings.reduce((sum, ring) => sum + ring.handedOver, 0),
    unseen: () => rings.some((ring) => ring.waiting),
    mark: () => rings.map((ring) => ring.produced),
    lostSoFar: () => rings.reduce((sum, ring) => sum + ring.lostSoFar, 0),
    lost: () => rings.reduce((sum, ring) => sum + ring.lost, 0),
    close,
  };
}
