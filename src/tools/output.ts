/**
 * Where a tool's records go: text as BCC prints it, or JSON lines. Both are made safe for a terminal.
 *
 *   record ─▶ a line ─▶ what this turn of the event loop printed ─▶ one write(2)
 *
 * Lines of one turn are written together: a pipe sees them at once, and a burst of a thousand events costs one system
 * call. A reader that goes away (`| head`) ends the tool quietly.
 */
import type { Columns } from '../render/columns.ts';
import { type Count, type HistogramOptions, linearLines, log2Lines, log2Rows } from '../render/histogram.ts';
import { jsonLine } from '../render/json.ts';

/** Written out also within a turn, so that a long one does not pile up. */
const CHUNK = 1 << 16;

export interface Sink {
  /** A person looks at it. */
  readonly terminal?: boolean;
  /** Writes text; false once the reader has gone. */
  write(text: string): boolean;
  /** Resolves when what was written is out; undefined if it is. A tool reads no more events before: the kernel counts what is lost. */
  drained?(): Promise<void> | undefined;
}

/** Cursor to the corner, screen and what scrolled out of it emptied: what clear(1) prints. */
const CLEAR = '\x1b[H\x1b[2J\x1b[3J';

export class Output {
  readonly json: boolean;
  private readonly sink: Sink;
  private waiting = '';

  constructor(sink: Sink, json: boolean) {
    this.sink = sink;
    this.json = json;
  }

  /** A line of text; nothing in JSON mode. The caller has made foreign text safe. */
  line(text = ''): void {
    if (!this.json) this.put(`${text}\n`);
  }

  lines(lines: readonly string[]): void {
    if (!this.json && lines.length > 0) this.put(`${lines.join('\n')}\n`);
  }

  /** A new screen on a terminal, unless the user wants none; elsewhere an empty line between one screen's worth and the next. */
  screen(noclear: boolean): void {
    if (!this.json) this.put(this.sink.terminal === true && !noclear ? CLEAR : '\n');
  }

  /** A record: one line of JSON, or the text it looks like. */
  record(record: Readonly<Record<string, unknown>>, text: string | undefined): void {
    if (this.json) this.put(`${jsonLine(record)}\n`);
    else if (text !== undefined) this.put(`${text}\n`);
  }

  /** A record as a row of columns. Only what is printed is made: `json` is called in JSON mode, `columns` in text. */
  row<R>(columns: Columns<R>, record: R, json: (record: R) => Readonly<Record<string, unknown>>): void {
    this.put(this.json ? `${jsonLine(json(record))}\n` : `${columns.row(record)}\n`);
  }

  /** A log2 histogram; `record` says what it is of. */
  log2(slots: readonly Count[], unit: string, record: Readonly<Record<string, unknown>>, options: HistogramOptions = {}): void {
    if (this.json) this.put(`${jsonLine({ ...record, unit, buckets: log2Rows(slots) })}\n`);
    else this.lines(log2Lines(slots, unit, options));
  }

  linear(values: readonly Count[], unit: string, record: Readonly<Record<string, unknown>>): void {
    if (this.json) this.put(`${jsonLine({ ...record, unit, buckets: values.map((count, value) => ({ value, count })) })}\n`);
    else this.lines(linearLines(values, unit));
  }

  /** Writes what waits. */
  flush(): void {
    const text = this.waiting;
    if (text === '') return;
    this.waiting = '';
    this.sink.write(text);
  }

  private put(text: string): void {
    if (this.waiting === '') queueMicrotask(() => this.flush());
    this.waiting += text;
    if (this.waiting.length > CHUNK) this.flush();
  }
}
