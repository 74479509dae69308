/**
 * One program into the kernel: BPF_PROG_LOAD with everything around it.
 *
 *   no log ─▶ loaded
 *      └▶ refused ─▶ again with a log, larger as long as it does not fit ─▶ VerifierError at the user's line
 *
 * The log is off at first because writing it makes verification several times slower. EAGAIN means that a signal came
 * in the middle: the kernel wants to be asked again.
 */
import { encode } from '../isa/encode.ts';
import { BPF_CMD, attrLayout, cString, encodeAttr, type AttrInput } from '../kernel/bpf-attr.ts';
import { PROG_FLAG, PROG_TYPE, attachTypeNumber, progTypeNumber } from '../kernel/bpf-enums.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { FeatureError, isDenied, type CapabilityName } from '../kernel/errors.ts';
import { decode } from '../kernel/layout.ts';
import { KernelError, type Kernel } from '../kernel/port.ts';
import type { ProgramSpec } from '../object/spec.ts';
import type { AttachTarget } from './attach-target.ts';
import { LinkError } from './error.ts';
import type { JoinedProgram } from './join.ts';
import { FUNC_INFO_REC_SIZE, LINE_INFO_REC_SIZE, type ProgramInfo } from './load-btf.ts';
import { kernelName, withMemlock } from './load-maps.ts';
import type { ResolvedProgram } from './resolve.ts';
import { VerifierError } from './verifier-error.ts';

/** bpf_verifier.h: a log is at least 128 bytes and at most a quarter of what 32 bits count. */
const LOG_START = 64 * 1024;
const LOG_MOST = 2 ** 30 - 1;
const AGAIN_TRIES = 16;

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
  const type = progTypeNumber(spec.type);
  if (type === undefined || type === PROG_TYPE.unspec) throw new LinkError(`program '${spec.name}': there is no program type '${spec.type}'`);
  const attr = attrOf(program, type);
  let level = program.logLevel ?? 0;
  let size = LOG_START;
  for (;;) {
    const log = level === 0 ? undefined : new Uint8Array(size);
    const attempt = tryLoad(kernel, log === undefined ? attr : { ...attr, log_level: level, log_buf: log, log_size: log.length });
    if (attempt.error === undefined) return { fd: attempt.fd, log: textOfLog(log) };
    const { error } = attempt;
    if (log === undefined) {
      if (error.code === 'EMFILE' || error.code === 'ENOMEM') throw new LinkError(`loading program '${spec.name}': ${error.message}`, undefined, error);
      level = 1;
      continue;
    }
    const wanted = attempt.trueSize > log.length ? attempt.trueSize : log.length * 2;
    const truncated = error.code === 'ENOSPC' || (attempt.trueSize > log.length && error.code !== 'EFAULT');
    if (truncated && log.length < LOG_MOST) {
      size = Math.min(wanted, LOG_MOST);
      continue;
    }
    throw explainRefusal(kernel, program, error, textOfLog(log));
  }
}

function attrOf(program: ReadyProgram, type: number): AttrInput<'PROG_LOAD'> {
  const { spec, resolved, info, target } = program;
  const insns = encode(resolved.insns);
  const attachType = spec.attachType === undefined ? undefined : attachTypeNumber(spec.attachType);
  if (spec.attachType !== undefined && attachType === undefined) throw new LinkError(`program '${spec.name}': there is no attach type '${spec.attachType}'`);
  const withInfo = info !== undefined && program.btfFd > 0 && info.funcCount > 0;
  return {
    prog_type: type,
    insns, insn_cnt: insns.length / 8,
    license: cString(program.license),
    kern_version: spec.type === 'kprobe' ? program.kernelVersion : 0,
    prog_flags: (spec.sleepable === true ? PROG_FLAG.SLEEPABLE : 0) | (spec.xdpFrags === true ? PROG_FLAG.XDP_HAS_FRAGS : 0),
    prog_name: kernelName(spec.name),
    expected_attach_type: attachType ?? 0,
    prog_btf_fd: program.btfFd,
    ...(withInfo ? { func_info: info.funcInfo, func_info_cnt: info.funcCount, func_info_rec_size: FUNC_INFO_REC_SIZE } : {}),
    ...(withInfo && info.lineCount > 0 ? { line_info: info.lineInfo, line_info_cnt: info.lineCount, line_info_rec_size: LINE_INFO_REC_SIZE } : {}),
    attach_btf_id: target?.btfId ?? 0,
    attach_prog_fd: program.targetProgramFd ?? target?.btfFd ?? 0,
    ...(resolved.fdArray.length > 0 ? { fd_array: new Uint8Array(Int32Array.from(resolved.fdArray).buffer) } : {}),
  };
}

type Attempt = { readonly fd: number; readonly error: undefined; readonly trueSize: number } | { readonly fd: -1; readonly error: KernelError; readonly trueSize: number };

function tryLoad(kernel: Kernel, values: AttrInput<'PROG_LOAD'>): Attempt {
  for (let tries = 1; ; tries++) {
    const bytes = encodeAttr(kernel, 'PROG_LOAD', values);
    const trueSize = (): number => decode(attrLayout('PROG_LOAD'), bytes).log_true_size;
    try {
      const fd = withMemlock(kernel, () => kernel.bpf(BPF_CMD.PROG_LOAD, bytes));
      return { fd, error: undefined, trueSize: trueSize() };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === 'EAGAIN' && tries < AGAIN_TRIES) continue;
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
const NEEDS: Readonly<Record<string, readonly CapabilityName[]>> = {
  kprobe: ['CAP_PERFMON'], tracepoint: ['CAP_PERFMON'], perf_event: ['CAP_PERFMON'], raw_tracepoint: ['CAP_PERFMON'],
  raw_tracepoint_writable: ['CAP_PERFMON'], tracing: ['CAP_PERFMON'], lsm: ['CAP_PERFMON'], struct_ops: ['CAP_PERFMON'], ext: ['CAP_PERFMON'],
  sched_cls: ['CAP_NET_ADMIN'], sched_act: ['CAP_NET_ADMIN'], xdp: ['CAP_NET_ADMIN'], cgroup_skb: ['CAP_NET_ADMIN'],
  cgroup_sock: ['CAP_NET_ADMIN'], lwt_in: ['CAP_NET_ADMIN'], lwt_out: ['CAP_NET_ADMIN'], lwt_xmit: ['CAP_NET_ADMIN'],
  lwt_seg6local: ['CAP_NET_ADMIN'], sock_ops: ['CAP_NET_ADMIN'], sk_skb: ['CAP_NET_ADMIN'], cgroup_device: ['CAP_NET_ADMIN'],
  sk_msg: ['CAP_NET_ADMIN'], cgroup_sock_addr: ['CAP_NET_ADMIN'], cgroup_sockopt: ['CAP_NET_ADMIN'], cgroup_sysctl: ['CAP_NET_ADMIN'],
  sk_reuseport: ['CAP_NET_ADMIN'], flow_dissector: ['CAP_NET_ADMIN'], sk_lookup: ['CAP_NET_ADMIN'], netfilter: ['CAP_NET_ADMIN'],
};

/** Linux versions that first had a program type. Older ones than 5.4 are left out: nothing else works there either. */
const SINCE: Readonly<Record<string, string>> = { lsm: '5.7', struct_ops: '5.6', ext: '5.6', tracing: '5.5', sk_lookup: '5.9', syscall: '5.14', netfilter: '6.4' };

function explainRefusal(kernel: Kernel, program: ReadyProgram, error: KernelError, log: string): Error {
  const { spec } = program;
  if (log.trim() !== '') {
    return new VerifierError({
      program: spec.name, errno: error.errno, code: error.code, log, joined: program.joined, sources: program.sources,
      poisoned: new Map([...program.poisoned, ...program.resolved.poisoned]),
    });
  }
  const doing = `loading program '${spec.name}' (${spec.type})`;
  if (isDenied(error)) return explainDenied(kernel, error, doing, ['CAP_BPF', ...(NEEDS[spec.type] ?? [])]);
  if (error.code === 'EINVAL') {
    const since = SINCE[spec.type];
    return new FeatureError(`support for program '${spec.name}'`, {
      why: `it refuses type ${spec.type}${spec.attachType === undefined ? '' : ` with attach type ${spec.attachType}`} without saying why`,
      ...(since === undefined ? {} : { hint: `programs of type ${spec.type} need Linux ${since}` }), cause: error,
    });
  }
  return new LinkError(`${doing}: ${error.message}`, undefined, error);
}
