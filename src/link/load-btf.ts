/**
 * The object's types as the kernel takes them, and the info that ties instructions to types and source lines.
 *
 * One BTF object serves all maps and programs of an object. Source lines are strings of it, so the line info of every
 * program is made before the BTF is loaded.
 */
import { encodeFuncInfo, encodeLineInfo, FUNC_INFO_SIZE, LINE_INFO_SIZE } from '../btf/ext.ts';
import type { BtfSource } from '../btf/types.ts';
import { BtfImage } from '../btf/write.ts';
import { BPF_CMD, encodeAttr } from '../kernel/bpf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { JoinedFunction, JoinedLine, JoinedProgram } from './join.ts';
import { textOf } from './verifier-error.ts';

export interface ProgramInfo {
  readonly funcInfo: Uint8Array;
  readonly funcCount: number;
  readonly lineInfo: Uint8Array;
  readonly lineCount: number;
}

export const FUNC_INFO_REC_SIZE = FUNC_INFO_SIZE;
export const LINE_INFO_REC_SIZE = LINE_INFO_SIZE;
const NONE: ProgramInfo = { funcInfo: new Uint8Array(0), funcCount: 0, lineInfo: new Uint8Array(0), lineCount: 0 };

export class ObjectBtf {
  readonly #image: BtfImage;

  constructor(source: BtfSource) {
    this.#image = new BtfImage(source);
  }

  /** Function and line info of a program; adds its source lines to the strings. */
  programInfo(program: JoinedProgram, sources: ReadonlyMap<string, string>): ProgramInfo {
    const functions: { slot: number; type: number }[] = [];
    // The kernel wants a type for every function or for none.
    for (const fn of program.functions) {
      if (fn.btfFunc === undefined) return NONE;
      functions.push({ slot: fn.slot, type: fn.btfFunc });
    }
    const lines = completeLines(program.functions, program.lines).map((line) => ({
      slot: line.slot,
      file: line.file,
      line: Math.min(line.line, MAX_LINE),
      column: Math.min(line.column, MAX_COLUMN),
      text: textOf(sources, line.file, line.line).trim(),
    }));
    return {
      funcInfo: encodeFuncInfo(functions),
      funcCount: functions.length,
      lineInfo: encodeLineInfo(lines, this.#image),
      lineCount: lines.length,
    };
  }

  /** Loads the types. Throws `KernelError`; its message ends with the kernel's reason. */
  load(kernel: Kernel): number {
    const bytes = this.#image.bytes();
    try {
      return loadBytes(kernel, bytes, undefined);
    } catch (error) {
      if (!(error instanceof KernelError) || error.code === 'EPERM') throw error;
      const log = new Uint8Array(65536);
      try {
        return loadBytes(kernel, bytes, log);
      } catch (again) {
        if (!(again instanceof KernelError)) throw again;
        const end = log.indexOf(0);
        const text = new TextDecoder().decode(log.subarray(0, Math.max(end, 0))).trimEnd();
        throw new KernelError(again.call, again.errno, again.code, text.split('\n').slice(-1)[0]);
      }
    }
  }
}

// Line and column share a word: 22 and 10 bits.
const MAX_LINE = 2 ** 22 - 1;
const MAX_COLUMN = 2 ** 10 - 1;

function loadBytes(kernel: Kernel, btf: Uint8Array, log: Uint8Array | undefined): number {
  const attr = encodeAttr(kernel, 'BTF_LOAD', {
    btf,
    btf_size: btf.length,
    ...(log === undefined ? {} : { btf_log_buf: log, btf_log_size: log.length, btf_log_level: 1 }),
  });
  return kernel.bpf(BPF_CMD.BTF_LOAD, attr);
}

/**
 * Line info as the kernel insists on it: ascending, one for each instruction at most, and one at the first instruction
 * of every function. None at all if the program has none.
 */
function completeLines(functions: readonly JoinedFunction[], lines: readonly JoinedLine[]): JoinedLine[] {
  if (lines.length === 0) return [];
  const bySlot = new Map<number, JoinedLine>();
  for (const line of lines) bySlot.set(line.slot, line);
  const sorted = [...bySlot.values()].sort((a, b) => a.slot - b.slot);
  for (const [i, fn] of functions.entries()) {
    if (bySlot.has(fn.slot)) continue;
    const end = functions[i + 1]?.slot ?? Number.POSITIVE_INFINITY;
    const first = sorted.find((line) => line.slot > fn.slot && line.slot < end);
    sorted.push({ file: first?.file ?? '', line: first?.line ?? 0, column: first?.column ?? 0, insn: fn.insn, slot: fn.slot });
  }
  return sorted.sort((a, b) => a.slot - b.slot);
}
