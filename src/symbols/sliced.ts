/**
 * Long work in slices: a generator that yields now and then runs to its end at once, or a few milliseconds at a time
 * with the event loop between.
 *
 *   function* load(): Sliced<Table> { for (…) { …; if (i % 4096 === 0) yield; } return table; }
 *   atOnce(load())            the answer is wanted now
 *   await inSlices(load())    others run meanwhile
 *
 * A tool that reads fifty megabytes of a runtime's symbols must not stop reading events for it. What can only be waited
 * for is yielded as a function: `const waited = yield () => inflate(bytes)`; false says that there is no time to wait.
 */
export type Sliced<T> = Generator<undefined | (() => Promise<void>), T, boolean>;

/** How long a slice may take, in milliseconds. */
const BUDGET = 8;

export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next(false);
    if (done === true) return value;
  }
}

export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  let waited = false;
  for (let until = performance.now() + BUDGET; ; ) {
    const { done, value } = work.next(waited);
    if (done === true) return value;
    waited = value !== undefined;
    if (value === undefined && performance.now() < until) continue;
    await (value?.() ?? new Promise((resolve) => setImmediate(resolve)));
    until = performance.now() + BUDGET;
  }
}
