/**
 * Ids of the kernel's types by name, kept from run to run: a tool asks for a handful, and finding the first one takes a
 * pass over all types and a hash of all their names, as long as the rest of its start.
 *
 *   find('vfs_read', 'func') ─▶ known for this kernel image? ─▶ the id; nothing is read
 *                              └─ else ─▶ /sys/kernel/btf/vmlinux, and kept for the next run
 *
 * An image is known by its notes, which hold its build id: the same image has the same types under the same ids.
 */
import type { BtfKind, BtfSource, BtfType } from '../btf/types.ts';
import { type Kernel, KernelError } from './port.ts';
import { sealed, unsealed } from './sealed.ts';

/** Where they are kept. */
export interface TypeIdStore {
  /** What was kept, likeliest first. */
  read(): Iterable<string>;
  /** Failing is no error. */
  write(text: string): void;
}

/** Some programs ask for thousands of functions. */
const MOST = 2000;
const NONE = 0;

export class KnownTypeIds {
  readonly #kernel: Kernel;
  readonly #store: TypeIdStore;
  #ids: Map<string, number> | undefined;
  #changed = false;

  constructor(kernel: Kernel, store: TypeIdStore) {
    this.#kernel = kernel;
    this.#store = store;
  }

  /** None were kept for this image. */
  get empty(): boolean {
    return this.#known().size === 0;
  }

  /** As `BtfSource.find`, of ids that are known or are asked for now. */
  find(name: string, kinds: readonly BtfKind[], ask: () => number | undefined): number | undefined {
    const ids = this.#known();
    const key = [...kinds, name].join(' ');
    let id = ids.get(key);
    if (id === undefined) {
      id = ask() ?? NONE;
      if (ids.size < MOST) {
        ids.set(key, id);
        this.#changed = true;
      }
    }
    return id === NONE ? undefined : id;
  }

  /** Keeps what is new since. */
  save(): void {
    const image = this.#changed ? imageOf(this.#kernel) : undefined;
    if (image === undefined) return;
    this.#changed = false;
    this.#store.write(sealed(JSON.stringify({ image, ids: Object.fromEntries(this.#known()) })));
  }

  #known(): Map<string, number> {
    return (this.#ids ??= this.#read());
  }

  #read(): Map<string, number> {
    const image = imageOf(this.#kernel);
    if (image === undefined) return new Map();
    for (const text of this.#store.read()) {
      const ids = idsOf(text, image);
      if (ids !== undefined) return ids;
    }
    return new Map();
  }
}

function idsOf(text: string, image: string): Map<string, number> | undefined {
  try {
    const content = unsealed(text);
    if (content === undefined) return undefined;
    const kept = JSON.parse(content) as { readonly image: string; readonly ids: Readonly<Record<string, number>> };
    return kept.image === image ? new Map(Object.entries(kept.ids)) : undefined;
  } catch {
    // Not what is written here.
    return undefined;
  }
}

/** The notes of the kernel's image; undefined where it does not show them. */
export function imageOf(kernel: Kernel): string | undefined {
  try {
    return Buffer.from(kernel.readFile('/sys/kernel/notes')).toString('base64');
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** Types that are read when something is asked that is not known. */
export class RememberedBtf implements BtfSource {
  readonly #known: KnownTypeIds;
  readonly #read: () => BtfSource;
  #types: BtfSource | undefined;

  constructor(known: KnownTypeIds, read: () => BtfSource) {
    this.#known = known;
    this.#read = read;
  }

  /** Themselves, for who asks for much. */
  get all(): BtfSource {
    return (this.#types ??= this.#read());
  }

  get size(): number {
    return this.all.size;
  }

  type(id: number): BtfType {
    return this.all.type(id);
  }

  find(name: string, ...kinds: BtfKind[]): number | undefined {
    return this.#known.find(name, kinds, () => this.all.find(name, ...kinds));
  }

  findAll(name: string, ...kinds: BtfKind[]): number[] {
    return this.all.findAll(name, ...kinds);
  }

  findEnumerator(name: string): { readonly id: number; readonly value: bigint } | undefined {
    return this.all.findEnumerator(name);
  }

  enumeratorNames(beginning: string): Iterable<string> {
    return this.all.enumeratorNames?.(beginning) ?? [];
  }

  similar(name: string, ...kinds: BtfKind[]): string[] {
    return this.all.similar(name, ...kinds);
  }
}
