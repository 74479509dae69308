/**
 * The attach methods of `BPF`: one for each hook, named as in BCC, `attachX(place, function, options)`.
 *
 *   place + name of a function ─▶ the function loaded as a program of the hook's type ─▶ attach/<hook>.ts ─▶ Attachment
 *
 * Where the text itself says the place (`KFUNC_PROBE(vfs_read)`, `SEC("lsm/file_open")`), the place is optional and
 * comes last. Each returns the `Attachment`, which can be detached alone; `BPF.close()` detaches what is left.
 */
import { type Attachment, together } from '../attach/attachment.ts';
import { attachCgroup, cgroupHook } from '../attach/cgroup.ts';
import { attachTo as attachToDescriptor } from '../attach/generic.ts';
import { attachIterator, type IteratorOptions, readIterator } from '../attach/iterator.ts';
import { attachKprobe, type KprobeOptions } from '../attach/kprobe.ts';
import { attachNetns } from '../attach/namespace.ts';
import { attachNetfilter, type NetfilterTarget } from '../attach/netfilter.ts';
import { type CounterOptions, openCounters } from '../attach/perf-counter.ts';
import { attachPerfEvent, type PerfEventTarget } from '../attach/perf-event.ts';
import { attachRawTracepoint, type RawTracepointOptions } from '../attach/raw-tracepoint.ts';
import { attachPacketSocket, attachToSocket, type PacketSocket } from '../attach/socket.ts';
import { attachSockmap } from '../attach/sockmap.ts';
import { attachStructOps, isFunctionMember } from '../attach/struct-ops.ts';
import { attachTc, type TcDirection, type TcOptions } from '../attach/tc.ts';
import { type TestRun, type TestRunOptions, testRun } from '../attach/test-run.ts';
import { attachKprobes, traceableFunctions } from '../attach/traceable.ts';
import { attachTracepoint, type TracepointOptions } from '../attach/tracepoint.ts';
import { attachTracing, type TracingOptions } from '../attach/tracing.ts';
import { attachUprobe, type UprobeTarget } from '../attach/uprobe.ts';
import { attachXdp, type XdpOptions } from '../attach/xdp.ts';
import { UsageError } from '../kernel/errors.ts';
import { featuresOf } from '../kernel/features.ts';
import type { Kernel } from '../kernel/port.ts';
import { allTracepoints } from '../kernel/tracefs.ts';
import type { LoadedObject, LoadedProgram } from '../link/load.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { checkArguments } from './arguments.ts';
import { attachTo } from './auto-attach.ts';
import { KernelQueries, matchesWhole, probeLimit } from './kernel-queries.ts';
import {
  attachPlaces,
  checkPlace,
  type LoadUprobe,
  type PlacesOptions,
  type UprobeOffsets,
  type UprobePlace,
  userPlaces,
} from './uprobes.ts';

export interface PatternOptions {
  /** Most probes set one by one where the kernel has no kprobe.multi; 1000 without, or the environment's BCC_PROBE_LIMIT. */
  readonly limit?: number;
  /** For each of the functions given by name, what bpf_get_attach_cookie() gives the program there. Linux 5.15. */
  readonly cookies?: readonly bigint[];
  /** Of functions given by name, leave out those that cannot be probed, where one would be an error; none at all is one still. */
  readonly skipMissing?: boolean;
}

type UprobeAttachOptions = Omit<PlacesOptions, 'return' | 'label'>;
type EntryOptions = Omit<KprobeOptions, 'return'> & PatternOptions;
type ReturnOptions = Omit<KprobeOptions, 'return' | 'offset'> & PatternOptions;

export abstract class Hooks extends KernelQueries {
  protected abstract readonly kernel: Kernel;
  abstract readonly object: LoadedObject;

  /** Loads a function as a program of a type, or gives the one loaded. */
  abstract program(fn: string, type?: string): LoadedProgram;
  protected abstract specOf(fn: string): ProgramSpec;
  protected abstract noMap(name: string): never;
  /** What is attached now. */
  abstract get attached(): readonly Attachment[];
  /** From now on the attachment is this object's. */
  protected abstract keep<A extends Attachment>(attachment: A): A;

  /** `target`: 'category:event', or a pattern that all of 'category:event' is matched with. Linux 4.7. */
  attachTracepoint(target: string | RegExp, fn: string, options: TracepointOptions = {}): Attachment {
    const program = this.program(fn, 'tracepoint');
    if (typeof target === 'string') return this.keep(attachTracepoint(this.kernel, program, target, options));
    const names = allTracepoints(this.kernel).filter((name) => matchesWhole(target, name));
    if (names.length === 0) throw new UsageError(`attaching '${fn}': no tracepoint matches ${target}`);
    const parts: Attachment[] = [];
    try {
      for (const name of names) parts.push(attachTracepoint(this.kernel, program, name, options));
    } catch (error) {
      for (const part of parts) part.detach();
      throw error;
    }
    return this.keep(together('tracepoint', `${parts.length} tracepoints`, program, parts));
  }

  /** `event`: 'sched_switch'. Linux 4.17. */
  attachRawTracepoint(event: string, fn: string, options: RawTracepointOptions = {}): Attachment {
    return this.keep(attachRawTracepoint(this.kernel, this.program(fn, 'raw_tracepoint'), event, options));
  }

  /**
   * A function of the kernel by name or address, or all that a pattern matches as a whole: with one link where the
   * kernel has kprobe.multi (5.18), a probe each where not. Several probes may share a program. Linux 4.17 (older ones
   * by tracefs).
   */
  attachKprobe(target: string | bigint | RegExp | readonly string[], fn: string, options: EntryOptions = {}): Attachment {
    if (typeof target === 'string' || typeof target === 'bigint')
      return this.keep(attachKprobe(this.kernel, this.program(fn, 'kprobe'), target, options));
    return this.attachMany(target, fn, false, options);
  }

  /** On the function's return. */
  attachKretprobe(target: string | RegExp | readonly string[], fn: string, options: ReturnOptions = {}): Attachment {
    if (typeof target === 'string')
      return this.keep(attachKprobe(this.kernel, this.program(fn, 'kprobe'), target, { ...options, return: true }));
    return this.attachMany(target, fn, true, options);
  }

  /**
   * A place in user space: `{ name: 'c', sym: 'malloc' }`, a pattern, an address, or a path with an offset into the file.
   * Linux 4.17; for many places one link from 6.6 on, a probe each before.
   */
  attachUprobe(target: UprobePlace | UprobeTarget | UprobeOffsets, fn: string, options: UprobeAttachOptions = {}): Attachment {
    return this.attachUser(target, fn, options);
  }

  /** On the return of a function. */
  attachUretprobe(target: UprobePlace | UprobeTarget | UprobeOffsets, fn: string, options: UprobeAttachOptions = {}): Attachment {
    return this.attachUser(target, fn, { ...options, return: true });
  }

  /** fentry. Without a target, the one that the text names (KFUNC_PROBE, SEC("fentry/…")). Linux 5.5, arm64 6.4. */
  attachKfunc(fn: string, target?: string, options: TracingOptions = {}): Attachment {
    return this.attachTyped(fn, 'tracing', 'trace_fentry', target, options);
  }

  /** fexit: arguments and result. */
  attachKretfunc(fn: string, target?: string, options: TracingOptions = {}): Attachment {
    return this.attachTyped(fn, 'tracing', 'trace_fexit', target, options);
  }

  /** fmod_ret: the program may change what the function returns. Only functions that the kernel allows it for. Linux 5.7. */
  attachFmodRet(fn: string, target?: string, options: TracingOptions = {}): Attachment {
    return this.attachTyped(fn, 'tracing', 'modify_return', target, options);
  }

  /** A tracepoint whose arguments are typed: 'sched_switch'. Linux 5.5. */
  attachTpBtf(fn: string, target?: string, options: TracingOptions = {}): Attachment {
    return this.attachTyped(fn, 'tracing', 'trace_raw_tp', target, options);
  }

  /** `target`: the hook, 'file_open'. 0 allows, a negative errno denies. Linux 5.7 with `bpf` among the active LSMs. */
  attachLsm(fn: string, target?: string, options: TracingOptions = {}): Attachment {
    return this.attachTyped(fn, 'lsm', 'lsm_mac', target, options);
  }

  /** Read it with `readIterator`. Linux 5.8. */
  attachIterator(fn: string, options: IteratorOptions = {}): Attachment {
    return this.keep(attachIterator(this.kernel, this.program(fn), options));
  }

  /** Runs an iterator once: the bytes that its program writes, piece by piece. */
  readIterator(iterator: Attachment): Generator<Uint8Array, void, undefined> {
    return readIterator(this.kernel, iterator);
  }

  /** Sampling at a rate, or once in so many events. Linux 4.9. */
  attachPerfEvent(target: PerfEventTarget, fn: string): Attachment {
    return this.keep(attachPerfEvent(this.kernel, this.program(fn, 'perf_event'), target));
  }

  /**
   * Counters in a `BPF_PERF_ARRAY`, one for each CPU at its number, for programs to read (`perf_read`). In the map until
   * it is detached. Linux 4.3.
   */
  openPerfEvent(map: string, event: PerfEventTarget['event'], options: CounterOptions = {}): Attachment {
    return this.keep(openCounters(this.kernel, this.object.maps.get(map) ?? this.noMap(map), event, options));
  }

  /** A raw socket on an interface (in another network namespace: its path). Returns it: packets that the program keeps can be read from it. */
  attachRawSocket(fn: string, networkInterface: string, options: { readonly netns?: string } = {}): PacketSocket {
    return this.keep(attachPacketSocket(this.kernel, this.program(fn, 'socket_filter'), { interface: networkInterface, ...options }));
  }

  /** A socket that the caller has, by descriptor. `reuseport`: the program chooses among the sockets of its group. */
  attachSocket(socket: number, fn: string, options: { readonly reuseport?: boolean } = {}): Attachment {
    const type = options.reuseport === true && this.specOf(fn).type === 'sk_reuseport' ? 'sk_reuseport' : 'socket_filter';
    return this.keep(attachToSocket(this.kernel, this.program(fn, type), socket, options));
  }

  /** Linux 4.8; 5.9 as a link. */
  attachXdp(networkInterface: string | number, fn: string, options: XdpOptions = {}): Attachment {
    return this.keep(attachXdp(this.kernel, this.program(fn, 'xdp'), networkInterface, options));
  }

  /** Packets that enter ('ingress') or leave ('egress') an interface. Linux 4.5 (clsact), 6.6 as a link with an order. */
  attachTc(networkInterface: string | number, direction: TcDirection, fn: string, options: TcOptions = {}): Attachment {
    return this.keep(attachTc(this.kernel, this.program(fn, 'sched_cls'), networkInterface, direction, options));
  }

  /** `folder` of a cgroup2 file system; the hook is that of the program's section, or `hook`: 'cgroup_inet4_connect'. */
  attachCgroup(folder: string, fn: string, options: { readonly hook?: string } = {}): Attachment {
    const type = options.hook === undefined ? undefined : cgroupHook(options.hook);
    const program = type === undefined ? this.program(fn) : this.typed(fn, type.program, type.name);
    return this.keep(attachCgroup(this.kernel, program, folder));
  }

  /** `sk_lookup` and `flow_dissector` programs: a network namespace by path, this one's without. Linux 5.9, 5.8. */
  attachNetns(fn: string, path?: string): Attachment {
    return this.keep(attachNetns(this.kernel, this.program(fn), path));
  }

  /** Beside iptables and nftables. Linux 6.4. */
  attachNetfilter(target: NetfilterTarget, fn: string): Attachment {
    return this.keep(attachNetfilter(this.kernel, this.program(fn), target));
  }

  /** `sk_msg` and `sk_skb` programs: onto the sockets of a map, by its name in the text. Linux 4.14. */
  attachSockmap(map: string, fn: string): Attachment {
    return this.keep(attachSockmap(this.kernel, this.program(fn), this.object.maps.get(map) ?? this.noMap(map)));
  }

  /**
   * A table of functions of the kernel, with functions of the text in it: `attachStructOps('tcp_congestion_ops',
   * { name: 'bpf_fixed', ssthresh: 'fixed_ssthresh', … })`. Texts that stand for functions are names. Linux 5.6; 6.4 as
   * a link.
   */
  attachStructOps(struct: string, members: Readonly<Record<string, number | bigint | string>>): Attachment {
    const value = Object.fromEntries(
      Object.entries(members).map(([member, given]) =>
        isFunctionMember(this.kernel, struct, member)
          ? [member, this.object.load({ ...this.specOf(String(given)), type: 'struct_ops', target: `${struct}.${member}` })]
          : [member, given],
      ),
    );
    return this.keep(attachStructOps(this.kernel, struct, value));
  }

  /** The plain way, for hooks without a method: whatever a descriptor refers to (BPF_PROG_ATTACH). `type`: 'lirc_mode2', … */
  attachFunc(fn: string, fd: number, type: string, flags = 0): Attachment {
    return this.keep(attachToDescriptor(this.kernel, this.program(fn), fd, type, flags));
  }

  /** By the program's type, at a place in words: 'eth0', 'vfs_read', '/sys/fs/cgroup/x', 'cpu_clock@99'. */
  attachTo(fn: string, target: string): Attachment {
    return this.keep(attachTo(this.kernel, this.program(fn), target));
  }

  /** Has the kernel run a program on data of the caller's, without attaching it. Linux 4.12; what is allowed differs by type. */
  run(fn: string, options: TestRunOptions = {}): TestRun {
    return testRun(this.kernel, this.program(fn), options);
  }

  detachKprobe(target: string, fn?: string): void {
    this.detachWhere('kprobe', target, fn);
  }

  detachKretprobe(target: string, fn?: string): void {
    this.detachWhere('kretprobe', target, fn);
  }

  /** `target`: as `Attachment.target` says it, or the name or path that was given. */
  detachUprobe(target: string, fn?: string): void {
    this.detachUser('uprobe', target, fn);
  }

  detachUretprobe(target: string, fn?: string): void {
    this.detachUser('uretprobe', target, fn);
  }

  detachTracepoint(target: string, fn?: string): void {
    this.detachWhere('tracepoint', target.replace('/', ':'), fn);
  }

  detachRawTracepoint(event: string, fn?: string): void {
    this.detachWhere('raw_tracepoint', event, fn);
  }

  detachKfunc(fn: string): void {
    this.detachWhere('fentry', undefined, fn);
  }

  detachKretfunc(fn: string): void {
    this.detachWhere('fexit', undefined, fn);
  }

  detachFmodRet(fn: string): void {
    this.detachWhere('fmod_ret', undefined, fn);
  }

  detachLsm(fn: string): void {
    this.detachWhere('lsm', undefined, fn);
  }

  /** `event`: its name, as it was attached. */
  detachPerfEvent(event: string, fn?: string): void {
    this.detachWhere('perf_event', event, fn);
  }

  removeXdp(networkInterface: string | number): void {
    this.detachWhere('xdp', String(networkInterface), undefined);
  }

  detachFunc(fn: string, fd: number, type: string): void {
    this.detachWhere(type, `descriptor ${fd}`, fn);
  }

  /** Places where a kprobe or kretprobe of this object hangs. */
  numOpenKprobes(): number {
    return this.placesOf(/^k(?:ret)?probe/);
  }

  numOpenUprobes(): number {
    return this.placesOf(/^u(?:ret)?probe|^usdt/);
  }

  numOpenTracepoints(): number {
    return this.placesOf(/^tracepoint$/);
  }

  private placesOf(kind: RegExp): number {
    return this.attached.filter((one) => kind.test(one.kind)).reduce((sum, one) => sum + one.places, 0);
  }

  private detachUser(kind: string, target: string, fn: string | undefined): void {
    const mine = this.attached.find((one) => one.kind.startsWith(kind) && (one.target === target || one.target.startsWith(`${target}:`)));
    this.detachWhere(kind, mine?.target ?? target, fn);
  }

  private detachWhere(kind: string, target: string | undefined, fn: string | undefined): void {
    const found = this.attached.filter(
      (one) =>
        one.kind.replace('.multi', '') === kind &&
        (target === undefined || one.target === target) &&
        (fn === undefined || one.program === fn),
    );
    if (found.length === 0)
      throw new UsageError(
        `${fn === undefined ? 'nothing is' : `'${fn}' is not`} attached to ${kind}${target === undefined ? '' : ` ${target}`}`,
      );
    for (const one of found) one.detach();
  }

  private attachUser(target: UprobePlace | UprobeTarget | UprobeOffsets, fn: string, options: PlacesOptions): Attachment {
    checkPlace(target);
    if ('offsets' in target) {
      const { path, offsets } = target;
      const { cookies, ...others } = options;
      const places = offsets.map((offset, i) => ({ offset, ...(cookies?.[i] === undefined ? {} : { cookie: cookies[i] }) }));
      return this.keep(attachPlaces(this.kernel, this.uprobeLoader(fn), path, places, `${path} (${offsets.length} places)`, others));
    }
    if ('path' in target) return this.keep(attachUprobe(this.kernel, this.program(fn, 'kprobe'), target, options));
    const asked = options.pid ?? target.pid;
    // BCC's "all processes".
    const pid = asked === -1 ? undefined : asked;
    const { pid: _, ...anywhere } = target;
    const { path, offsets, label } = userPlaces(pid === undefined ? anywhere : { ...target, pid });
    const places = offsets.map((offset) => ({ offset }));
    return this.keep(
      attachPlaces(this.kernel, this.uprobeLoader(fn), path, places, label, { ...options, ...(pid === undefined ? {} : { pid }) }),
    );
  }

  /** Loads a function for one place or, under another attach type, for many. */
  protected uprobeLoader(fn: string): LoadUprobe {
    return (multi) => (multi ? this.typed(fn, 'kprobe', 'trace_uprobe_multi') : this.program(fn, 'kprobe'));
  }

  private attachMany(target: RegExp | readonly string[], fn: string, isReturn: boolean, options: PatternOptions): Attachment {
    const multi = featuresOf(this.kernel).kprobeMulti;
    const byName = !(target instanceof RegExp);
    if (!byName && options.cookies !== undefined)
      throw new UsageError(`attaching '${fn}': cookies are for functions given by name, not for a pattern`);
    if (byName) checkNames(fn, target);
    const names = target instanceof RegExp ? traceableFunctions(this.kernel, (name) => matchesWhole(target, name)) : target;
    if (names.length === 0) throw new UsageError(`attaching '${fn}': no function that can be probed matches ${target}`);
    const program = multi ? this.typed(fn, 'kprobe', 'trace_kprobe_multi') : this.program(fn, 'kprobe');
    const limit = options.limit ?? probeLimit();
    return this.keep(
      attachKprobes(this.kernel, program, names, {
        return: isReturn,
        limit,
        all: byName && options.skipMissing !== true,
        ...(options.cookies === undefined ? {} : { cookies: options.cookies }),
      }),
    );
  }

  private attachTyped(fn: string, type: string, attachType: string, target: string | undefined, options: TracingOptions): Attachment {
    const place = target ?? this.specOf(fn).target;
    if (place === undefined) throw new UsageError(`'${fn}' does not say where it belongs: give a target`);
    // A program of this kind is loaded for one place.
    return this.keep(attachTracing(this.kernel, this.typed(fn, type, attachType, place), options));
  }

  /** The function as a program of a type, an attach type and, if given, a target. */
  private typed(fn: string, type: string, attachType: string, target?: string): LoadedProgram {
    const known = this.specOf(fn);
    const place = target ?? known.target;
    if (known.type === type && known.attachType === attachType && known.target === place) return this.object.load(known);
    return this.object.load({ ...known, type, attachType, ...(place === undefined ? {} : { target: place }) });
  }
}

function checkNames(fn: string, names: readonly string[]): void {
  if (names.length === 0) throw new UsageError(`attaching '${fn}': the list of functions is empty`);
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw new UsageError(`attaching '${fn}': '${twice}' is in the list twice`);
}

checkArguments(Hooks.prototype);
