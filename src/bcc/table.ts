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
import { type EventOptions, openEvents } from '../events/open.ts';
import type { EventPoller } from '../events/poller.ts';
import type { EventStream } from '../events/stream.ts';
import { UsageError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import type { Kernel } from '../kernel/port.ts';
import type { MapValue } from '../maps/codec.ts';
import type { AnyMap } from '../maps/open.ts';
import { PerCpuMap } from '../maps/per-cpu.ts';
import { openMapById, openPinnedMap, unpin } from '../maps/pinned.ts';
import { type Count, type HistogramOptions, type HistogramRow, linearLines, log2Lines, log2Rows } from '../render/histogram.ts';
import { safe } from '../render/safe.ts';
import { collectHistograms, collectSlots } from './histograms.ts';
import { TableAccess } from './table-access.ts';

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

export class Table<K = MapValue, V = MapValue> extends TableAccess<K, V> {
  private readonly owner: TableOwner | undefined;

  constructor(map: AnyMap, owner?: TableOwner) {
    super(map);
    this.owner = owner;
  }

  /** The map pinned at a path, of this program or another, with the types that it was made with. Close it when done. */
  static openPinned<K = MapValue, V = MapValue>(path: string, kernel: Kernel = linuxKernel()): Table<K, V> {
    return new Table<K, V>(openPinnedMap(kernel, path));
  }

  /** The map with an id, as `bpftool map` lists them. Close it when done. Needs CAP_SYS_ADMIN. */
  static openById<K = MapValue, V = MapValue>(id: number, kernel: Kernel = linuxKernel()): Table<K, V> {
    return new Table<K, V>(openMapById(kernel, id));
  }

  /** Takes a map's name out of the bpf file system. */
  static unpin(path: string, kernel: Kernel = linuxKernel()): void {
    unpin(kernel, path);
  }

  /**
   * The records of a ring or perf buffer: of a table of a `BPF` as `b.events(name)` gives them. One that was opened by
   * itself does not know their type: `{ type: 'bytes' }`, or a `decode` of the caller's. Close the stream before the table.
   */
  events<T = BtfRecord>(options: EventOptions<T> = {}): EventStream<T> {
    const { owner, map } = this;
    return owner === undefined ? openEvents<T>(map, { kernel: map.kernel, btf: map.btf }, options) : owner.open(options);
  }

  /** Opens a perf buffer whose records `perfBufferPoll` of the `BPF` hands to the callback. Without `onLost`, losses are said on stderr. */
  openPerfBuffer<T = BtfRecord>(onEvent: OnEvent<T>, options: EventOptions<T> = {}): EventStream<T> {
    return this.openBuffer('perf_event_array', onEvent, options);
  }

  /** Opens a ring buffer whose records `ringBufferPoll` of the `BPF` hands to the callback. */
  openRingBuffer<T = BtfRecord>(onEvent: OnEvent<T>, options: EventOptions<T> = {}): EventStream<T> {
    return this.openBuffer('ringbuf', onEvent, options);
  }

  private openBuffer<T>(type: 'ringbuf' | 'perf_event_array', onEvent: OnEvent<T>, options: EventOptions<T>): EventStream<T> {
    const { owner, name } = this;
    const [method, poll] = type === 'ringbuf' ? ['openRingBuffer', 'ringBufferPoll'] : ['openPerfBuffer', 'perfBufferPoll'];
    if (this.type !== type) throw this.cannot(method);
    if (owner === undefined)
      throw new UsageError(
        `'${name}' was opened by itself, so there is no BPF whose ${poll}() would hand over what ${method}() is called for`,
        [],
        `read it with table.events({ type: 'bytes' }), or load a program that uses it: BPF.load({ text, maps: { ${name}: table } }), then b.map('${name}').${method}(…)`,
      );
    const stream = owner.open({ ...options, onLost: options.onLost ?? sayLost });
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
      if (section !== undefined) print(`\n${safe(options.section ?? 'Bucket ptr')} = ${safe((options.format ?? String)(section))}`);
      for (const line of lines(slots)) print(line);
    }
  }

  /** Entries with per-CPU counts added up. */
  private counts(): Iterable<readonly [unknown, unknown]> {
    return this.map instanceof PerCpuMap ? this.map.reduced() : this.entries();
  }
}

/** BCC's words. */
function sayLost(count: number): void {
  process.stderr.write(`Possibly lost ${count} samples\n`);
}
