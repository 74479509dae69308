/**
 * A BTF with some types said differently. Ids and names stay; so searches are the source's own.
 *
 * What compilers leave open (where variables lie), and what the kernel wants to hear (no external variables), are
 * small changes to BTF that is otherwise read lazily.
 */
import { BtfError } from './error.ts';
import type { BtfKind, BtfSource, BtfType } from './types.ts';

export class BtfOverlay implements BtfSource {
  readonly #source: BtfSource;
  readonly #replaced: ReadonlyMap<number, BtfType>;
  /** Types after the source's last. */
  readonly #added: readonly BtfType[];

  constructor(source: BtfSource, replaced: ReadonlyMap<number, BtfType>, added: readonly BtfType[] = []) {
    for (const [id, type] of replaced) {
      const before = source.type(id);
      if (before.kind !== type.kind || ('name' in before && 'name' in type && before.name !== type.name)) {
        throw new BtfError('badType', 'only a type of the same kind and name can replace another', id);
      }
    }
    this.#source = source;
    this.#replaced = replaced;
    this.#added = added;
  }

  get size(): number {
    return this.#source.size + this.#added.length;
  }

  type(id: number): BtfType {
    return this.#replaced.get(id) ?? this.#added[id - this.#source.size] ?? this.#source.type(id);
  }

  find(name: string, ...kinds: BtfKind[]): number | undefined {
    return this.#source.find(name, ...kinds);
  }

  findAll(name: string, ...kinds: BtfKind[]): number[] {
    return this.#source.findAll(name, ...kinds);
  }

  findEnumerator(name: string): { readonly id: number; readonly value: bigint } | undefined {
    return this.#source.findEnumerator(name);
  }

  enumeratorNames(beginning: string): Iterable<string> {
    return this.#source.enumeratorNames?.(beginning) ?? [];
  }

  similar(name: string, ...kinds: BtfKind[]): string[] {
    return this.#source.similar(name, ...kinds);
  }
}
