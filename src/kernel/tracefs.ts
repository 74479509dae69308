/**
 * Tracefs: the list of tracepoints, their numbers and formats; on old kernels also the way to make kprobes.
 *
 *   /sys/kernel/tracing | /sys/kernel/debug/tracing | a private mount ──▶ events/<category>/<event>/{id,format}
 */
import { explainDenied } from './capabilities.ts';
import { type CapabilityName, FeatureError, isDenied } from './errors.ts';
import { type Kernel, KernelError } from './port.ts';
import { tracefsFolder, tracefsMounted } from './private-mount.ts';
import { readText, readTextIfThere } from './text.ts';

/** Folder of tracefs. Throws `KernelError` where this process cannot reach it. */
export function tracefsPath(kernel: Kernel): string {
  return tracefsFolder(kernel);
}

/** Names come from users: nothing that leads out of the folder. */
const SAFE_NAME = /^[A-Za-z0-9_.-]+$/;

function eventFile(kernel: Kernel, category: string, event: string, file: string): string | undefined {
  if (!SAFE_NAME.test(category) || !SAFE_NAME.test(event) || category.startsWith('.') || event.startsWith('.')) return undefined;
  try {
    return readText(kernel, `${tracefsPath(kernel)}/events/${category}/${event}/${file}`);
  } catch (error) {
    if (error instanceof KernelError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Text of the event's format file; undefined if there is no such event. */
export function tracepointFormat(kernel: Kernel, category: string, event: string): string | undefined {
  return eventFile(kernel, category, event, 'format');
}

/** The event's number, for perf_event_open; undefined if there is no such event. */
export function tracepointId(kernel: Kernel, category: string, event: string): number | undefined {
  const text = eventFile(kernel, category, event, 'id');
  const id = Number.parseInt(text ?? '', 10);
  return Number.isSafeInteger(id) && id >= 0 ? id : undefined;
}

/** Categories, or the events of one; empty for a category that does not exist. */
export function tracepointNames(kernel: Kernel, category?: string): string[] {
  try {
    if (category !== undefined && !SAFE_NAME.test(category)) return [];
    const folder = `${tracefsPath(kernel)}/events${category === undefined ? '' : `/${category}`}`;
    return kernel.readdir(folder).filter((name) => !NOT_EVENTS.has(name));
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

/**
 * What a process needs to read tracefs: its files are root's, so who is another user needs CAP_DAC_READ_SEARCH, and where
 * nobody has mounted it CAP_SYS_ADMIN, to mount it for itself.
 */
export function tracefsNeeds(kernel: Kernel): CapabilityName[] {
  const root = /^Uid:\s+\d+\s+0\s/m.test(readTextIfThere(kernel, '/proc/self/status') ?? '');
  return [...(tracefsMounted(kernel) ? [] : (['CAP_SYS_ADMIN'] as const)), ...(root ? [] : (['CAP_DAC_READ_SEARCH'] as const))];
}

/** What `read` finds in tracefs. Throws `PrivilegeError`, `LockdownError` or `FeatureError` where that cannot be reached. */
export function reachable<T>(kernel: Kernel, doing: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (isDenied(error)) throw explainDenied(kernel, error, doing, tracefsNeeds(kernel), 'confidentiality');
    throw new FeatureError('tracefs', { why: error.message, cause: error });
  }
}

/** All tracepoints, 'category:event', in order. Throws `PrivilegeError`, `LockdownError` or `FeatureError` where tracefs cannot be reached. */
export function allTracepoints(kernel: Kernel): string[] {
  // One file holds all names; a folder each would be two hundred reads.
  const text = reachable(kernel, 'reading the names of tracepoints', () => readText(kernel, `${tracefsPath(kernel)}/available_events`));
  return text.split('\n').filter((line) => line !== '');
}

const NOT_EVENTS: ReadonlySet<string> = new Set(['enable', 'filter', 'header_event', 'header_page']);

/** 'category:event' names that resemble the one given, best first, at most five. */
export function similarTracepoints(kernel: Kernel, category: string, event: string): string[] {
  const categories = tracepointNames(kernel);
  const scored: { readonly name: string; readonly score: number }[] = [];
  const consider = (cat: string, penalty: number): void => {
    for (const name of tracepointNames(kernel, cat)) {
      const score = likeness(event, name) + penalty;
      if (score <= 0.5) scored.push({ name: `${cat}:${name}`, score });
    }
  };
  if (categories.includes(category)) consider(category, 0);
  if (scored.length === 0) {
    // The category may be misspelt, or the event live in another one.
    for (const cat of categories) {
      const far = likeness(category, cat);
      if (cat !== category && far <= 0.5) consider(cat, far / 2);
    }
  }
  if (scored.length === 0)
    for (const cat of categories) if (tracepointNames(kernel, cat).includes(event)) scored.push({ name: `${cat}:${event}`, score: 0 });
  return scored
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .slice(0, 5)
    .map((s) => s.name);
}

/** 0 for equal names, towards 1 for names with nothing in common: edit distance over the longer length. */
export function likeness(a: string, b: string): number {
  const longest = Math.max(a.length, b.length);
  if (longest === 0) return 0;
  if (Math.abs(a.length - b.length) > longest / 2) return 1;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return (previous[b.length] ?? longest) / longest;
}
