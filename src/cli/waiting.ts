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

/** How late a round may end, as a part of the interval, before the rounds after it are counted from its end. */
const LATE = 0.1;

/**
 * See `ToolContext.rounds`. Rounds do not drift: each ends an interval after the one before was to end. After one that
 * came late (the process was stopped, the machine slept), or took longer than an interval to print, the next is a whole
 * one again: what was missed is not made up for by short ones.
 */
export async function* rounds(
  wait: (seconds: number) => Promise<void>,
  stop: AbortSignal,
  interval = Number.POSITIVE_INFINITY,
  count = Number.POSITIVE_INFINITY,
  clock = () => performance.now(),
): AsyncGenerator<Round, void, undefined> {
  const length = interval * 1000;
  let before = clock();
  let due = before + length;
  for (let number = 1; number <= count; number++) {
    await wait((due - clock()) / 1000);
    const now = clock();
    const last = stop.aborted || number === count || interval === Number.POSITIVE_INFINITY;
    yield { number, seconds: (now - before) / 1000, last };
    before = now;
    if (last || stop.aborted) return;
    due = (now - due > LATE * length ? now : due) + length;
    if (due <= clock()) due = clock() + length;
  }
}
