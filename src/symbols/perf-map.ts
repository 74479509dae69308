/**
 * /tmp/perf-PID.map: names for code that a runtime made at run time.
 *
 *   3ef414c0 398 JS:*compute /app/main.js:10
 *   start    size name            both in hexadecimal
 *
 * Runtimes append to it for as long as they run, move code and reuse addresses: where two lines overlap the later one
 * holds. The file is another process's: lines that do not parse are skipped and counted. Lines stay bytes; a name
 * becomes a string when somebody asks for it.
 */
import { cut, MAX_START, type Pieces } from './pieces.ts';
import { atOnce, type Sliced } from './sliced.ts';

export interface MapSymbol {
  readonly name: string;
  readonly offset: number;
}

/** How many lines are parsed between two yields. */
const SLICE = 4096;
/** A name is cut there: no runtime has longer ones. */
const MAX_NAME = 4096;
const NEWLINE = 10;
const SPACE = 32;

export class PerfMap {
  /** Lines that were not of the form. */
  bad = 0;
  /** Bytes of the file that have been taken in, whole lines only: where to go on when it grows. */
  read = 0;
  private readonly chunks: Uint8Array[] = [];
  private count = 0;
  private starts = new Float64Array(1024);
  private ends = new Float64Array(1024);
  /** Which chunk a name is in, and where. */
  private chunkOf = new Uint32Array(1024);
  private nameAt = new Uint32Array(1024);
  private pieces: Pieces | undefined;

  get size(): number {
    return this.count;
  }

  /** Takes in more of the file. A line cut at the end is left for the next time. */
  *append(bytes: Uint8Array): Sliced<void> {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) return;
    const chunk = this.chunks.push(bytes.subarray(0, end)) - 1;
    for (let at = 0, lines = 0; at < end; lines++) {
      const stop = bytes.indexOf(NEWLINE, at);
      this.line(chunk, bytes, at, stop);
      at = stop + 1;
      if (lines % SLICE === 0) yield;
    }
    this.read += end;
    this.pieces = undefined;
  }

  /** Makes ready to find: done at the first `find` too, but then at once. */
  *prepare(): Sliced<void> {
    this.pieces ??= yield* cut(this.starts.subarray(0, this.count), this.ends.subarray(0, this.count));
  }

  find(key: number): MapSymbol | undefined {
    if (!this.pieces) atOnce(this.prepare());
    const line = (this.pieces as Pieces).find(key);
    return line < 0 ? undefined : { name: this.name(line), offset: key - (this.starts[line] as number) };
  }

  private name(line: number): string {
    const bytes = this.chunks[this.chunkOf[line] as number] as Uint8Array;
    const at = this.nameAt[line] as number;
    return decoder.decode(bytes.subarray(at, Math.min(bytes.indexOf(NEWLINE, at), at + MAX_NAME)));
  }

  private line(chunk: number, bytes: Uint8Array, from: number, to: number): void {
    const startAt = skipPrefix(bytes, from);
    const startEnd = endOfHex(bytes, startAt, to);
    const sizeAt = skipPrefix(bytes, startEnd + 1);
    const sizeEnd = endOfHex(bytes, sizeAt, to);
    const wellFormed = startEnd > startAt && sizeEnd > sizeAt && bytes[startEnd] === SPACE && bytes[sizeEnd] === SPACE && sizeEnd + 1 < to;
    const start = wellFormed ? number(bytes, startAt, startEnd) : Number.NaN;
    const size = wellFormed ? number(bytes, sizeAt, sizeEnd) : Number.NaN;
    if (!(start <= MAX_START && size <= MAX_START)) {
      this.bad++;
      return;
    }
    if (this.count === this.starts.length) this.grow();
    const at = this.count++;
    this.starts[at] = start;
    this.ends[at] = start + Math.max(size, 1);
    this.chunkOf[at] = chunk;
    this.nameAt[at] = sizeEnd + 1;
  }

  private grow(): void {
    const room = this.starts.length * 2;
    this.starts = resized(this.starts, new Float64Array(room));
    this.ends = resized(this.ends, new Float64Array(room));
    this.chunkOf = resized(this.chunkOf, new Uint32Array(room));
    this.nameAt = resized(this.nameAt, new Uint32Array(room));
  }
}

function resized<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Some runtimes write 0x before a number. */
function skipPrefix(bytes: Uint8Array, at: number): number {
  return bytes[at] === 0x30 && ((bytes[at + 1] as number) | 32) === 0x78 ? at + 2 : at;
}

function endOfHex(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && digit(bytes[at] as number) >= 0) at++;
  return at;
}

function number(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  // More digits than these make a number above any address, exact or not.
  for (let at = from; at < to && value <= MAX_START; at++) value = value * 16 + digit(bytes[at] as number);
  return value;
}

function digit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

const decoder = new TextDecoder();
