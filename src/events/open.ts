/**
 * From a loaded map to a stream of typed records.
 *
 *   ringbuf           ─▶ Ring (mapped)                       ┐
 *   perf_event_array  ─▶ a PerfRing for each CPU (perf-open) ┴▶ Source ─▶ EventStream, with a decoder made from BTF
 */
import { describeType, type SchemaOptions } from '../btf/codec.ts';
import type { Int64 } from '../btf/schema.ts';
import type { BtfSource } from '../btf/types.ts';
import { UsageError, UserError } from '../kernel/errors.ts';
import { pageSize } from '../kernel/page-size.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { MapHandle } from '../maps/map.ts';
import { copyBytes, type DecoderOptions, type RecordDecoder, recordDecoder } from './decoder.ts';
import { openPerfBuffer, type PerfBufferOptions } from './perf-open.ts';
import { recordTypeOf } from './record-type.ts';
import { Ring } from './ring.ts';
import { ringSource, type Source } from './source.ts';
import { checkOptions, EventStream, type StreamOptions } from './stream.ts';

const INT64: readonly Int64[] = ['bigint', 'number', 'safe'];

export interface EventOptions<T = unknown> extends SchemaOptions, DecoderOptions, PerfBufferOptions, StreamOptions {
  /** Type of the records: 'struct event', or 'bytes' for Uint8Arrays. Without, what the program submits. */
  readonly type?: string;
  /** A decoder of the caller's own, in place of the one made from the type. */
  readonly decode?: RecordDecoder<T>;
}

export interface EventContext {
  readonly kernel: Kernel;
  /** Types of the object. */
  readonly btf?: BtfSource | undefined;
  /** How many records the programs could not put into a ring buffer, where they count that. */
  readonly lost?: () => number;
}

/** Throws `UsageError` for a map that carries no events, or a type that is not known. */
export function openEvents<T>(map: MapHandle, { kernel, btf, lost }: EventContext, options: EventOptions<T> = {}): EventStream<T> {
  const { type } = map.spec;
  // First: another map's records need no type.
  if (type !== 'ringbuf' && type !== 'perf_event_array')
    throw new UsageError(`map '${map.name}' carries no events: it is of type ${type}, not ringbuf or perf_event_array`);
  // Before anything is opened.
  checkOptions(options);
  const { int64 } = options;
  if (int64 !== undefined && !INT64.includes(int64))
    throw new UsageError(`'int64' is one of ${INT64.join(', ')}; '${String(int64)}' is not`);
  const decode = options.decode ?? (decoderFor(map, btf, options) as RecordDecoder<T>);
  const source: Source = type === 'ringbuf' ? ringSource(openRing(kernel, map), lost) : openPerfBuffer(kernel, map, options);
  return new EventStream(kernel, source, decode, options);
}

export function decoderFor(map: MapHandle, btf: BtfSource | undefined, options: EventOptions): RecordDecoder<unknown> {
  if (options.type === 'bytes') return copyBytes;
  const id = recordTypeOf(btf, map.spec, options.type);
  return recordDecoder(describeType(btf as BtfSource, id, options), options);
}

function openRing(kernel: Kernel, map: MapHandle): Ring {
  try {
    return new Ring(kernel, map.fd, map.spec.maxEntries, pageSize(kernel));
  } catch (error) {
    if (error instanceof KernelError) throw new UserError(`opening ring buffer '${map.name}': ${error.message}`, undefined, error);
    throw error;
  }
}
