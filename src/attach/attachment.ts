/**
 * Attaching: a loaded program onto a hook.
 *
 *   program descriptor + hook ──▶ link (preferred) | perf event | socket option | netlink ──▶ Attachment
 *
 * Words: a *hook* is a place in the kernel where programs run; a *link* is the kernel's object for "this program on that
 * hook", owned by a descriptor: when the last one closes, also because the process died, the program is detached. Where
 * a kernel has no link for a hook, an older way is taken that also ends with a descriptor, and `via` says which.
 *
 * One file per hook; each says its minimum kernel and its errors. Nothing is probed beforehand: the call is made, and if
 * the kernel refuses, the reason is looked for (`explainAttach`).
 */
import { type AttrInput, type BpfUse, bpf } from '../kernel/bpf-attr.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { type CapabilityName, FeatureError, isDenied, UserError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { atLeast, readKernelVersion } from '../kernel/version.ts';

/** What attaching needs to know of a program. `LoadedProgram` is one. */
export interface AttachableProgram {
  readonly name: string;
  readonly fd: number;
}

export interface Attachment {
  /** 'tracepoint', 'kprobe', 'xdp', … */
  readonly kind: string;
  /** What it hangs on, in the words of the one who asked: 'block:block_rq_issue', 'eth0'. */
  readonly target: string;
  readonly program: string;
  /** How it hangs there. */
  readonly via: 'link' | 'perf-event' | 'socket' | 'attach' | 'netlink';
  /** The descriptor that holds it (of several, the first): link, perf event or socket. */
  readonly fd: number;
  /** How many places that is: functions of a pattern, CPUs of a perf event. */
  readonly places: number;
  /** False once it was detached. */
  readonly attached: boolean;
  /** Takes the program off the hook. Harmless to call again. */
  detach(): void;
  [Symbol.dispose](): void;
}

export interface AttachmentParts {
  readonly kind: string;
  readonly target: string;
  readonly program: AttachableProgram;
  readonly via: Attachment['via'];
  readonly fds: readonly number[];
  /** 1 without. */
  readonly places?: number;
  /** Undone before the descriptors close, for hooks that do not go away with them. */
  readonly undo?: () => void;
  /** Done once they are closed. */
  readonly after?: () => void;
}

export function attachment(kernel: Kernel, parts: AttachmentParts): Attachment {
  let attached = true;
  const detach = (): void => {
    if (!attached) return;
    attached = false;
    try {
      parts.undo?.();
    } finally {
      try {
        closeAll(kernel, parts.fds);
      } finally {
        parts.after?.();
      }
    }
  };
  return {
    kind: parts.kind,
    target: parts.target,
    program: parts.program.name,
    via: parts.via,
    fd: parts.fds[0] ?? -1,
    places: parts.places ?? 1,
    get attached() {
      return attached;
    },
    detach,
    [Symbol.dispose]: detach,
  };
}

/** Closes all descriptors, also when one of them fails; the first failure is thrown at the end. */
export function closeAll(kernel: Kernel, fds: readonly number[]): void {
  let failed: unknown;
  for (const fd of fds) {
    try {
      kernel.close(fd);
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}

/** Several attachments as one: a pattern that matched many functions, an event on every CPU. */
export function together(kind: string, target: string, program: AttachableProgram, parts: readonly Attachment[]): Attachment {
  const detach = (): void => {
    let failed: unknown;
    for (const part of parts) {
      try {
        part.detach();
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed !== undefined) throw failed;
  };
  return {
    kind,
    target,
    program: program.name,
    via: parts[0]?.via ?? 'link',
    fd: parts[0]?.fd ?? -1,
    places: parts.reduce((sum, part) => sum + part.places, 0),
    get attached() {
      return parts.some((part) => part.attached);
    },
    detach,
    [Symbol.dispose]: detach,
  };
}

/** What a hook needs, for the message when it is refused. */
export interface HookNeeds {
  /** 'attaching to tracepoint block:block_rq_issue' */
  readonly doing: string;
  readonly capabilities: readonly CapabilityName[];
  /** Name of the feature and the version that has it. */
  readonly feature?: string;
  readonly minKernel?: string;
  /** What the kernel must be configured with, for when it is new enough and has it not. */
  readonly config?: string;
  /** Lockdown mode that forbids it. */
  readonly lockedBy?: 'integrity' | 'confidentiality';
  /** Meanings that an error has on this hook. */
  readonly meanings?: Readonly<Record<string, string>>;
}

const NOT_THERE: ReadonlySet<string> = new Set(['ENOSYS', 'EOPNOTSUPP', 'ENOTSUPP', 'ENODEV', 'ENOTTY']);

export function explainAttach(kernel: Kernel, error: unknown, needs: HookNeeds): unknown {
  if (!(error instanceof KernelError)) return error;
  const meaning = needs.meanings?.[error.code];
  if (meaning !== undefined) return new UserError(`${needs.doing}: ${meaning}`, undefined, error);
  if (isDenied(error)) return explainDenied(kernel, error, needs.doing, needs.capabilities, needs.lockedBy);
  if (needs.feature !== undefined && NOT_THERE.has(error.code)) {
    if (needs.minKernel !== undefined && !atLeast(readKernelVersion(kernel), needs.minKernel))
      return new FeatureError(needs.feature, { minKernel: needs.minKernel, cause: error });
    const config = needs.config === undefined ? {} : { hint: `the kernel must be built with ${needs.config}` };
    return new FeatureError(needs.feature, { why: error.message, cause: error, ...config });
  }
  return new UserError(`${needs.doing}: ${error.message}`, undefined, error);
}

/** Makes a link. Throws what `explainAttach` says. */
export function createLink<U extends BpfUse>(kernel: Kernel, use: U, attr: AttrInput<U>, needs: HookNeeds): number {
  try {
    return bpf(kernel, use, attr);
  } catch (error) {
    throw explainAttach(kernel, error, needs);
  }
}

/** Errors of LINK_CREATE that mean "this kernel has no such link", so that an older way is worth a try. */
export function linkUnknown(error: unknown): boolean {
  return error instanceof KernelError && (error.code === 'EINVAL' || error.code === 'E2BIG' || NOT_THERE.has(error.code));
}
