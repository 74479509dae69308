/**
 * Time as tools print it. The kernel stamps events with nanoseconds since boot (CLOCK_MONOTONIC, `bpf_ktime_get_ns`),
 * which `process.hrtime` reads, too: so an event's time of day is known however late it is read.
 */

/** '13:04:05', local time: strftime's %H:%M:%S. */
export function clockText(ms: number = Date.now()): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** '2026-01-31 13:04:05', local time. */
export function dateText(ms: number = Date.now()): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockText(ms)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

const NS_PER_MS = 1e6;

/** From the kernel's clock to the time of day. */
export class EventClock {
  /** Milliseconds since 1970 at the kernel's zero. */
  private readonly zero: number;
  private first: bigint | undefined;

  constructor(now: number = Date.now(), monotonic: bigint = process.hrtime.bigint()) {
    this.zero = now - Number(monotonic) / NS_PER_MS;
  }

  /** Milliseconds since 1970. */
  wall(ns: bigint): number {
    return this.zero + Number(ns) / NS_PER_MS;
  }

  /** 'TIME' of an event: '13:04:05'. */
  text(ns: bigint): string {
    return clockText(this.wall(ns));
  }

  /** For JSON: ISO 8601, UTC, milliseconds. */
  iso(ns: bigint): string {
    return new Date(this.wall(ns)).toISOString();
  }

  /** 'TIME(s)': seconds since the first event that was asked for. Events of other CPUs may come a little out of order. */
  sinceFirst(ns: bigint): number {
    this.first ??= ns;
    return Number(ns - this.first) / 1e9;
  }
}
