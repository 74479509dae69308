/**
 * Global variables of a program, live.
 *
 *   u64 total;  const volatile u32 wanted;      C: one place in a section's only value
 *   b.global<bigint>('total').value             TypeScript: a load from memory that the program writes to
 *
 * Sections are array maps. Since Linux 5.5 they are mapped, and reading or writing one variable touches nothing else;
 * before, the whole section is read and written, and what a program changes in between is lost. `.rodata` can only be
 * read once the program runs: give its values when loading (`globals`). Minimum kernel: 5.2.
 */
import { type Codec, makeCodec, type SchemaOptions } from '../btf/codec.ts';
import { BtfError } from '../btf/error.ts';
import type { BtfSource } from '../btf/types.ts';
import { FeatureError, UsageError } from '../kernel/errors.ts';
import type { Kernel, MappedMemory } from '../kernel/port.ts';
import { closedError } from '../link/descriptor.ts';
import type { VariableSpec } from '../object/spec.ts';
import { type In, integerCodec, type MapInput, type MapValue, type ValueCodec } from './codec.ts';
import { Elements } from './elements.ts';
import type { MapHandle } from './map.ts';
import { mapArray } from './mapped.ts';

/** The sections of one object. Mapped when first looked at. */
export class DataSections {
  readonly #kernel: Kernel;
  readonly #sections = new Map<string, Section>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  of(map: MapHandle): Section {
    let section = this.#sections.get(map.name);
    if (section === undefined) this.#sections.set(map.name, (section = openSection(this.#kernel, map)));
    return section;
  }

  close(): void {
    for (const section of this.#sections.values()) section.close();
    this.#sections.clear();
  }
}

interface Section {
  readonly name: string;
  readonly writable: boolean;
  /** The bytes as they are now. */
  read(): DataView;
  /** Changes some of them. */
  write(change: (view: DataView) => void): void;
  /** The memory itself, where it is mapped. */
  readonly memory: MappedMemory | undefined;
  close(): void;
}

function openSection(kernel: Kernel, map: MapHandle): Section {
  try {
    const memory = mapArray(kernel, map);
    const view = new DataView(memory.buffer);
    let open = true;
    const opened = (): DataView => {
      // Where the memory was there are empty pages now: zeros that nobody wrote.
      if (!open) throw closedError(`the section '${map.name}'`);
      return view;
    };
    return {
      name: map.name,
      writable: memory.write,
      read: opened,
      write: (change) => change(opened()),
      memory,
      close: () => {
        open = false;
        memory.unmap();
      },
    };
  } catch (error) {
    if (!(error instanceof FeatureError || error instanceof UsageError)) throw error;
  }
  const elements = new Elements(kernel, map, map.spec.keySize, map.spec.valueSize);
  return {
    name: map.name,
    writable: map.spec.frozen !== true,
    read: () => {
      elements.lookup();
      return elements.value;
    },
    write: (change) => {
      elements.lookup();
      change(elements.value);
      elements.update();
    },
    memory: undefined,
    close: () => {},
  };
}

export class Variable<T = MapValue> {
  readonly name: string;
  readonly #section: Section;
  readonly #offset: number;
  readonly #codec: ValueCodec<T, In<T>>;

  constructor(spec: VariableSpec, section: Section, codec: ValueCodec<T, In<T>>) {
    this.name = spec.name;
    this.#section = section;
    this.#offset = spec.offset;
    this.#codec = codec;
  }

  get value(): T {
    return this.#codec.decode(this.#section.read(), this.#offset);
  }

  set value(value: In<T>) {
    if (!this.#section.writable) throw new UsageError(`'${this.name}' is constant (${this.#section.name}): give its value when loading`);
    this.#section.write((view) => naming(this.name, () => this.#codec.encode(view, this.#offset, value)));
  }

  /** Adds to an integer of four or eight bytes in one step, as programs do; gives what it was before. Linux 5.5. */
  add(by: number | bigint): bigint {
    const { memory, writable } = this.#section;
    const { size } = this.#codec;
    if (memory === undefined || !writable || (size !== 4 && size !== 8))
      throw new UsageError(`'${this.name}' cannot be added to in one step: that takes a variable of 4 or 8 bytes in mapped memory`);
    if (typeof by !== 'bigint' && !Number.isSafeInteger(by))
      throw new UsageError(`global variable '${this.name}': a whole number can be added, not ${String(by)}`);
    this.#section.read();
    if (size === 8) return Atomics.add(new BigInt64Array(memory.buffer, this.#offset, 1), 0, BigInt(by));
    return BigInt(Atomics.add(new Int32Array(memory.buffer, this.#offset, 1), 0, Number(by)));
  }
}

/** What is given for a variable and does not fit its type is the user's mistake: an error that names the variable. */
export function naming<T>(name: string, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof BtfError) || error.code !== 'value') throw error;
    throw new UsageError(`global variable '${name}': ${error.message}`, [], undefined, error);
  }
}

/** Between bytes and values of a variable. */
export function variableCodec(btf: BtfSource | undefined, spec: VariableSpec, options: SchemaOptions = {}): ValueCodec<MapValue, MapInput> {
  if (btf !== undefined && spec.type !== 0) return makeCodec(btf, spec.type, options) satisfies Codec;
  if (spec.size === 1 || spec.size === 2 || spec.size === 4 || spec.size === 8) return integerCodec(spec.size, options);
  throw new UsageError(`'${spec.name}' has no type: only integers can be read without`);
}
