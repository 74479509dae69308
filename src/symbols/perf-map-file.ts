/**
 * The perf map of one process: found, and followed as it grows.
 *
 * Written by the process itself, under the number it has in its own pid namespace, into its own /tmp; some tools write
 * it under our number into ours. It is trusted as far as its owner is: the process's user or root, no links, no pipes.
 */
import { readFileSync } from 'node:fs';
import { FileSource } from './file-source.ts';
import { type MapSymbol, PerfMap } from './perf-map.ts';
import { atOnce, type Sliced } from './sliced.ts';

/** Read in pieces of this size, between which others may run. */
const CHUNK = 1 << 20;
/** More is not read: a map that large is no help to anybody. */
const MAX_SIZE = 1 << 30;
/** How long a map that has been read is taken to be complete, in milliseconds. */
const FRESH = 100;

export class PerfMapFile {
  /** As the process sees it; undefined without a map. */
  path: string | undefined;
  private readonly pid: number;
  private source: FileSource | undefined;
  private map = new PerfMap();
  private checked = Number.NEGATIVE_INFINITY;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Looks for the file. It stays open: the process may be gone when its names are wanted. */
  open(): void {
    if (this.source) return;
    const { inner, outer, owner } = statusOf(this.pid);
    for (const [path, full] of [
      [`/tmp/perf-${inner}.map`, `/proc/${this.pid}/root/tmp/perf-${inner}.map`],
      [`/tmp/perf-${outer}.map`, `/tmp/perf-${outer}.map`],
    ] as const) {
      const source = FileSource.tryOpen(full, { followLinks: false });
      if (source && (source.owner === owner || source.owner === 0)) {
        this.source = source;
        this.path = path;
        return;
      }
      source?.close();
    }
  }

  /** Takes in what has been written since the last time. */
  *load(): Sliced<void> {
    const { source } = this;
    if (!source) return;
    this.checked = performance.now();
    const size = Math.min(source.length, MAX_SIZE);
    // A file that became shorter was written anew.
    if (size < this.map.read) this.map = new PerfMap();
    const { map } = this;
    for (let want = CHUNK; map.read < size; ) {
      const before = map.read;
      const bytes = source.read(before, Math.min(want, size - before));
      yield* map.append(bytes);
      if (map.read === before) {
        // No line ends here: the last one is being written, or one is longer than a piece.
        if (bytes.length < want) break;
        want *= 2;
      }
    }
    yield* map.prepare();
  }

  find(key: number): MapSymbol | undefined {
    if (!this.source) return undefined;
    let found = this.map.find(key);
    // Code may have been moved there since, or made.
    if (performance.now() - this.checked > FRESH) {
      atOnce(this.load());
      found = this.map.find(key);
    }
    return found;
  }

  close(): void {
    this.source?.close();
    this.source = undefined;
  }
}

/** The number of a process (of a thread: of its process) in its own pid namespace and in ours, and its user. */
function statusOf(pid: number): { readonly inner: number; readonly outer: number; readonly owner: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    inner: Number(/^NStgid:.*?(\d+)$/m.exec(text)?.[1] ?? pid),
    outer: Number(/^Tgid:\s*(\d+)/m.exec(text)?.[1] ?? pid),
    owner: Number(/^Uid:\s*\d+\s+(\d+)/m.exec(text)?.[1] ?? -1),
  };
}
