/**
 * One process: its mappings, the images behind them, its perf map.
 *
 *   address ─▶ mapping ─▶ image ─▶ function
 *                     └─▶ no file, or no symbol there ─▶ /tmp/perf-PID.map
 *
 * The mappings are read when the process is first seen, and again when an address is in none of them (a library was
 * loaded) or some time has passed (it may run another program now). Older mappings are kept behind the new ones: a
 * stack that was taken before is named by them, also when the process is gone.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Frame } from './frame.ts';
import type { ImageCache } from './image-cache.ts';
import { PerfMapFile } from './perf-map-file.ts';
import { findMapping, type Mapping, parseMaps } from './proc-maps.ts';
import type { Sliced } from './sliced.ts';
import { addressKey } from './table.ts';

/** Mappings older than this are read again before they are used, in milliseconds. */
const FRESH = 100;
/** So many programs that a process ran one after another are remembered. */
const GENERATIONS = 4;

interface Generation {
  /** What makes it this program: start time and executable. */
  readonly identity: string;
  mappings: readonly Mapping[];
  /** Files that it had mapped before (dlclose). */
  gone: readonly Mapping[];
  readonly perfMap: PerfMapFile;
}

/** So many mappings that are gone are remembered. */
const MAX_GONE = 256;

export class ProcessSymbols {
  readonly pid: number;
  /** Newest first. */
  private readonly generations: Generation[] = [];
  private readonly images: ImageCache;
  private checked = Number.NEGATIVE_INFINITY;
  private text = '';

  constructor(pid: number, images: ImageCache) {
    this.pid = pid;
    this.images = images;
    this.refresh();
  }

  /** False: it was gone already when it was first seen. */
  get known(): boolean {
    return this.generations.length > 0;
  }

  /** Reads what is to be read about it, so that `find` has it at hand. */
  *load(): Sliced<void> {
    this.refresh();
    const [current] = this.generations;
    if (!current) return;
    for (const mapping of current.mappings) yield* this.images.load(mapping, this.pid);
    yield* current.perfMap.load();
  }

  /** `caller`: the address is one to return to, so the call before it is what is looked up. */
  find(address: bigint, caller: boolean): Frame {
    const key = addressKey(address) - (caller ? 1 : 0);
    if (performance.now() - this.checked > FRESH) this.refresh();
    let mapping = this.mapping(key);
    if (mapping === undefined && this.refresh()) mapping = this.mapping(key);
    const add = caller ? 1 : 0;
    if (mapping !== undefined) {
      const found = this.images.get(mapping, this.pid)?.find(key - mapping.start + mapping.offset);
      if (found) return { address, name: found.name, offset: found.offset + add, module: mapping.path };
    }
    for (const { perfMap } of this.generations) {
      const jitted = perfMap.find(key);
      if (jitted) return { address, name: jitted.name, offset: jitted.offset + add, module: perfMap.path };
    }
    const path = mapping?.path;
    return { address, name: undefined, offset: 0, module: path === '' ? undefined : path };
  }

  close(): void {
    for (const { perfMap } of this.generations) perfMap.close();
  }

  private mapping(key: number): Mapping | undefined {
    for (const { mappings, gone } of this.generations) {
      const found = findMapping(mappings, key) ?? gone.find((one) => key >= one.start && key < one.end);
      if (found) return found;
    }
    return undefined;
  }

  /** True when the mappings are others than before. */
  private refresh(): boolean {
    const before = this.checked;
    const now = performance.now();
    this.checked = now;
    // A stack of garbage would have the file read for each of its addresses.
    if (now - before < 1) return false;
    try {
      const identity = identityOf(this.pid);
      const text = readFileSync(`/proc/${this.pid}/maps`, 'latin1');
      if (text === this.text || text === '') return false;
      const mappings = parseMaps(Buffer.from(text, 'latin1').toString());
      for (const mapping of mappings) this.images.see(mapping, this.pid);
      this.text = text;
      const [current] = this.generations;
      if (current?.identity === identity) {
        const still = new Set(mappings.map(placeOf));
        const left = current.mappings.filter((one) => one.inode !== 0 && !still.has(placeOf(one)));
        if (left.length > 0) current.gone = [...left, ...current.gone].slice(0, MAX_GONE);
        current.mappings = mappings;
        current.perfMap.open();
      } else {
        const perfMap = new PerfMapFile(this.pid);
        this.generations.unshift({ identity, mappings, gone: [], perfMap });
        for (const old of this.generations.splice(GENERATIONS)) old.perfMap.close();
        perfMap.open();
      }
      return true;
    } catch {
      // It is gone (or not ours to look at): what is known stays.
      return false;
    }
  }
}

function placeOf({ start, offset, device, inode }: Mapping): string {
  return `${start} ${offset} ${device} ${inode}`;
}

/** The same as long as a process runs the same program: when it started, and the file it runs. */
function identityOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name stands in brackets and may have any character; what follows has none of them.
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  let program = '';
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`);
    program = `${dev}:${ino}`;
  } catch {
    // A kernel thread, or another user's.
  }
  return `${started} ${program}`;
}
