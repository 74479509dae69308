/**
 * Which functions of the kernel can be probed, and many probes at once.
 *
 *   tracefs available_filter_functions ─┐
 *   (without ftrace: kallsyms, text)   ─┴▶ minus what the kernel or experience forbids ─▶ pattern ─▶ one link, or a probe each
 *
 * What is left out: the kernel's own list of exceptions (debugfs kprobes/blacklist, where it can be read), code that
 * perf and the probes themselves run through, call trampolines, and parts that the compiler split off.
 */
import { NoSuchHookError, UsageError, UserError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { readTextIfThere } from '../kernel/text.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { type AttachableProgram, type Attachment, together } from './attachment.ts';
import { candidates, similarFunctions } from './functions.ts';
import { attachOneKprobe } from './kprobe.ts';
import { notTraceable } from './kprobe-errors.ts';
import { attachKprobeMulti } from './kprobe-multi.ts';

/** Names that are never probed by pattern. */
const NEVER = /^(?:_kbl_addr_|__perf|perf_|__SCT__|__SCK__|__cfi_|__pfx_|__ftrace_invalid_address_)|\.cold(?:\.|$)/;

/** Functions that can be probed and that `matches` accepts, in the kernel's order, each name once. */
export function traceableFunctions(kernel: Kernel, matches: (name: string) => boolean): string[] {
  const forbidden = blacklist(kernel);
  const found = new Set<string>();
  candidates(kernel, (name) => {
    if (matches(name) && !NEVER.test(name) && !forbidden.has(name)) found.add(name);
  });
  return [...found];
}

function blacklist(kernel: Kernel): ReadonlySet<string> {
  const text = readTextIfThere(kernel, '/sys/kernel/debug/kprobes/blacklist') ?? '';
  // '0xffffffff81000000-0xffffffff81000040	name'
  return new Set(text.split('\n').map((line) => line.slice(line.lastIndexOf('\t') + 1)));
}

/** Most probes that are set one by one for a pattern. One link for all has no such limit. */
export const PROBE_LIMIT = 1000;

export interface PatternOptions {
  readonly return?: boolean;
  readonly limit?: number;
  /** One for each function. */
  readonly cookies?: readonly bigint[];
  /** Every function must be had: any that cannot be probed is an error that names it, and nothing stays attached. */
  readonly all?: boolean;
}

/**
 * A program on every function given: one link if it was loaded for that (attach type trace_kprobe_multi), else a probe
 * each. Single probes may fail (a function that went with its module); without `all`, only if all do, that is an error.
 */
export function attachKprobes(
  kernel: Kernel,
  program: AttachableProgram & { readonly spec: ProgramSpec },
  functions: readonly string[],
  options: PatternOptions = {},
): Attachment {
  const kind = options.return === true ? 'kretprobe' : 'kprobe';
  if (functions.length === 0) throw new UsageError(`attaching '${program.name}': no function that can be probed matches`);
  const { cookies } = options;
  if (cookies !== undefined && cookies.length !== functions.length)
    throw new UsageError(
      `attaching '${program.name}': ${cookies.length} cookies for ${functions.length} functions`,
      [],
      'give one cookie for each function, in the same order',
    );
  if (program.spec.attachType === 'trace_kprobe_multi') return attachAtOnce(kernel, program, functions, options, kind);
  const limit = options.limit ?? PROBE_LIMIT;
  if (functions.length > limit) {
    throw new UsageError(
      `attaching '${program.name}': ${functions.length} functions match, ${limit} is the limit`,
      [],
      'make the pattern narrower',
    );
  }
  const parts: Attachment[] = [];
  const missing: string[] = [];
  let failed: unknown;
  for (const [i, name] of functions.entries()) {
    const cookie = options.cookies?.[i];
    try {
      parts.push(
        attachOneKprobe(kernel, program, name, {
          ...(options.return === true ? { return: true } : {}),
          ...(cookie === undefined ? {} : { cookie }),
        }),
      );
    } catch (error) {
      if (!(error instanceof UserError) || (options.all === true && !(error instanceof NoSuchHookError))) {
        for (const part of parts) part.detach();
        throw error;
      }
      failed ??= error;
      missing.push(name);
    }
  }
  if (options.all === true && missing.length > 0) throw giveUp(kernel, program, parts, missing, kind, failed);
  if (parts.length === 0) throw failed;
  return together(kind, functions.length === 1 ? (functions[0] ?? '') : `${parts.length} functions`, program, parts);
}

/** Takes off what was attached, for an error that names the functions that could not be had. */
function giveUp(
  kernel: Kernel,
  program: AttachableProgram,
  parts: readonly Attachment[],
  missing: readonly string[],
  kind: string,
  cause: unknown,
): UsageError {
  for (const part of parts) part.detach();
  const [first = ''] = missing;
  const others = missing.length === 1 ? '' : ` (nor can ${missing.slice(1, 5).join(', ')}${missing.length > 5 ? ', …' : ''})`;
  const message = `${notTraceable(`attaching '${program.name}' to ${kind} ${first}`, first)}${others}`;
  return new NoSuchHookError(message, similarFunctions(kernel, first), undefined, cause);
}

/** Attempts with halves of the list, when the kernel refuses one function and does not say which. */
const MOST_ATTEMPTS = 200;

/**
 * With one link; if a function among many cannot be had (it went with its module), with a few links around it. Only if
 * none can be had, that is an error.
 */
function attachAtOnce(
  kernel: Kernel,
  program: AttachableProgram,
  functions: readonly string[],
  options: PatternOptions,
  kind: string,
): Attachment {
  const parts: Attachment[] = [];
  const missing: string[] = [];
  const { cookies, ...others } = options;
  let attempts = 0;
  let failed: unknown;
  const attach = (from: number, to: number): void => {
    const names = functions.slice(from, to);
    try {
      const theirs = cookies === undefined ? {} : { cookies: cookies.slice(from, to) };
      parts.push(attachKprobeMulti(kernel, program, names, { ...others, ...theirs }));
    } catch (error) {
      if (!refusedFunction(error) || ++attempts > MOST_ATTEMPTS) throw error;
      failed ??= error;
      if (names.length === 1) {
        missing.push(...names);
        return;
      }
      const middle = from + (names.length >> 1);
      attach(from, middle);
      attach(middle, to);
    }
  };
  try {
    attach(0, functions.length);
  } catch (error) {
    for (const part of parts) part.detach();
    throw error;
  }
  if (options.all === true && missing.length > 0) throw giveUp(kernel, program, parts, missing, kind, failed);
  const [first] = parts;
  if (first === undefined) throw failed;
  if (parts.length === 1) return first;
  const places = parts.reduce((sum, part) => sum + part.places, 0);
  return together(`${kind}.multi`, `${places} functions`, program, parts);
}

/** ESRCH: a name that the kernel does not know; EINVAL: one that it cannot trace. */
function refusedFunction(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : undefined;
  return cause instanceof KernelError && (cause.code === 'ESRCH' || cause.code === 'EINVAL');
}

const SYSCALL_PREFIXES = [
  '__x64_sys_',
  '__arm64_sys_',
  'sys_',
  '__s390x_sys_',
  '__s390_sys_',
  '__riscv_sys_',
  '__x32_compat_sys_',
  '__ia32_compat_sys_',
] as const;

type HasFunction = (name: string) => boolean;

/** What this kernel puts before the names of system calls: '__x64_sys_'. */
export function syscallPrefix(kernel: Kernel, hasFunction: HasFunction = (name) => featuresOf(kernel).hasFunction(name)): string {
  // bpf(2) is there if any of this is.
  return SYSCALL_PREFIXES.find((prefix) => hasFunction(`${prefix}bpf`)) ?? 'sys_';
}

/**
 * The kernel's function of a system call: '__x64_sys_openat' for 'openat' (a prefix that is there already is exchanged).
 * `onlyPrefixed`: a name without one is no system call and stays.
 */
export function syscallFunction(
  kernel: Kernel,
  name: string,
  options: { readonly onlyPrefixed?: boolean; readonly hasFunction?: HasFunction } = {},
): string {
  const known = SYSCALL_PREFIXES.find((prefix) => name.startsWith(prefix));
  if (known === undefined && options.onlyPrefixed === true) return name;
  return syscallPrefix(kernel, options.hasFunction) + name.slice(known?.length ?? 0);
}
