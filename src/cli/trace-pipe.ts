/**
 * What programs print with bpf_trace_printk.
 *
 * The kernel has one buffer for the whole machine, and reading from `trace_pipe` takes lines out of it, also other
 * people's. So it is opened only for programs that print, and read only while they run; what was in it before is
 * dropped, because it cannot be theirs.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { CALL, CLASS, JMP } from '../isa/insn.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { FeatureError, isDenied } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { tracefsPath } from '../kernel/tracefs.ts';
import type { ObjectSpec } from '../object/spec.ts';

/** bpf_trace_printk and bpf_trace_vprintk. */
const PRINTERS: ReadonlySet<number> = new Set([6, 177]);
const CALL_OP = CLASS.JMP | JMP.CALL;

export function printsTrace(spec: ObjectSpec): boolean {
  for (const fn of spec.functions.values())
    for (const insn of fn.insns) if (insn.op === CALL_OP && insn.src === CALL.HELPER && PRINTERS.has(insn.imm)) return true;
  return false;
}

export class TracePipe {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(65536);
  #rest = '';

  /** Throws `PrivilegeError`, `FeatureError`. */
  constructor(kernel: Kernel) {
    try {
      this.#fd = openSync(`${tracefsPath(kernel)}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (error instanceof KernelError && isDenied(error))
        throw explainDenied(kernel, error, 'reading the trace buffer', ['CAP_SYS_ADMIN'], 'confidentiality');
      throw new FeatureError('trace buffer', { why: (error as Error).message, cause: error });
    }
    for (const _ of this.#chunks()) {
      // Printed before these programs were there.
    }
  }

  /** Whole lines that are there now. */
  *lines(): Generator<string, void, undefined> {
    for (const chunk of this.#chunks()) {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  *#chunks(): Generator<string, void, undefined> {
    for (;;) {
      let length: number;
      try {
        length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, null);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN' || code === 'EINTR') return;
        // Another reader holds the pipe: theirs is the text for now.
        if (code === 'EBUSY') return;
        throw error;
      }
      if (length === 0) return;
      yield this.#buffer.toString('utf8', 0, length);
    }
  }
}
