/**
 * `BPF`: restricted C in, running in the kernel, maps and events out.
 *
 *   BPF.load({ text }) ─▶ compile ─▶ load ─▶ attach what attaches by itself ─▶ a BPF
 *
 *   await using b = await BPF.load({ text: C_SOURCE });
 *   b.attachTracepoint('block:block_rq_issue', 'on_issue');
 *   for (const [key, count] of b.map('dist').entries()) …
 *
 * It owns everything it made: `close()` (or `using`) detaches and frees it, and so does the end of the process, however
 * it ends, because nothing is held by anything but descriptors.
 *
 * Needs CAP_BPF and what the hooks need (root has all). Errors: `CompileError` (the text), `VerifierError` (the program),
 * `PrivilegeError`, `FeatureError`, `UsageError`.
 */

import type { Attachment } from '../attach/attachment.ts';
import { kernelCannot, noneLeft, type ProbeAlternative, probesText, type RuledOut, whyNot } from '../attach/choose.ts';
import type { BtfRecord } from '../btf/codec.ts';
import { similar } from '../compiler/did-you-mean.ts';
import { type EventOptions, openEvents } from '../events/open.ts';
import { EventPoller } from '../events/poller.ts';
import type { EventStream } from '../events/stream.ts';
import { UserRing, type UserRingOptions } from '../events/user-ring.ts';
import { PrivilegeError, UsageError } from '../kernel/errors.ts';
import { type KernelFacts, readTargetFacts } from '../kernel/facts.ts';
import { featuresOf } from '../kernel/features.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { progInfo } from '../kernel/obj-info.ts';
import type { Kernel } from '../kernel/port.ts';
import { closedError } from '../link/descriptor.ts';
import { type LoadedObject, type LoadedProgram, loadObject } from '../link/load.ts';
import type { In, MapInput, MapValue, ValueCodec } from '../maps/codec.ts';
import { type AnyMap, openMap } from '../maps/open.ts';
import { DataSections, Variable, variableCodec } from '../maps/variables.ts';
import { LOST_PREFIX } from '../object/lost.ts';
import type { ObjectSpec, ProgramSpec } from '../object/spec.ts';
import { autoAttach, waitsForMap } from './auto-attach.ts';
import { Printing } from './printing.ts';
import type { SpecStore } from './remember.ts';
import { encodeVariables, mapsToUse, publish, withdraw, withExterns } from './sharing.ts';
import { specFrom } from './spec-from.ts';
import { Table } from './table.ts';
import type { USDT } from './usdt.ts';

export interface LoadOptions {
  /** The C text. */
  readonly text?: string;
  /** Or a file with it, or with an object that clang or `skep compile` made (`.bpf.o`). */
  readonly file?: string;
  /** Or an object that is compiled already. */
  readonly spec?: ObjectSpec;
  /** `-DNAME=value`, `-UNAME`, `-Ifolder`, as for a C compiler. */
  readonly cflags?: readonly string[];
  /** Guessed from the text without. */
  readonly dialect?: 'bcc' | 'libbpf';
  /** For messages and for the kernel's listings. */
  readonly name?: string;
  /** False: nothing is attached by itself. */
  readonly autoAttach?: boolean;
  /** USDT probes and the functions enabled for them; attached also without `autoAttach`. */
  readonly usdt?: readonly USDT[];
  /** First values of global variables, constants (`const volatile`) included. */
  readonly globals?: Readonly<Record<string, MapInput>>;
  /** Maps of other objects to use in place of new ones, by name; BCC's 'extern' tables find public ones by themselves. */
  readonly maps?: Readonly<Record<string, { readonly fd: number }>>;
  /** Told what is done, step by step. */
  readonly log?: (text: string) => void;
  /** Told of the compiler's warnings; without, they go to stderr. */
  readonly onWarning?: (text: string) => void;
  /** Another kernel than the running one: a fake for tests. */
  readonly kernel?: Kernel;
  /** Where compiled texts are kept from run to run; without, each is compiled. */
  readonly store?: SpecStore | undefined;
}

/** One way to see something, for `BPF.loadFirst`. */
export interface LoadAlternative extends ProbeAlternative {
  /** What differs from the common options: `text`, `cflags`. */
  readonly load?: LoadOptions;
  /** What does not attach by itself. */
  readonly attach?: (bpf: BPF) => void | Promise<void>;
}

export class BPF extends Printing implements AsyncDisposable, Disposable {
  readonly spec: ObjectSpec;
  readonly object: LoadedObject;
  readonly facts: KernelFacts;
  protected readonly kernel: Kernel;
  private readonly tables = new Map<string, Table>();
  private readonly attachments = new Set<Attachment>();
  private readonly streams = new Map<string, EventStream<unknown>>();
  /** By perf buffer: what streams lost that are closed. */
  private readonly lostBefore = new Map<string, number>();
  private readonly userRings = new Set<UserRing<never>>();
  private readonly perfBuffers: EventPoller;
  private readonly ringBuffers: EventPoller;
  private readonly log: (text: string) => void;
  private open = true;

  private readonly sections: DataSections;

  private constructor(spec: ObjectSpec, kernel: Kernel, facts: KernelFacts, log: (text: string) => void, options: LoadOptions) {
    super();
    this.spec = spec;
    this.kernel = kernel;
    this.facts = facts;
    this.log = log;
    this.perfBuffers = new EventPoller(kernel);
    this.ringBuffers = new EventPoller(kernel);
    // Programs whose type is known and that attach by themselves are loaded now; plain functions when they are attached.
    this.object = loadObject(spec, kernel, {
      facts,
      programs: (program) => program.autoLoad && program.autoAttach,
      maps: mapsToUse(spec, options.maps ?? {}),
      variables: encodeVariables(spec, options.globals ?? {}),
    });
    this.sections = new DataSections(kernel);
    publish(this.object);
  }

  /** Compiles, loads and attaches. */
  static async load(options: LoadOptions): Promise<BPF> {
    const kernel = options.kernel ?? linuxKernel();
    const facts = readTargetFacts(kernel);
    const log = options.log ?? (() => {});
    const spec = withExterns(await specFrom(options, kernel, facts));
    const bpf = new BPF(spec, kernel, facts, log, options);
    try {
      for (const warning of bpf.object.warnings) log(warning);
      if (options.autoAttach !== false)
        for (const program of spec.programs)
          if (program.autoAttach && program.autoLoad && !waitsForMap(program)) bpf.keep(autoAttach(kernel, bpf.object.load(program)));
      for (const usdt of options.usdt ?? [])
        for (const attachment of usdt.attach(kernel, (fn) => bpf.uprobeLoader(fn))) bpf.keep(attachment);
      return bpf;
    } catch (error) {
      bpf.close();
      // Names in a bpf file system go, too; what was there before stays.
      bpf.object.discard();
      throw error;
    }
  }

  /**
   * The first of several ways to see the same thing that this kernel can do: alternatives that it evidently cannot are
   * passed over, the others are loaded (and attached by `attach`) in order until one holds. `log` hears which was taken
   * and why others were not. Throws `FeatureError` with the reason for each if none is left; an alternative that does
   * not compile or that the verifier refuses is an error at once.
   */
  static async loadFirst<A extends LoadAlternative>(
    alternatives: readonly A[],
    options: LoadOptions = {},
  ): Promise<{ readonly bpf: BPF; readonly chosen: A }> {
    const kernel = options.kernel ?? linuxKernel();
    const features = featuresOf(kernel);
    const out: RuledOut<A>[] = [];
    let last: unknown;
    let denied: PrivilegeError | undefined;
    const ruleOut = (alternative: A, why: string): void => {
      out.push({ alternative, why });
      options.log?.(`not by ${probesText(alternative)}: ${why}`);
    };
    for (const alternative of alternatives) {
      const why = whyNot(features, alternative);
      if (why !== undefined) {
        ruleOut(alternative, why);
        continue;
      }
      let bpf: BPF | undefined;
      try {
        bpf = await BPF.load({ ...options, ...alternative.load });
        await alternative.attach?.(bpf);
        options.log?.(`probes: ${probesText(alternative)}`);
        return { bpf, chosen: alternative };
      } catch (error) {
        bpf?.close();
        if (!kernelCannot(error)) throw error;
        last = error;
        if (error instanceof PrivilegeError) denied ??= error;
        ruleOut(alternative, error.message);
      }
    }
    // If all that was tried failed for one reason, that error says it best.
    if (last !== undefined && out.length === 1) throw last;
    // Nothing is said about the kernel before it was asked by somebody who may.
    if (denied !== undefined) throw denied;
    throw noneLeft(out, 'way to see this', last);
  }

  /** A map by its C name. `K` and `V` are what the codecs give: bigint for 64-bit integers, strings for char arrays, objects for structs. */
  map<K = MapValue, V = MapValue>(name: string): Table<K, V> {
    let table = this.tables.get(name);
    if (!table) {
      const loaded = this.object.maps.get(name);
      if (!loaded) throw this.unknown('map', name, [...this.object.maps.keys()]);
      const typed: AnyMap = openMap(loaded, this.kernel, this.spec.btf ? { btf: this.spec.btf } : {});
      const { perfBuffers, ringBuffers } = this;
      const open = <T>(options: EventOptions<T>): EventStream<T> => this.events(name, options);
      this.tables.set(name, (table = new Table(typed, { open, perfBuffers, ringBuffers })));
    }
    return table as unknown as Table<K, V>;
  }

  /** Names of the maps that the text declares. */
  get maps(): readonly string[] {
    return [...this.object.maps.keys()].filter((name) => !name.startsWith('.'));
  }

  /**
   * The records that programs submit to a ring buffer (Linux 5.8) or perf buffer, typed as the program submits them:
   *
   *   for await (const event of b.events<{ pid: number; comm: string }>('events')) …
   *
   * What does not fit while nobody reads is lost, and counted (`lost`). One stream for a map at a time.
   */
  events<T = BtfRecord>(name: string, options: EventOptions<T> = {}): EventStream<T> {
    const loaded = this.object.maps.get(name);
    if (!loaded) throw this.unknown('map', name, [...this.object.maps.keys()]);
    if (this.streams.has(name)) throw new UsageError(`the events of '${name}' are being read already`, [], 'close the other stream first');
    const stream = openEvents<T>(loaded, { kernel: this.kernel, btf: this.spec.btf, lost: () => Number(this.lost(name)) }, options);
    this.streams.set(name, stream);
    stream.onClose(() => {
      this.streams.delete(name);
      if (loaded.spec.type === 'perf_event_array') this.lostBefore.set(name, (this.lostBefore.get(name) ?? 0) + stream.lost);
    });
    return stream;
  }

  /** Waits up to `timeout` ms (for ever without) for records of buffers opened with `openPerfBuffer`, and hands over what is there. */
  perfBufferPoll(timeout = -1): Promise<number> {
    return this.perfBuffers.poll(timeout);
  }

  /** Hands over what is there, without waiting. */
  perfBufferConsume(): number {
    return this.perfBuffers.consume();
  }

  /** Waits up to `timeout` ms (for ever without) for records of buffers opened with `openRingBuffer`, and hands over what is there. */
  ringBufferPoll(timeout = -1): Promise<number> {
    return this.ringBuffers.poll(timeout);
  }

  /** Hands over what is there, without waiting. */
  ringBufferConsume(): number {
    return this.ringBuffers.consume();
  }

  /** How often the kernel did not run a program because it was running on that CPU already. Linux 5.12; 0 before. */
  missed(): bigint {
    let missed = 0n;
    for (const { fd } of this.object.loads) missed += progInfo(this.kernel, fd).recursion_misses;
    return missed;
  }

  /** A ring buffer that this process writes and a program reads (BPF_MAP_TYPE_USER_RINGBUF, Linux 6.1). */
  userRing<T = MapInput>(name: string, options: UserRingOptions = {}): UserRing<T> {
    const loaded = this.object.maps.get(name) ?? this.noMap(name);
    const ring = new UserRing<T>(this.kernel, loaded, this.spec.btf, options);
    this.userRings.add(ring as UserRing<never>);
    return ring;
  }

  /** A global variable, live: `b.global<bigint>('total').value`. Constants can only be read. */
  global<T = MapValue>(name: string): Variable<T> {
    const variable = this.spec.variables.get(name);
    const section = variable && this.object.maps.get(variable.map);
    if (!variable || !section) throw this.unknown('global variable', name, this.globals);
    const codec: unknown = variableCodec(this.spec.btf, variable);
    return new Variable<T>(variable, this.sections.of(section), codec as ValueCodec<T, In<T>>);
  }

  /** Names of the global variables that programs use. */
  get globals(): readonly string[] {
    return [...this.spec.variables.keys()].filter((name) => !name.startsWith(LOST_PREFIX));
  }

  /**
   * How often a program could not put something into this map: it was full, or a record did not fit. Of a perf buffer
   * what its streams lost (`EventStream.lost`), those that are closed included.
   */
  lost(name: string): bigint {
    if (this.spec.variables.has(`${LOST_PREFIX}${name}`)) return this.global<bigint>(`${LOST_PREFIX}${name}`).value;
    const map = this.object.maps.get(name) ?? this.noMap(name);
    if (map.spec.type !== 'perf_event_array') return 0n;
    return BigInt((this.lostBefore.get(name) ?? 0) + (this.streams.get(name)?.lost ?? 0));
  }

  /** Everything that is attached. */
  get attached(): readonly Attachment[] {
    return [...this.attachments].filter((attachment) => attachment.attached);
  }

  /** Loads a function as a program of a type, or gives the one loaded. */
  program(fn: string, type?: string): LoadedProgram {
    const loaded = type === undefined ? this.object.programs.get(fn) : undefined;
    if (loaded) return loaded;
    const known = this.specOf(fn);
    if (!this.open) throw closedError(`'${this.spec.name}', which program '${fn}' belongs to,`);
    return this.object.load(type === undefined || known.type === type ? known : { ...known, type });
  }

  protected specOf(fn: string): ProgramSpec {
    const known = this.spec.programs.find((program) => program.name === fn);
    if (!known)
      throw this.unknown(
        'program',
        fn,
        this.spec.programs.map((program) => program.name),
      );
    return known;
  }

  private unknown(what: string, name: string, names: readonly string[]): UsageError {
    if (!this.open) return closedError(`'${this.spec.name}', which ${what} '${name}' belongs to,`);
    const known = names.filter((candidate) => !candidate.startsWith('.'));
    if (typeof name !== 'string') return new UsageError(`the name of a ${what} is a text; it has ${known.join(', ')}`);
    return new UsageError(
      `there is no ${what} '${name}' in ${this.spec.name}${known.length === 0 ? '' : ` (it has ${known.join(', ')})`}`,
      similar(name, known),
    );
  }

  protected noMap(name: string): never {
    throw this.unknown('map', name, [...this.object.maps.keys()]);
  }

  protected keep<A extends Attachment>(attachment: A): A {
    this.attachments.add(attachment);
    this.log(`attached ${attachment.program} to ${attachment.kind} ${attachment.target} (${attachment.via})`);
    return attachment;
  }

  /** Detaches everything and frees it. Harmless to call again. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const attachment of [...this.attachments].reverse()) attachment.detach();
    this.attachments.clear();
    for (const stream of [...this.streams.values()]) stream.close();
    for (const ring of this.userRings) ring.close();
    this.sections.close();
    withdraw(this.object);
    this.closeTrace();
    this.object.close();
    this.closeSymbols();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
