/**
 * Attaching by what a program says of itself.
 *
 *   BCC's name or libbpf's section ─▶ section ─▶ a row of `BY_SECTION` ─▶ attach/…          nothing more is asked
 *   program + a place in words     ─▶ type    ─▶ a row of `BY_TYPE`    ─▶ attach/…          `skep run --attach f=eth0`
 */
import type { Attachment } from '../attach/attachment.ts';
import { attachCgroup } from '../attach/cgroup.ts';
import { attachIterator, iteratesOverMap } from '../attach/iterator.ts';
import { attachKprobe } from '../attach/kprobe.ts';
import { attachKprobeMulti } from '../attach/kprobe-multi.ts';
import { attachPerfEvent, type PerfEventName, perfEventNumbers } from '../attach/perf-event.ts';
import { attachRawTracepoint } from '../attach/raw-tracepoint.ts';
import { attachPacketSocket } from '../attach/socket.ts';
import { attachTc } from '../attach/tc.ts';
import { attachKprobes, syscallFunction, traceableFunctions } from '../attach/traceable.ts';
import { attachTracepoint } from '../attach/tracepoint.ts';
import { attachTracing } from '../attach/tracing.ts';
import { attachUprobe } from '../attach/uprobe.ts';
import { attachXdp } from '../attach/xdp.ts';
import { UsageError } from '../kernel/errors.ts';
import { PERF_HARDWARE, PERF_SOFTWARE } from '../kernel/perf-attr.ts';
import type { Kernel } from '../kernel/port.ts';
import type { LoadedProgram } from '../link/load.ts';
import { matchSection, type SectionMatch } from '../object/sections.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { userPlaces } from './uprobes.ts';

type Attach = (kernel: Kernel, program: LoadedProgram, target: string) => Attachment;

const returns = (program: LoadedProgram): boolean => /^(?:kret|uret)/.test(program.spec.section.replace(/^\?/, ''));

/** By what opening an object does with a section (`object/section-defs.ts`). */
const BY_SECTION: Readonly<Partial<Record<NonNullable<SectionMatch['attach']>, Attach>>> = {
  tp: attachTracepoint,
  raw_tp: attachRawTracepoint,
  trace: (kernel, program) => attachTracing(kernel, program),
  lsm: (kernel, program) => attachTracing(kernel, program),
  iter: (kernel, program) => attachIterator(kernel, program),
  kprobe: attachToFunction,
  ksyscall: (kernel, program, target) => attachKprobe(kernel, program, syscallFunction(kernel, target), { return: returns(program) }),
  kprobe_multi: attachToFunctions,
  kprobe_session: attachToFunctions,
  uprobe: attachToFile,
};

/** By the program's type, for a place that is given in words. */
const BY_TYPE: Readonly<Record<string, Attach>> = {
  tracepoint: attachTracepoint,
  raw_tracepoint: attachRawTracepoint,
  kprobe: (kernel, program, target) => (/[/:]/.test(target) ? attachToFile : attachToFunction)(kernel, program, target),
  socket_filter: (kernel, program, target) => attachPacketSocket(kernel, program, { interface: target }),
  xdp: attachXdp,
  sched_cls: (kernel, program, target) => {
    const [nic = '', direction = program.spec.attachType === 'tcx_egress' ? 'egress' : 'ingress'] = target.split(':');
    if (direction !== 'ingress' && direction !== 'egress')
      throw new UsageError(`'${target}': expected interface, interface:ingress or interface:egress`);
    return attachTc(kernel, program, nic, direction);
  },
  perf_event: attachToPerfEvent,
  cgroup_skb: attachCgroup,
  cgroup_sock: attachCgroup,
  cgroup_device: attachCgroup,
  cgroup_sock_addr: attachCgroup,
  cgroup_sysctl: attachCgroup,
  cgroup_sockopt: attachCgroup,
  sock_ops: attachCgroup,
};

/** True for programs that `autoAttach` takes. */
export function attachesByItself(spec: ProgramSpec): boolean {
  const attach = matchSection(spec.section)?.attach;
  return spec.target !== undefined && attach !== undefined && BY_SECTION[attach] !== undefined && !waitsForMap(spec);
}

/** An iterator over the elements of a map: which one must be said. */
export function waitsForMap(spec: ProgramSpec): boolean {
  return spec.target !== undefined && matchSection(spec.section)?.attach === 'iter' && iteratesOverMap(spec.target);
}

export function autoAttach(kernel: Kernel, program: LoadedProgram): Attachment {
  const { target, section } = program.spec;
  const kind = matchSection(section)?.attach;
  const attach = kind === undefined ? undefined : BY_SECTION[kind];
  if (!attach || target === undefined)
    throw new UsageError(`'${program.name}' (${section}) cannot be attached by itself: attach it by hand, or load with autoAttach: false`);
  return attach(kernel, program, target);
}

/** 'eth0' for XDP, traffic control and socket filters, 'vfs_read' for kprobes, a folder for cgroups, 'cpu_clock@99' for perf events. */
export function attachTo(kernel: Kernel, program: LoadedProgram, target: string): Attachment {
  const { type } = program.spec;
  const attach = BY_TYPE[type];
  if (!attach) throw new UsageError(`'${program.name}' is of type ${type}, which is not attached to a place by name`);
  return attach(kernel, program, target);
}

/** 'vfs_read', 'vfs_read+8'. */
function attachToFunction(kernel: Kernel, program: LoadedProgram, target: string): Attachment {
  const [, name = target, offset] = /^([^+]+)\+(0x[0-9a-fA-F]+|\d+)$/.exec(target) ?? [];
  return attachKprobe(kernel, program, name, { return: returns(program), ...(offset === undefined ? {} : { offset: Number(offset) }) });
}

/** '/path:0x1234' is an offset into the file; '/path:function', 'libc:malloc', '/path:function+8' are looked up. */
function attachToFile(kernel: Kernel, program: LoadedProgram, target: string): Attachment {
  const [, name = '', place = '', plus = '0'] = /^(.+):([^:+]+)(?:\+(0x[0-9a-fA-F]+|\d+))?$/.exec(target) ?? [];
  if (name === '') throw new UsageError(`'${target}': expected file:function, file:function+offset or /path:0xoffset`);
  const options = { return: returns(program) };
  if (/^(0x[0-9a-fA-F]+|\d+)$/.test(place)) return attachUprobe(kernel, program, { path: name, offset: BigInt(place) }, options);
  const { path, offsets, label } = userPlaces({ name, sym: place, symOff: Number(plus) });
  return attachUprobe(kernel, program, { path, offset: offsets[0] as bigint }, { ...options, label });
}

/** 'cpu_clock@99' is 99 times a second, 'page_faults/1000' once in a thousand. */
function attachToPerfEvent(kernel: Kernel, program: LoadedProgram, target: string): Attachment {
  const [, name = '', kind, count] = /^(\w+)([@/])(\d+)$/.exec(target) ?? [];
  if (kind === undefined || perfEventNumbers(name) === undefined) {
    const known = [...Object.keys(PERF_SOFTWARE), ...Object.keys(PERF_HARDWARE)].join(', ');
    throw new UsageError(
      `'${target}': expected event@times-a-second or event/period, with an event of ${known}, or of a cache such as l1d_read_miss`,
    );
  }
  return attachPerfEvent(kernel, program, {
    event: name as PerfEventName,
    ...(kind === '@' ? { frequency: Number(count) } : { period: Number(count) }),
  });
}

/** SEC("kprobe.multi/vfs_*"): a name, or a pattern with * and ? as libbpf takes it. */
function attachToFunctions(kernel: Kernel, program: LoadedProgram, target: string): Attachment {
  const pattern = new RegExp(
    `^${target
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  const names = /[*?]/.test(target) ? traceableFunctions(kernel, (name) => pattern.test(name)) : [target];
  const session = program.spec.attachType === 'trace_kprobe_session';
  if (session && names.length > 0) return attachKprobeMulti(kernel, program, names, { session });
  return attachKprobes(kernel, program, names, { return: returns(program) });
}
