/**
 * Where a tool's records go: text as BCC prints it, or JSON lines. Both are made safe for a terminal.
 *
 * Text is written in whole chunks as it comes, so a pipe sees lines at once. A reader that goes away (`| head`)
 * ends the tool quietly.
 */
import { type Count, type HistogramOptions, linearLines, log2Lines, log2Rows } from '../render/histogram.ts';
import { jsonLine } from '../render/json.ts';

export interface Sink {
  /** Writes text; false once the reader has gone. */
  write(text: string): boolean;
}

export class Output {
  readonly json: boolean;
  private readonly sink: Sink;

  constructor(sink: Sink, json: boolean) {
    this.sink = sink;
    this.json = json;
  }

  /** A line of text; nothing in JSON mode. The caller has made foreign text safe. */
  line(text = ''): void {
    if (!this.json) this.sink.write(`${text}\n`);
  }

  lines(lines: readonly string[]): void {
    if (!this.json && lines.length > 0) this.sink.write(`${lines.join('\n')}\n`);
  }

  /** A record: one line of JSON, or the text it looks like. */
  record(record: Readonly<Record<string, unknown>>, text: string | undefined): void {
    if (this.json) this.sink.write(`${jsonLine(record)}\n`);
    else if (text !== undefined) this.sink.write(`${text}\n`);
  }

  /** A log2 histogram; `record` says what it is of. */
  log2(slots: readonly Count[], unit: string, record: Readonly<Record<string, unknown>>, options: HistogramOptions = {}): void {
    if (this.json) this.sink.write(`${jsonLine({ ...record, unit, buckets: log2Rows(slots) })}\n`);
    else this.lines(log2Lines(slots, unit, options));
  }

  linear(values: readonly Count[], unit: string, record: Readonly<Record<string, unknown>>): void {
    if (this.json) this.sink.write(`${jsonLine({ ...record, unit, buckets: values.map((count, value) => ({ value, count })) })}\n`);
    else this.lines(linearLines(values, unit));
  }
}
