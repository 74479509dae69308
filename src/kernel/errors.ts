/**
 * What goes wrong, by whose doing. The four look different to a user:
 *
 *   PrivilegeError   the process lacks a capability: names it and says how to get it
 *   FeatureError     the kernel lacks something, or forbids it: names it and the version that has it
 *   UsageError       the user's mistake: what was given, what would have been right
 *   InternalError    ours: asks for a report, keeps the stack
 *
 * The first three are shown without a stack trace. `VerifierError` (link/) is a fifth: the program's fault.
 */
import type { KernelError } from './port.ts';

export type CapabilityName =
  | 'CAP_BPF'
  | 'CAP_PERFMON'
  | 'CAP_NET_ADMIN'
  | 'CAP_NET_RAW'
  | 'CAP_SYS_ADMIN'
  | 'CAP_SYS_RESOURCE'
  | 'CAP_DAC_READ_SEARCH';

/** An error that is shown to the user as it is: message and hint, no stack. */
export class UserError extends Error {
  override name = 'UserError';
  /** What to do about it, where there is something. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}

export class PrivilegeError extends UserError {
  override name = 'PrivilegeError';
  readonly missing: readonly CapabilityName[];

  constructor(doing: string, missing: readonly CapabilityName[], hint?: string, cause?: unknown) {
    const what = missing.length === 0 ? 'this process may not do that' : `this process lacks ${listed(missing)}`;
    super(`${doing}: ${what}`, hint ?? 'run it as root (sudo), or give the process these capabilities', cause);
    this.missing = missing;
  }
}

export class FeatureError extends UserError {
  override name = 'FeatureError';
  readonly feature: string;
  /** First Linux version that has it, where that is the matter. */
  readonly minKernel: string | undefined;

  constructor(
    feature: string,
    options: { readonly minKernel?: string; readonly why?: string; readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    const since = options.minKernel === undefined ? '' : ` (Linux ${options.minKernel} has it)`;
    super(`this kernel has no ${feature}${options.why === undefined ? since : `: ${options.why}`}`, options.hint, options.cause);
    this.feature = feature;
    this.minKernel = options.minKernel;
  }
}

/** Kernel lockdown forbids it: a setting of the machine, not to be worked around. */
export class LockdownError extends UserError {
  override name = 'LockdownError';
  readonly mode: string;

  constructor(doing: string, mode: string, cause?: unknown) {
    super(
      `${doing}: forbidden by kernel lockdown (${mode})`,
      'lockdown is set at boot (lockdown= on the kernel command line, or Secure Boot)',
      cause,
    );
    this.mode = mode;
  }
}

export class UsageError extends UserError {
  override name = 'UsageError';
  readonly suggestions: readonly string[];

  constructor(message: string, suggestions: readonly string[] = [], hint?: string, cause?: unknown) {
    super(
      message,
      hint ??
        (suggestions.length === 0
          ? undefined
          : `did you mean ${suggestions
              .slice(0, 3)
              .map((s) => `'${s}'`)
              .join(' or ')}?`),
      cause,
    );
    this.suggestions = suggestions;
  }
}

/** The kernel has no such function, tracepoint, … to attach to: by mistake, or because this kernel is another one. */
export class NoSuchHookError extends UsageError {}

/** A state that skep's own code should have made impossible. */
export class InternalError extends Error {
  override name = 'InternalError';

  constructor(message: string, cause?: unknown) {
    super(`${message} (this is a bug in skep; please report it)`, cause === undefined ? undefined : { cause });
  }
}

/** 'A', 'A and B', 'A, B and C'. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** True for errors by which the kernel says "not allowed". */
export function isDenied(error: KernelError): boolean {
  return error.code === 'EPERM' || error.code === 'EACCES';
}
