/**
 * Copying types from one BTF into a builder, with all that they need.
 *
 * A kernel struct reaches half of the kernel through its pointers. By default a pointer to a named record therefore
 * leads to a forward declaration; what lies by value is copied whole.
 */
import type { BtfBuilder } from './builder.ts';
import { BtfError } from './error.ts';
import type { BtfSource, BtfStruct, BtfType } from './types.ts';

export interface CopyOptions {
  /** What pointers to named structs and unions lead to: forward declarations (default), or their copies. */
  readonly behindPointers?: 'forward' | 'full';
}

const MAX_DEPTH = 256;

/** Copies types of one source; asked twice for the same id it gives the same answer. */
export class TypeCopier {
  readonly #from: BtfSource;
  readonly #to: BtfBuilder;
  readonly #full: boolean;
  /** By id in the source: the copy where a complete type is needed, and where a pointer leads to it. */
  readonly #complete = new Map<number, number>();
  readonly #pointedAt = new Map<number, number>();
  /** Records that have an id already, but not yet their members: they may point back. */
  readonly #open: { readonly id: number; readonly type: BtfStruct }[] = [];

  constructor(from: BtfSource, to: BtfBuilder, options: CopyOptions = {}) {
    this.#from = from;
    this.#to = to;
    this.#full = options.behindPointers === 'full';
  }

  copy(id: number): number {
    const copy = this.#copy(id, false, 0);
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      const members = next.type.members.map((m) => ({ ...m, type: this.#copy(m.type, false, 0) }));
      this.#to.define(next.id, { ...next.type, members });
    }
    return copy;
  }

  #copy(id: number, pointed: boolean, depth: number): number {
    if (id === 0) return 0;
    const done = pointed && !this.#full ? this.#pointedAt : this.#complete;
    const known = done.get(id);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, id);
    const type = this.#from.type(id);
    let copy: number;
    if (type.kind !== 'struct' && type.kind !== 'union') {
      copy = this.#to.add(this.#rewritten(type, pointed, depth));
    } else if (pointed && type.name !== '' && !this.#full) {
      copy = this.#to.add({ kind: 'fwd', name: type.name, union: type.kind === 'union' });
    } else {
      copy = this.#to.reserve();
      this.#open.push({ id: copy, type });
    }
    done.set(id, copy);
    return copy;
  }

  #rewritten(type: BtfType, pointed: boolean, depth: number): BtfType {
    const inside = (id: number, pointer: boolean): number => this.#copy(id, pointer, depth + 1);
    switch (type.kind) {
      case 'ptr':
        return { ...type, type: inside(type.type, true) };
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typeTag':
        // A typedef names the whole type, whoever points at it.
        return { ...type, type: inside(type.type, pointed && type.kind !== 'typedef') };
      case 'array':
        return { ...type, element: inside(type.element, false), index: inside(type.index, false) };
      case 'funcProto':
        return {
          ...type,
          returns: inside(type.returns, false),
          params: type.params.map((p) => ({ ...p, type: inside(p.type, false) })),
        };
      case 'func':
      case 'var':
      case 'declTag':
        return { ...type, type: inside(type.type, false) };
      case 'datasec':
        return { ...type, entries: type.entries.map((e) => ({ ...e, type: inside(e.type, false) })) };
      default:
        return type;
    }
  }
}
