/**
 * Questions about the running kernel, as static methods of `BPF`: what BCC's scripts ask before they choose a probe.
 *
 *   BPF.tracepointExists('block', 'block_io_start')   BPF.kernelStructHasField('task_struct', '__state')
 *
 * None loads anything; answers come from types, tracefs and kallsyms, each read once (`kernel/features.ts`).
 */
import { chooseProbes, type ProbeAlternative } from '../attach/choose.ts';
import { PROBE_LIMIT, syscallFunction, syscallPrefix, traceableFunctions } from '../attach/traceable.ts';
import { dropPrivileges, type Identity } from '../kernel/drop-privileges.ts';
import { featuresOf } from '../kernel/features.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { allTracepoints } from '../kernel/tracefs.ts';
import { atLeast } from '../kernel/version.ts';

const asked = () => featuresOf(linuxKernel());

// biome-ignore lint/complexity/noStaticOnlyClass: the class BPF inherits them, as BCC's users call them
export abstract class KernelQueries {
  /** fentry, fexit: BPF trampolines on kernel functions. BCC says no on every architecture but x86_64; this asks the kernel. */
  static supportKfunc(): boolean {
    return asked().trampolines;
  }

  static supportFmodRet(): boolean {
    return asked().trampolines && atLeast(asked().version, '5.7');
  }

  /** Whether BPF is among the active security modules: compiled in is not enough. */
  static supportLsm(): boolean {
    return asked().lsm;
  }

  static supportRawTracepoint(): boolean {
    return atLeast(asked().version, '4.17');
  }

  static supportRawTracepointInModule(): boolean {
    return atLeast(asked().version, '5.0');
  }

  /** One link for many kprobes. */
  static supportKprobeMulti(): boolean {
    return asked().kprobeMulti;
  }

  /** Undefined where the kernel has no such struct or shows no types (BCC: -1). */
  static kernelStructHasField(struct: string, field: string): boolean | undefined {
    return asked().structHasField(struct, field);
  }

  /** Undefined where the kernel has no such enum or shows no types (BCC: -1). */
  static kernelEnumHasVal(name: string, value: string): boolean | undefined {
    return asked().enumHasValue(name, value);
  }

  static tracepointExists(category: string, event: string): boolean {
    return asked().tracepoint(category, event);
  }

  /** A function that a kprobe may hang on: there, and not inlined everywhere. */
  static functionExists(name: string): boolean {
    return asked().hasFunction(name);
  }

  /** Functions that can be probed and that the pattern matches as a whole. */
  static getKprobeFunctions(pattern: RegExp): string[] {
    return traceableFunctions(linuxKernel(), (name) => matchesWhole(pattern, name));
  }

  /** 'category:event' names that the pattern matches as a whole. */
  static getTracepoints(pattern: RegExp): string[] {
    return allTracepoints(linuxKernel()).filter((name) => matchesWhole(pattern, name));
  }

  /** '__x64_sys_openat' for 'openat'. */
  static getSyscallFnname(name: string): string {
    return syscallFunction(linuxKernel(), name);
  }

  /** '__x64_sys_'. */
  static getSyscallPrefix(): string {
    return syscallPrefix(linuxKernel());
  }

  /** Exchanges the prefix of another architecture or kernel for this one's; other names stay. */
  static fixSyscallFnname(name: string): string {
    return syscallFunction(linuxKernel(), name, { onlyPrefixed: true });
  }

  /** The name with the prefix in front, unless it has it. */
  static addPrefix(prefix: string, name: string): string {
    return name.startsWith(prefix) ? name : prefix + name;
  }

  /** Nanoseconds of CLOCK_MONOTONIC, as `bpf_ktime_get_ns()` gives them. */
  static monotonicTime(): bigint {
    return process.hrtime.bigint();
  }

  /** The id that `bpf_get_current_cgroup_id()` gives for tasks in a cgroup2 folder. */
  static cgroupId(folder: string): bigint {
    return linuxKernel().inode(folder);
  }

  /** Gives up this process's privileges for good, once all is attached: `bcc-api.md` says what still works then. */
  static dropPrivileges(to?: Identity): Identity {
    return dropPrivileges(linuxKernel(), to);
  }

  /** How many probes a pattern may set one by one: 1000, or the environment's BCC_PROBE_LIMIT. */
  static getProbeLimit(): number {
    return probeLimit();
  }

  /** The first alternative that this kernel seems able to do; nothing is loaded. Throws `FeatureError` with the reason for each. */
  static chooseProbes<A extends ProbeAlternative>(alternatives: readonly A[]): A {
    return chooseProbes(asked(), alternatives);
  }
}

/** A pattern matches a name as a whole, as BCC's do. */
export function matchesWhole(pattern: RegExp, name: string): boolean {
  pattern.lastIndex = 0;
  return pattern.exec(name)?.[0] === name;
}

export function probeLimit(): number {
  const limit = Number(process.env['BCC_PROBE_LIMIT']);
  return Number.isSafeInteger(limit) && limit > 0 ? limit : PROBE_LIMIT;
}
