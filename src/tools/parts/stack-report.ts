/**
 * What tools that add up stacks print: one block, line or JSON object for each distinct stack, the smallest first.
 *
 *   profile, offcputime:  kernel frames, "    --", user frames, "    -  comm (pid)", "        value"
 *   -f:                   comm;user frames, outermost first;-;kernel frames value
 *
 * A stack that the kernel could not keep is shown as missed, and counted: the end of the report says so.
 */
import type { BPF } from '../../bcc/bpf.ts';
import type { Stack } from '../../bcc/stacks.ts';
import { UsageError } from '../../kernel/errors.ts';
import { printf } from '../../render/printf.ts';
import { safe } from '../../render/safe.ts';
import { foldedStack, stackLines } from '../../render/stacks.ts';
import type { Output } from '../output.ts';

export interface StackReportOptions {
  readonly kernel: boolean;
  readonly user: boolean;
  readonly delimited: boolean;
  readonly folded: boolean;
  /** Marks frames of the kernel with _[k]. */
  readonly annotate?: boolean;
  /** What JSON calls the value. */
  readonly value: string;
  /** Map of the stacks. */
  readonly stacks: string;
}

export interface StackRow {
  readonly comm: string;
  /** As shown. */
  readonly pid: number;
  /** Whose memory the user stack is from. */
  readonly tgid: number;
  readonly kernelStack: number;
  readonly userStack: number;
  readonly value: bigint;
}

export class StackReport {
  private missed = 0;
  private collided = false;
  private readonly bpf: BPF;
  private readonly out: Output;
  private readonly options: StackReportOptions;

  constructor(bpf: BPF, out: Output, options: StackReportOptions) {
    this.bpf = bpf;
    this.out = out;
    this.options = options;
  }

  /** Prints all rows, in the order of their values. */
  print(rows: readonly StackRow[]): void {
    for (const row of rows.toSorted((a, b) => Number(a.value - b.value))) this.printRow(row);
  }

  private printRow(row: StackRow): void {
    const { options, out, bpf } = this;
    const kernel = options.kernel ? withoutTracing(this.counted(bpf.kernelStack(options.stacks, row.kernelStack))) : undefined;
    const user = options.user ? this.counted(bpf.userStack(options.stacks, row.userStack, row.tgid)) : undefined;
    if (out.json) {
      out.record(
        {
          comm: row.comm,
          pid: row.pid,
          ...(kernel ? { kernel_stack: kernel.names() } : {}),
          ...(user ? { user_stack: user.names() } : {}),
          [options.value]: row.value,
        },
        undefined,
      );
      return;
    }
    const names = kernel?.names() ?? [];
    const sides = {
      kernel: options.annotate === true ? names.map((name) => `${name}_[k]`) : names,
      user: user?.names() ?? [],
      delimited: options.delimited,
    };
    if (options.folded) {
      out.line(foldedStack(row.comm, sides, row.value));
      return;
    }
    out.lines([...stackLines(sides), printf('    %-16s %s (%d)', '-', safe(row.comm), row.pid), `        ${row.value}`, '']);
  }

  private counted(stack: Stack): Stack {
    if (stack.missed) this.missed++;
    if (stack.collision) this.collided = true;
    return stack;
  }

  /** A sentence for stderr; undefined where nothing is missing. */
  get warning(): string | undefined {
    if (this.missed === 0) return undefined;
    return `${this.missed} stack traces lost and could not be displayed.${this.collided ? ' Consider increasing --stack-storage-size.' : ''}`;
  }
}

/** What a tracepoint puts on top of the stack that it traces: the program itself, and the way to it. */
const TRACING = /^(?:bpf_prog_|bpf_trace_run\d|__bpf_trace_|__traceiter_|bpf_trampoline_|bpf_get_stackid)/;

/** The stack as it was without the tool. */
export function withoutTracing(stack: Stack): Stack {
  const first = stack.frames.findIndex(({ name }) => name === undefined || !TRACING.test(name));
  if (first <= 0) return stack;
  return { ...stack, frames: stack.frames.slice(first), names: (format) => stack.names(format).slice(first) };
}

/** Flags of tools that show stacks of both sides. */
export const STACK_FLAGS = {
  'user-stacks-only': { type: 'boolean', short: 'U', help: 'show stacks of user space only' },
  'kernel-stacks-only': { type: 'boolean', short: 'K', help: 'show stacks of the kernel only' },
  delimited: { type: 'boolean', short: 'd', help: 'insert a delimiter between kernel and user stacks' },
  folded: { type: 'boolean', short: 'f', help: 'one line for each stack, for flame graphs' },
  'stack-storage-size': { type: 'count', value: 'COUNT', help: 'how many different stacks can be kept' },
} as const;

/** Which sides are shown; the two flags exclude each other. */
export function sidesOf(options: { readonly 'user-stacks-only': boolean; readonly 'kernel-stacks-only': boolean }): {
  readonly kernel: boolean;
  readonly user: boolean;
  readonly words: string;
} {
  const { 'user-stacks-only': user, 'kernel-stacks-only': kernel } = options;
  if (user && kernel) throw new UsageError('-U and -K exclude each other: without either, both stacks are shown');
  return { kernel: !user, user: !kernel, words: user ? 'user' : kernel ? 'kernel' : 'user + kernel' };
}
