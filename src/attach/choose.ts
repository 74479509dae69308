/**
 * Choosing among probes: an ordered list of ways to see the same thing, and the first that this kernel can do.
 *
 *   [{ probes: ['tp_btf:block_rq_issue'], … },          newest and fastest first
 *    { probes: ['tracepoint:block:block_rq_issue'], … },
 *    { probes: ['fentry:vfs_read', 'fexit:vfs_read'], … },   all of a row are needed
 *    { probes: ['kprobe:vfs_read', 'kretprobe:vfs_read'], … }]
 *        │ cheap tests (kernel/features.ts): nothing is loaded
 *        ▼
 *   possible rows in order, and for each other row the reason why not
 *
 * What the tests cannot know (lockdown, `notrace`, a privilege) the attempt shows: `BPF.loadFirst` then goes on to the
 * next row. `kernelCannot` says which errors mean that.
 */
import { FeatureError, LockdownError, NoSuchHookError, PrivilegeError, UsageError } from '../kernel/errors.ts';
import type { Features } from '../kernel/features.ts';

/** Kinds of probe that a choice may name. */
const TESTS: Readonly<Record<string, (features: Features, target: string) => string | undefined>> = {
  tp_btf: (f, target) => {
    if (f.btf === undefined) return NO_TYPES;
    return f.rawTracepoint(withoutModule(target)) ? undefined : `no tracepoint '${target}'`;
  },
  raw_tracepoint: (f, target) => (f.btf === undefined || f.rawTracepoint(target) ? undefined : `no raw tracepoint '${target}'`),
  tracepoint: (f, target) => {
    const [category = '', event = ''] = target.split(':');
    return f.tracepoint(category, event) ? undefined : `no tracepoint '${target}'`;
  },
  fentry: byTrampoline,
  fexit: byTrampoline,
  fmod_ret: byTrampoline,
  lsm: (f, target) => {
    if (!f.lsm) return 'BPF is not among the active security modules';
    return f.typedFunction(`bpf_lsm_${target}`) ? undefined : `no LSM hook '${target}'`;
  },
  kprobe: byProbe,
  kretprobe: byProbe,
};

const NO_TYPES = 'no type information (BTF)';

function byTrampoline(f: Features, target: string): string | undefined {
  if (f.btf === undefined) return NO_TYPES;
  if (!f.trampolines) return 'no BPF trampolines';
  const name = withoutModule(target);
  return f.typedFunction(name) ? undefined : `no function '${name}' with a type`;
}

/** 'module:name' or 'name'. */
function withoutModule(target: string): string {
  return target.slice(target.indexOf(':') + 1);
}

function byProbe(f: Features, target: string): string | undefined {
  if (!f.kprobes) return 'no kprobes';
  const name = target.replace(/\+.*$/, '');
  return f.hasFunction(name) ? undefined : `no function '${name}'`;
}

export interface ProbeAlternative {
  /** 'kind:target', all of which are needed. Kinds: tp_btf, raw_tracepoint, tracepoint, fentry, fexit, fmod_ret, lsm, kprobe, kretprobe. */
  readonly probes: readonly string[];
  /** What it is called where there is no name to look for: 'socket_filter:eth0'. */
  readonly label?: string;
  /** Anything else it needs: false, or a text that says what is missing, rules it out. */
  readonly when?: (features: Features) => boolean | string;
}

export interface RuledOut<A> {
  readonly alternative: A;
  readonly why: string;
}

/** Undefined if the kernel seems able to do it, else the reason why not. */
export function whyNot(features: Features, alternative: ProbeAlternative): string | undefined {
  for (const probe of alternative.probes) {
    const colon = probe.indexOf(':');
    const test = Object.hasOwn(TESTS, probe.slice(0, colon)) ? TESTS[probe.slice(0, colon)] : undefined;
    if (test === undefined)
      throw new UsageError(`'${probe}' is no probe: expected kind:target with a kind of ${Object.keys(TESTS).join(', ')}`);
    const why = test(features, probe.slice(colon + 1));
    if (why !== undefined) return why;
  }
  const met = alternative.when?.(features) ?? true;
  return met === true ? undefined : met === false ? 'it needs something that this kernel has not' : met;
}

/** The first alternative that the kernel seems able to do. Throws `FeatureError` with the reason for each. */
export function chooseProbes<A extends ProbeAlternative>(features: Features, alternatives: readonly A[], what = 'way to see this'): A {
  const out: RuledOut<A>[] = [];
  for (const alternative of alternatives) {
    const why = whyNot(features, alternative);
    if (why === undefined) return alternative;
    out.push({ alternative, why });
  }
  throw noneLeft(out, what);
}

export function noneLeft(out: readonly RuledOut<ProbeAlternative>[], what: string, cause?: unknown): FeatureError {
  const why = out.map(({ alternative, why }) => `${probesText(alternative)}: ${why}`).join('; ');
  return new FeatureError(what, { why: why === '' ? 'there are no alternatives' : why, ...(cause === undefined ? {} : { cause }) });
}

/** 'fentry:vfs_read + fexit:vfs_read' */
export function probesText(alternative: ProbeAlternative): string {
  return alternative.probes.length === 0 ? (alternative.label ?? '(no probe)') : alternative.probes.join(' + ');
}

/**
 * Whether an error of loading or attaching means that the kernel cannot do this, so that another way is worth a try.
 * A program that does not compile or that the verifier refuses is no such error.
 */
export function kernelCannot(error: unknown): error is FeatureError | LockdownError | PrivilegeError | NoSuchHookError {
  return [FeatureError, LockdownError, PrivilegeError, NoSuchHookError].some((kind) => error instanceof kind);
}
