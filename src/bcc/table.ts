/**
 * A map as BCC's users know it: a dictionary with histograms.
 *
 *   const dist = b.map('dist');
 *   for (const [key, count] of dist.entries()) …
 *   dist.printLog2Hist('Kbytes', { section: 'Process Name' });
 *
 * It rests on the typed maps of `maps/` (reached through `table.map`) and asks of them only what all families share;
 * what a family cannot do is an error that names both.
 */
import type { BtfRecord } from '../btf/codec.ts';
import type { EventOptions } from '../events/open.ts';
import type { EventPoller } from '../events/poller.ts';
import type { EventStream } from '../events/stream.ts';
import { UsageError } from '../kernel/errors.ts';
import type { MapInput, MapValue } from '../maps/codec.ts';
import type { AnyMap } from '../maps/open.ts';
import { PerCpuMap } from '../maps/per-cpu.ts';
import { StackTraceMap } from '../maps/stack-trace.ts';
import { type Count, type HistogramOptions, type HistogramRow, linearLines, log2Lines, log2Rows } from '../render/histogram.ts';
import { safe } from '../render/safe.ts';
import { collectHistograms, collectSlots } from './histograms.ts';

export interface PrintOptions extends HistogramOptions {
  /** What a section is called: 'Process Name'. BCC's default is 'Bucket ptr'. */
  readonly section?: string;
  /** Text of a section's value; made safe for the terminal afterwards. */
  readonly format?: (section: unknown) => string;
  /** Order of the sections; without, the map's. */
  readonly sort?: (sections: unknown[]) => unknown[];
  /** Where lines go; without, stdout. */
  readonly print?: (line: string) => void;
}

/** What a table needs of the object it belongs to. */
export interface TableOwner {
  open<T>(options: EventOptions<T>): EventStream<T>;
  readonly perfBuffers: EventPoller;
  readonly ringBuffers: EventPoller;
}

/** Called for each record. `cpu` is -1 for ring buffers, which do not tell. */
export type OnEvent<T> = (event: T, cpu: number) => void;

/** What a caller may give as a key or value. */
type Given<T> = T extends MapValue ? MapInput : T;

export class Table<K = MapValue, V = MapValue> {
  /** The typed map below, with all that its family can do. */
  readonly map: AnyMap;

  private readonly owner: TableOwner | undefined;

  constructor(map: AnyMap, owner?: TableOwner) {
    this.map = map;
    this.owner = owner;
  }

  get name(): string {
    return this.map.name;
  }

  get fd(): number {
    return this.map.fd;
  }

  get type(): string {
    return this.map.spec.type;
  }

  get maxEntries(): number {
    return this.map.spec.maxEntries;
  }

  /** Undefined where there is no such key. For per-CPU maps an array with a value for each possible CPU. */
  get(key: Given<K>): V | undefined {
    return this.can('get')(key) as V | undefined;
  }

  set(key: Given<K>, value: Given<V>): void {
    this.can('set')(key, value);
  }

  has(key: Given<K>): boolean {
    return this.get(key) !== undefined;
  }

  /** False where there was no such key. In arrays the value becomes zero, as in BCC. */
  delete(key: Given<K>): boolean {
    return this.can('delete')(key) !== false;
  }

  /** Ends also on a map that programs are writing to; what changes meanwhile may or may not be seen. */
  entries(): Generator<[K, V], void, undefined> {
    return this.can('entries')() as Generator<[K, V], void, undefined>;
  }

  *keys(): Generator<K, void, undefined> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<V, void, undefined> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /** Reads and removes, in batches where the kernel has them: what is counted between is not lost. */
  drain(): Generator<[K, V], void, undefined> {
    return this.can('drain')() as Generator<[K, V], void, undefined>;
  }

  get size(): number {
    const { map } = this;
    if ('size' in map) return map.size;
    throw this.cannot('size');
  }

  /** Removes every entry (zeroes those of an array). */
  clear(): void {
    this.can('clear')();
  }

  /** Sets every value to zero and keeps the keys. */
  zero(): void {
    this.can('zero')();
  }

  /**
   * The addresses of a stack trace, innermost first. A negative id, as bpf_get_stackid() gives where there was no stack,
   * and one that is not there any more have none.
   */
  walk(stackId: number): bigint[];
  walk<T>(stackId: number, resolve: (address: bigint) => T): T[];
  walk(stackId: number, resolve?: (address: bigint) => unknown): unknown[] {
    if (!(this.map instanceof StackTraceMap)) throw this.cannot('walk');
    const addresses = this.map.get(stackId) ?? [];
    return resolve ? addresses.map((address) => resolve(address)) : addresses;
  }

  /** Opens a perf buffer whose records `perfBufferPoll` of the `BPF` hands to the callback. */
  openPerfBuffer<T = BtfRecord>(onEvent: OnEvent<T>, options: EventOptions<T> = {}): EventStream<T> {
    return this.openBuffer('perf_event_array', onEvent, options);
  }

  /** Opens a ring buffer whose records `ringBufferPoll` of the `BPF` hands to the callback. */
  openRingBuffer<T = BtfRecord>(onEvent: OnEvent<T>, options: EventOptions<T> = {}): EventStream<T> {
    return this.openBuffer('ringbuf', onEvent, options);
  }

  private openBuffer<T>(type: 'ringbuf' | 'perf_event_array', onEvent: OnEvent<T>, options: EventOptions<T>): EventStream<T> {
    const { owner } = this;
    if (this.type !== type || owner === undefined) throw this.cannot(type === 'ringbuf' ? 'openRingBuffer' : 'openPerfBuffer');
    const stream = owner.open(options);
    (type === 'ringbuf' ? owner.ringBuffers : owner.perfBuffers).add(stream, onEvent);
    return stream;
  }

  /** Slots by section (struct keys) or one section `undefined` (integer keys). */
  histograms(): { readonly section: unknown; readonly slots: Count[] }[] {
    const entries = [...this.counts()];
    const [first] = entries;
    if (first === undefined) return [];
    return typeof first[0] === 'object' ? collectHistograms(entries) : [{ section: undefined, slots: collectSlots(entries) }];
  }

  /** Prints power-of-two histograms as BCC does, one for each section. */
  printLog2Hist(unit = 'value', options: PrintOptions = {}): void {
    this.printSections(options, (slots) => log2Lines(slots, unit, options));
  }

  printLinearHist(unit = 'value', options: PrintOptions = {}): void {
    this.printSections(options, (slots) => linearLines(slots, unit));
  }

  /** The rows that `printLog2Hist` shows, as data. */
  log2Hist(): { readonly section: unknown; readonly rows: HistogramRow[] }[] {
    return this.histograms().map(({ section, slots }) => ({ section, rows: log2Rows(slots) }));
  }

  private printSections(options: PrintOptions, lines: (slots: readonly Count[]) => string[]): void {
    const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
    let found = this.histograms();
    if (options.sort) {
      const order = options.sort(found.map(({ section }) => section));
      found = found.toSorted((a, b) => order.indexOf(a.section) - order.indexOf(b.section));
    }
    for (const { section, slots } of found) {
      if (section !== undefined) print(`\n${options.section ?? 'Bucket ptr'} = ${safe((options.format ?? String)(section))}`);
      for (const line of lines(slots)) print(line);
    }
  }

  /** Entries with per-CPU counts added up. */
  private counts(): Iterable<readonly [unknown, unknown]> {
    return this.map instanceof PerCpuMap ? this.map.reduced() : this.entries();
  }

  private can(method: string): (...args: readonly unknown[]) => unknown {
    const found = (this.map as unknown as Record<string, unknown>)[method];
    if (typeof found !== 'function') throw this.cannot(method);
    return (...args) => (found as (...args: readonly unknown[]) => unknown).apply(this.map, [...args]);
  }

  private cannot(what: string): UsageError {
    return new UsageError(`a map of type ${this.type} ('${this.name}') has no ${what}()`);
  }
}
