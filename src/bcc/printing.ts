/** BCC's methods around `bpf_trace_printk`: open, a line, its fields, print all (`trace.ts`). */
import { safe } from '../render/safe.ts';
import { Inspect } from './inspect.ts';
import { parseTraceLine, type TraceFields, type TraceOptions, TraceReader } from './trace.ts';

export interface TraceWait {
  /** False: undefined at once where nothing is there. */
  readonly wait?: boolean;
  /** Ends the wait with undefined. */
  readonly signal?: AbortSignal;
}

export interface TracePrintOptions {
  /** What is printed of an event; without, the whole line. Undefined prints nothing. */
  readonly format?: (fields: TraceFields) => string | undefined;
  readonly signal?: AbortSignal;
  /** Where lines go; without, stdout. They are safe for a terminal. */
  readonly print?: (line: string) => void;
}

export abstract class Printing extends Inspect {
  private reader: TraceReader | undefined;

  /** The reader of what programs print, opened by the first call. Throws `PrivilegeError`, `LockdownError`, `FeatureError`. */
  traceOpen(options: TraceOptions = {}): TraceReader {
    return (this.reader ??= new TraceReader(this.kernel, options));
  }

  /** The next line as ftrace shows it. */
  traceReadline(options: TraceWait = {}): Promise<string | undefined> {
    return this.traceOpen().readline(options);
  }

  /** The next event's fields; lines that are no events are passed over. */
  async traceFields(options: TraceWait = {}): Promise<TraceFields | undefined> {
    for (;;) {
      const line = await this.traceReadline(options);
      if (line === undefined) return undefined;
      const fields = parseTraceLine(line);
      if (fields !== undefined) return fields;
    }
  }

  /** Prints what comes until the signal is aborted or the object closed. */
  async tracePrint(options: TracePrintOptions = {}): Promise<void> {
    const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
    const { format, signal } = options;
    for (;;) {
      const line = await this.traceReadline(signal === undefined ? {} : { signal });
      if (line === undefined) return;
      const fields = format === undefined ? undefined : parseTraceLine(line);
      const text = format === undefined ? line : fields === undefined ? undefined : format(fields);
      if (text !== undefined) print(safe(text));
    }
  }

  protected closeTrace(): void {
    this.reader?.close();
  }
}
