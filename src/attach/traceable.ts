/**
 * Which functions of the kernel can be probed, and many probes at once.
 *
 *   tracefs available_filter_functions ─┐
 *   (without ftrace: kallsyms, text)   ─┴▶ minus what the kernel or experience forbids ─▶ pattern ─▶ one link, or a probe each
 *
 * What is left out: the kernel's own list of exceptions (debugfs kprobes/blacklist, where it can be read), code that
 * perf and the probes themselves run through, call trampolines, and parts that the compiler split off.
 */
import { UsageError, UserError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { readText, readTextIfThere } from '../kernel/text.ts';
import { tracefsPath } from '../kernel/tracefs.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { type AttachableProgram, type Attachment, together } from './attachment.ts';
import { attachKprobe } from './kprobe.ts';
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

function candidates(kernel: Kernel, take: (name: string) => void): void {
  const listed = filterFunctions(kernel);
  if (listed === undefined) {
    const symbols = readText(kernel, '/proc/kallsyms');
    for (const match of symbols.matchAll(/^[0-9a-f]+ [tT] (\S+)/gm)) take(match[1] ?? '');
    return;
  }
  // 'vfs_read' or 'xfs_read [xfs]': tens of thousands of lines, so nothing is made for each but its name.
  for (let at = 0; at < listed.length; ) {
    const newline = listed.indexOf('\n', at);
    const end = newline < 0 ? listed.length : newline;
    let nameEnd = at;
    while (nameEnd < end && listed.charCodeAt(nameEnd) !== SPACE) nameEnd++;
    if (nameEnd > at) take(listed.slice(at, nameEnd));
    at = end + 1;
  }
}

const SPACE = 0x20;

function filterFunctions(kernel: Kernel): string | undefined {
  try {
    return readTextIfThere(kernel, `${tracefsPath(kernel)}/available_filter_functions`);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
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
}

/**
 * A program on every function given: one link if it was loaded for that (attach type trace_kprobe_multi), else a probe
 * each. Single probes may fail (a function that went with its module); only if all do, that is an error.
 */
export function attachKprobes(
  kernel: Kernel,
  program: AttachableProgram & { readonly spec: ProgramSpec },
  functions: readonly string[],
  options: PatternOptions = {},
): Attachment {
  const kind = options.return === true ? 'kretprobe' : 'kprobe';
  if (functions.length === 0) throw new UsageError(`attaching '${program.name}': no function that can be probed matches`);
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
  let failed: unknown;
  for (const [i, name] of functions.entries()) {
    const cookie = options.cookies?.[i];
    try {
      parts.push(
        attachKprobe(kernel, program, name, {
          ...(options.return === true ? { return: true } : {}),
          ...(cookie === undefined ? {} : { cookie }),
        }),
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed ??= error;
    }
  }
  if (parts.length === 0) throw failed;
  return together(kind, functions.length === 1 ? (functions[0] ?? '') : `${parts.length} functions`, program, parts);
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
  let attempts = 0;
  let failed: unknown;
  const attach = (names: readonly string[]): void => {
    try {
      parts.push(attachKprobeMulti(kernel, program, names, options));
    } catch (error) {
      if (!refusedFunction(error) || ++attempts > MOST_ATTEMPTS) throw error;
      failed ??= error;
      if (names.length === 1) return;
      attach(names.slice(0, names.length >> 1));
      attach(names.slice(names.length >> 1));
    }
  };
  try {
    attach(functions);
  } catch (error) {
    for (const part of parts) part.detach();
    throw error;
  }
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
