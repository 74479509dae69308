/**
 * /tmp/perf-PID.map: names for code that a runtime made at run time.
 *
 *   3ef414c0 398 JS:*compute /app/main.js:10
 *   start    size name            both in hexadecimal
 *
 * Runtimes append to it for as long as they run, move code and reuse addresses: where two lines overlap the later one
 * holds. The file is another process's: lines that do not parse are skipped and counted.
 */
import { AddressTable } from './table.ts';

export interface MapSymbol {
  readonly name: string;
  readonly offset: number;
}

/** How many lines are parsed before the event loop gets a turn. */
const SLICE = 20_000;

export class PerfMap {
  /** Lines that were not of the form. */
  bad = 0;
  /** Bytes of the file that have been read: where to go on when it grows. */
  read = 0;
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly names: string[] = [];
  private table: AddressTable | undefined;
  private index: Uint32Array = new Uint32Array();

  /** Takes in more of the file, in slices between which the event loop runs. A line cut at the end is left for the next time. */
  async append(bytes: Uint8Array): Promise<void> {
    let lines = 0;
    let at = 0;
    for (let end = bytes.indexOf(10, at); end >= 0; end = bytes.indexOf(10, at)) {
      this.line(decoder.decode(bytes.subarray(at, end)));
      at = end + 1;
      if (++lines % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.read += at;
    if (lines > 0) this.table = undefined;
  }

  private line(text: string): void {
    const match = LINE.exec(text);
    const start = Number.parseInt(match?.[1] ?? '', 16);
    const size = Number.parseInt(match?.[2] ?? '', 16);
    if (!match || !Number.isSafeInteger(start) || !Number.isSafeInteger(start + size)) {
      this.bad++;
      return;
    }
    this.starts.push(start);
    this.ends.push(start + Math.max(size, 1));
    this.names.push(match[3] as string);
  }

  find(key: number): MapSymbol | undefined {
    this.table ??= this.build();
    const found = this.table.find(key);
    if (!found) return undefined;
    const line = this.index[found.index] as number;
    return { name: this.names[line] as string, offset: key - (this.starts[line] as number) };
  }

  /**
   * Cuts the lines into pieces that do not overlap. Lines are painted from the last to the first; of an earlier one only
   * what is still bare counts.
   */
  private build(): AddressTable {
    const order = Uint32Array.from(this.starts.keys());
    order.sort((a, b) => (this.starts[a] as number) - (this.starts[b] as number) || a - b);
    const starts: number[] = [];
    const ends: number[] = [];
    const lines: number[] = [];
    const piece = (start: number, end: number, line: number) => {
      if (start >= end) return;
      starts.push(start);
      ends.push(end);
      lines.push(line);
    };
    // Sweep by start; `open` holds the lines that still reach on, the newest wins.
    const open: number[] = [];
    let at = 0;
    const advance = (to: number) => {
      while (open.length > 0 && at < to) {
        let newest = -1;
        for (let i = open.length - 1; i >= 0; i--) {
          if ((this.ends[open[i] as number] as number) <= at) open.splice(i, 1);
          else if ((open[i] as number) > newest) newest = open[i] as number;
        }
        if (newest < 0) break;
        const end = Math.min(this.ends[newest] as number, to);
        piece(at, end, newest);
        at = end;
      }
      at = to;
    };
    for (const line of order) {
      advance(this.starts[line] as number);
      open.push(line);
    }
    advance(Number.MAX_SAFE_INTEGER);
    this.index = Uint32Array.from(lines);
    return new AddressTable(Float64Array.from(starts), Float64Array.from(ends));
  }
}

const LINE = /^(?:0x)?([0-9a-f]{1,16}) (?:0x)?([0-9a-f]{1,16}) (.+)$/i;
const decoder = new TextDecoder();
