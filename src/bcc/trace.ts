/**
 * What programs print with `bpf_trace_printk`: lines, or their fields.
 *
 *   trace_pipe ─▶ whole lines ─▶ '            node-4711    [001] ...1.  12.345678: bpf_trace_printk: hello'
 *                                  task (16)  pid  cpu   flags   seconds since boot              message
 *
 * Text in it is other people's: `tracePrint` makes it safe for a terminal, the fields are as they came.
 */
import { CALL, CLASS, JMP } from '../isa/insn.ts';
import type { Kernel } from '../kernel/port.ts';
import { KernelError } from '../kernel/port.ts';
import { openTraceBuffer, type TraceBuffer } from '../kernel/trace-instance.ts';
import type { ObjectSpec } from '../object/spec.ts';

export interface TraceFields {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** As ftrace prints them: 'd..31'. */
  readonly flags: string;
  /** Seconds since boot. */
  readonly ts: number;
  readonly msg: string;
}

export interface TraceOptions {
  /** A buffer of this reader's own, which no other reader empties. Linux 5.9; the shared one before. Made by the first call. */
  readonly private?: boolean;
}

/** bpf_trace_printk and bpf_trace_vprintk. */
const PRINTERS: ReadonlySet<number> = new Set([6, 177]);
const CALL_OP = CLASS.JMP | JMP.CALL;

/** Whether any program of the object prints. */
export function printsTrace(spec: ObjectSpec): boolean {
  for (const fn of spec.functions.values())
    for (const insn of fn.insns) if (insn.op === CALL_OP && insn.src === CALL.HELPER && PRINTERS.has(insn.imm)) return true;
  return false;
}

// With the option record-tgid the process stands behind the thread, in brackets.
const LINE = /^(.{16})-(\d+)\s+(?:\([\s\d-]+\)\s+)?\[(\d+)\]\s+(\S+)\s+([\d.]+):\s(?:bpf_trace_printk:\s)?(.*)$/s;

/** Undefined for what is no event ('CPU:1 [LOST 22 EVENTS]'). */
export function parseTraceLine(line: string): TraceFields | undefined {
  const [, task, pid, cpu, flags, ts, msg] = LINE.exec(line) ?? [];
  if (task === undefined) return undefined;
  return { task: task.trimStart(), pid: Number(pid), cpu: Number(cpu), flags: flags ?? '', ts: Number(ts), msg: msg ?? '' };
}

export class TraceReader {
  readonly private: boolean;
  readonly #kernel: Kernel;
  readonly #source: TraceBuffer;
  readonly #bytes = new Uint8Array(65536);
  readonly #decoder = new TextDecoder();
  #rest = '';
  #ready: string[] = [];
  #open = true;

  /** Throws `PrivilegeError`, `LockdownError`, `FeatureError`. What was printed before is dropped. */
  constructor(kernel: Kernel, options: TraceOptions = {}) {
    this.#kernel = kernel;
    this.#source = openTraceBuffer(kernel, options);
    this.private = this.#source.private;
    for (const _ of this.#chunks()) {
      // Printed before these programs were there.
    }
  }

  /** Whole lines that are there now. */
  *lines(): Generator<string, void, undefined> {
    for (;;) {
      const line = this.#next();
      if (line === undefined) return;
      yield line;
    }
  }

  /** The next line, or undefined when there is none: at once with `wait: false`, else when the signal is aborted or the reader closed. */
  async readline(options: { readonly wait?: boolean; readonly signal?: AbortSignal } = {}): Promise<string | undefined> {
    for (;;) {
      const line = this.#next();
      if (line !== undefined || options.wait === false || options.signal?.aborted === true || !this.#open) return line;
      // The pipe is readable when something is in the buffer; a busy other reader can make that wrong, so never spin.
      const ready = await this.#kernel.wait([this.#source.fd], -1, options.signal);
      if (ready.length > 0 && this.#open) await this.#settle();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#source.close();
  }

  async #settle(): Promise<void> {
    this.#take();
    if (this.#ready.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  #next(): string | undefined {
    if (this.#ready.length === 0) this.#take();
    return this.#ready.shift();
  }

  #take(): void {
    for (const chunk of this.#chunks()) {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#ready = this.#ready.length === 0 ? lines : [...this.#ready, ...lines];
    }
  }

  *#chunks(): Generator<string, void, undefined> {
    while (this.#open) {
      let length: number;
      try {
        length = this.#kernel.syscall('read', this.#source.fd, this.#bytes, this.#bytes.length);
      } catch (error) {
        // EBUSY: another reader holds the pipe, and the text of the moment is theirs.
        if (error instanceof KernelError && ['EAGAIN', 'EBUSY'].includes(error.code)) return;
        throw error;
      }
      if (length === 0) return;
      yield this.#decoder.decode(this.#bytes.subarray(0, length), { stream: true });
    }
  }
}
