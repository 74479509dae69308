/**
 * One program into the kernel: BPF_PROG_LOAD with everything around it.
 *
 *   no log ─▶ loaded
 *      └▶ refused ─▶ again with a log, larger if it does not fit ─▶ VerifierError at the user's line
 *
 * The log is off at first because writing it makes verification several times slower. EAGAIN means that a signal came
 * in the middle: the kernel wants to be asked again. Signals that keep coming (a profiler, a timer) come more often than
 * a large program takes to be verified: then they are held back for the time of the call.
 */
import { encode } from '../isa/encode.ts';
import { type AttrInput, attrLayout, BPF_CMD, cString, encodeAttr } from '../kernel/bpf-attr.ts';
import { PROG_FLAG } from '../kernel/bpf-enums.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { type CapabilityName, FeatureError, isDenied } from '../kernel/errors.ts';
import { decode } from '../kernel/layout.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { withoutSignals } from '../kernel/signals.ts';
import { atLeast, readKernelVersion } from '../kernel/version.ts';
import { attachType } from '../object/attach-types.ts';
import { programType } from '../object/program-types.ts';
import type { ProgramSpec } from '../object/spec.ts';
import type { AttachTarget } from './attach-target.ts';
import { LinkError } from './error.ts';
import type { JoinedProgram } from './join.ts';
import { FUNC_INFO_REC_SIZE, LINE_INFO_REC_SIZE, type ProgramInfo } from './load-btf.ts';
import { kernelName, withMemlock } from './load-maps.ts';
import type { ResolvedProgram } from './resolve.ts';
import { VerifierError } from './verifier-error.ts';

const LOG_START = 2 ** 20;
/** A longer log is cut: writing one of a hundred megabytes takes the kernel seconds, and its end is what counts. */
const LOG_MOST = 2 ** 24;
/** Kernels before 6.4 keep the beginning of a log that does not fit, so all of it must. */
const LOG_MOST_BEFORE_6_4 = 2 ** 28;
/** Attempts that signals may interrupt; after these they are held back, and only the unstoppable ones still interrupt. */
const AGAIN_TRIES = 4;
const AGAIN_MOST = 16;

/** Everything about a program that is ready to be loaded. */
export interface ReadyProgram {
  readonly spec: ProgramSpec;
  readonly license: string;
  readonly joined: JoinedProgram;
  readonly resolved: ResolvedProgram;
  readonly poisoned: ReadonlyMap<number, string>;
  readonly sources: ReadonlyMap<string, string>;
  readonly btfFd: number;
  readonly info: ProgramInfo | undefined;
  readonly target: AttachTarget | undefined;
  /** KERNEL_VERSION, which kprobes had to say before Linux 5.0. */
  readonly kernelVersion: number;
  /** Program to be replaced (`ext`). */
  readonly targetProgramFd?: number;
  /** Keep the verifier's log of this level also when the program is accepted: 1, 2, 4 or a sum of them. */
  readonly logLevel?: number;
}

export interface ProgramResult {
  readonly fd: number;
  /** The verifier's log; empty unless asked for. */
  readonly log: string;
}

export function loadProgram(kernel: Kernel, program: ReadyProgram): ProgramResult {
  const { spec } = program;
  const type = programType(spec.type);
  if (type === undefined) throw new LinkError(`program '${spec.name}': there is no program type '${spec.type}'`);
  const attr = attrOf(program, type.number);
  let level = program.logLevel ?? 0;
  let size = LOG_START;
  let refused: KernelError | undefined;
  for (;;) {
    const log = level === 0 ? undefined : new Uint8Array(size);
    const attempt = tryLoad(kernel, log === undefined ? attr : { ...attr, log_level: level, log_buf: log, log_size: log.length });
    if (attempt.error === undefined) return { fd: attempt.fd, log: textOfLog(log) };
    const { error } = attempt;
    // With a log that does not fit the error is ENOSPC: the first one says more.
    refused ??= error;
    if (log === undefined) {
      if (error.code === 'EMFILE' || error.code === 'ENOMEM')
        throw new LinkError(`loading program '${spec.name}': ${error.message}`, undefined, error);
      if (error.code === 'EAGAIN')
        throw new LinkError(
          `loading program '${spec.name}': the kernel's verification was interrupted ${AGAIN_MOST} times and came to no verdict`,
          'the process is stopped and continued all the time, or the kernel is short of resources for a moment: try again',
          error,
        );
      level = 1;
      continue;
    }
    if ((level & 3) === 0) {
      // Statistics alone do not say why.
      level |= 1;
      continue;
    }
    const larger = nextLogSize(error, log.length, attempt.trueSize);
    if (larger !== undefined) {
      size = larger;
      continue;
    }
    throw explainRefusal(kernel, program, refused, textOfLog(log));
  }
}

/** The size to try next; undefined where the log at hand will do. `trueSize` is 0 on kernels that do not tell (before 6.4). */
function nextLogSize(error: KernelError, size: number, trueSize: number): number | undefined {
  if (trueSize > 0) return trueSize > size && trueSize <= LOG_MOST ? trueSize : undefined;
  return error.code === 'ENOSPC' && size < LOG_MOST_BEFORE_6_4 ? size * 16 : undefined;
}

function attrOf(program: ReadyProgram, type: number): AttrInput<'PROG_LOAD'> {
  const { spec, resolved, info, target } = program;
  const insns = encode(resolved.insns);
  const attach = spec.attachType === undefined ? undefined : attachType(spec.attachType);
  if (spec.attachType !== undefined && attach === undefined)
    throw new LinkError(`program '${spec.name}': there is no attach type '${spec.attachType}'`);
  const withInfo = info !== undefined && program.btfFd > 0 && info.funcCount > 0;
  return {
    prog_type: type,
    insns,
    insn_cnt: insns.length / 8,
    license: cString(program.license),
    kern_version: spec.type === 'kprobe' ? program.kernelVersion : 0,
    prog_flags: (spec.sleepable === true ? PROG_FLAG.SLEEPABLE : 0) | (spec.xdpFrags === true ? PROG_FLAG.XDP_HAS_FRAGS : 0),
    prog_name: kernelName(withoutKind(spec.name)),
    expected_attach_type: target?.member ?? attach?.number ?? 0,
    prog_btf_fd: program.btfFd,
    ...(withInfo ? { func_info: info.funcInfo, func_info_cnt: info.funcCount, func_info_rec_size: FUNC_INFO_REC_SIZE } : {}),
    ...(withInfo && info.lineCount > 0
      ? { line_info: info.lineInfo, line_info_cnt: info.lineCount, line_info_rec_size: LINE_INFO_REC_SIZE }
      : {}),
    attach_btf_id: target?.btfId ?? 0,
    attach_prog_fd: program.targetProgramFd ?? target?.btfFd ?? 0,
    ...(resolved.fdArray.length > 0 ? { fd_array: new Uint8Array(Int32Array.from(resolved.fdArray).buffer) } : {}),
  };
}

/** 'kfunc__vmlinux__vfs_read', 'tracepoint__sched__sched_switch': of the 15 characters that bpftool shows, none for the kind. */
function withoutKind(name: string): string {
  const rest = /^(?:(?:raw_|btf_)?tracepoint|kprobe|kretprobe|kfunc|kretfunc|kmod_ret|lsm|bpf_iter)__(?=\w)(.*)/.exec(name)?.[1];
  if (rest === undefined) return name;
  return /^(?:tracepoint|kfunc|kretfunc)__/.test(name) ? rest.replace(/^[a-z\d]\w*?__(?=\w)/, '') : rest;
}

type Attempt =
  | { readonly fd: number; readonly error: undefined; readonly trueSize: number }
  | { readonly fd: -1; readonly error: KernelError; readonly trueSize: number };

function tryLoad(kernel: Kernel, values: AttrInput<'PROG_LOAD'>): Attempt {
  for (let tries = 1; ; tries++) {
    const bytes = encodeAttr(kernel, 'PROG_LOAD', values);
    const trueSize = (): number => decode(attrLayout('PROG_LOAD'), bytes).log_true_size;
    try {
      const load = (): number => withMemlock(kernel, () => kernel.bpf(BPF_CMD.PROG_LOAD, bytes));
      const fd = tries > AGAIN_TRIES ? withoutSignals(kernel, load) : load();
      return { fd, error: undefined, trueSize: trueSize() };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === 'EAGAIN' && tries < AGAIN_MOST) continue;
      return { fd: -1, error, trueSize: trueSize() };
    }
  }
}

function textOfLog(log: Uint8Array | undefined): string {
  if (log === undefined) return '';
  const end = log.indexOf(0);
  return new TextDecoder().decode(end < 0 ? log : log.subarray(0, end));
}

/** What loading a program of a type takes beyond CAP_BPF. */
// biome-ignore format: a table
const NEEDS: Readonly<Record<string, readonly CapabilityName[]>> = {
  kprobe: ['CAP_PERFMON'], tracepoint: ['CAP_PERFMON'], perf_event: ['CAP_PERFMON'], raw_tracepoint: ['CAP_PERFMON'],
  raw_tracepoint_writable: ['CAP_PERFMON'], tracing: ['CAP_PERFMON'], lsm: ['CAP_PERFMON'], struct_ops: ['CAP_PERFMON'], ext: ['CAP_PERFMON'],
  sched_cls: ['CAP_NET_ADMIN'], sched_act: ['CAP_NET_ADMIN'], xdp: ['CAP_NET_ADMIN'], cgroup_skb: ['CAP_NET_ADMIN'],
  cgroup_sock: ['CAP_NET_ADMIN'], lwt_in: ['CAP_NET_ADMIN'], lwt_out: ['CAP_NET_ADMIN'], lwt_xmit: ['CAP_NET_ADMIN'],
  lwt_seg6local: ['CAP_NET_ADMIN'], sock_ops: ['CAP_NET_ADMIN'], sk_skb: ['CAP_NET_ADMIN'], cgroup_device: ['CAP_NET_ADMIN'],
  sk_msg: ['CAP_NET_ADMIN'], cgroup_sock_addr: ['CAP_NET_ADMIN'], cgroup_sockopt: ['CAP_NET_ADMIN'], cgroup_sysctl: ['CAP_NET_ADMIN'],
  sk_reuseport: ['CAP_NET_ADMIN'], flow_dissector: ['CAP_NET_ADMIN'], sk_lookup: ['CAP_NET_ADMIN'], netfilter: ['CAP_NET_ADMIN'],
};

function explainRefusal(kernel: Kernel, program: ReadyProgram, error: KernelError, log: string): Error {
  const { spec } = program;
  if (log.trim() !== '') {
    return new VerifierError({
      program: spec.name,
      errno: error.errno,
      code: error.code,
      log,
      joined: program.joined,
      sources: program.sources,
      poisoned: new Map([...program.poisoned, ...program.resolved.poisoned]),
    });
  }
  const doing = `loading program '${spec.name}' (${spec.type})`;
  if (isDenied(error)) return explainDenied(kernel, error, doing, ['CAP_BPF', ...(NEEDS[spec.type] ?? [])]);
  if (error.code === 'EINVAL') {
    const version = readKernelVersion(kernel);
    const tooOld = [
      programType(spec.type)?.minKernel,
      spec.attachType === undefined ? undefined : attachType(spec.attachType)?.minKernel,
    ].find((since) => since !== undefined && !atLeast(version, since));
    const what = `programs of type ${spec.type}${spec.attachType === undefined ? '' : ` (${spec.attachType})`}`;
    if (tooOld !== undefined) return new FeatureError(what, { minKernel: tooOld, cause: error });
    return new FeatureError(what, { why: `it refuses '${spec.name}' without saying why`, cause: error });
  }
  return new LinkError(`${doing}: ${error.message}`, undefined, error);
}
