/** Time as a tool's run sees it: waiting that Ctrl-C ends, and rounds. */
import type { Round } from '../tools/tool.ts';

/** Longest delay of a timer; a longer one fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Resolves after so many seconds, or when `stop` is aborted. */
export function sleep(seconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    // In pieces that a timer can do. Without end there is still one: something must keep the process alive.
    let left = seconds * 1000;
    let timer = setTimeout(next, Math.min(left, LONGEST_MS));
    function next(): void {
      left -= LONGEST_MS;
      if (left <= 0) done();
      else timer = setTimeout(next, Math.min(left, LONGEST_MS));
    }
    function done(): void {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    }
    stop.addEventListener('abort', done);
  });
}

/** What is waited for, or the abort of `stop` if that comes first. */
export function unless(stop: AbortSignal, awaited: Promise<void> | undefined): Promise<void> | undefined {
  if (awaited === undefined) return undefined;
  return new Promise((resolve) => {
    function done(): void {
      stop.removeEventListener('abort', done);
      resolve();
    }
    stop.addEventListener('abort', done);
    void awaited.then(done);
  });
}

/** See `ToolContext.rounds`. Rounds do not drift: each ends a whole number of intervals after the start. */
export async function* rounds(
  wait: (seconds: number) => Promise<void>,
  stop: AbortSignal,
  interval = Number.POSITIVE_INFINITY,
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<Round, void, undefined> {
  const start = performance.now();
  let before = start;
  for (let number = 1; number <= count; number++) {
    const due = start + number * interval * 1000;
    // A round that took longer than the interval is not made up for by ones without length.
    await wait(Math.max(due - performance.now(), interval === 0 ? 0 : 1) / 1000);
    const now = performance.now();
    const last = stop.aborted || number === count || interval === Number.POSITIVE_INFINITY;
    yield { number, seconds: (now - before) / 1000, last };
    before = now;
    if (last || stop.aborted) return;
  }
}
