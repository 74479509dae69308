/**
 * A symbol table that stays bytes: a browser has a million symbols, and who looks one up wants one.
 *
 * `at` makes an object of one symbol; `columns` takes all of them out at once for sorting by address.
 */
import { SHN } from './constants.ts';
import type { ElfStrings } from './strings.ts';

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  readonly value: bigint;
  readonly size: bigint;
  /** `STB`. */
  readonly binding: number;
  /** `STT`. */
  readonly type: number;
  /** `STV`. */
  readonly visibility: number;
  /** Index of the section, or `SHN`. */
  readonly section: number;
}

export interface SymbolColumns {
  /** As doubles: exact below 2^53, where all addresses of user space are. */
  readonly values: Float64Array;
  readonly sizes: Float64Array;
  /** Offsets into `strings`. */
  readonly names: Uint32Array;
  readonly types: Uint8Array;
  readonly bindings: Uint8Array;
  readonly sections: Uint32Array;
}

/** '@' */
const VERSION_MARK = 0x40;

export class ElfSymbols implements Iterable<ElfSymbol> {
  readonly length: number;
  readonly strings: ElfStrings;
  readonly #view: DataView;
  readonly #wide: boolean;
  readonly #little: boolean;
  readonly #step: number;
  readonly #sections: DataView | undefined;

  constructor(bytes: Uint8Array, strings: ElfStrings, bits: 32 | 64, littleEndian: boolean, wideSections?: Uint8Array) {
    this.strings = strings;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#wide = bits === 64;
    this.#little = littleEndian;
    this.#step = bits === 64 ? 24 : 16;
    this.length = Math.floor(bytes.length / this.#step);
    this.#sections = wideSections && new DataView(wideSections.buffer, wideSections.byteOffset, wideSections.byteLength);
  }

  at(index: number): ElfSymbol | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    const at = index * this.#step;
    const info = this.#view.getUint8(at + (this.#wide ? 4 : 12));
    return {
      index,
      name: this.strings.at(this.#view.getUint32(at, this.#little)),
      value: this.#value(at),
      size: this.#size(at),
      binding: info >> 4,
      type: info & 0xf,
      visibility: this.#view.getUint8(at + (this.#wide ? 5 : 13)) & 3,
      section: this.#section(index),
    };
  }

  *[Symbol.iterator](): Generator<ElfSymbol> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as ElfSymbol;
  }

  /** All symbols of that name with a definition, whatever version a linker wrote behind it ('name@@VERSION'). */
  *named(name: string): Generator<ElfSymbol, void, undefined> {
    const wanted = new TextEncoder().encode(name);
    for (let i = 0; i < this.length; i++) {
      const offset = this.#view.getUint32(i * this.#step, this.#little);
      const matches = this.strings.equals(offset, wanted) || this.strings.equals(offset, wanted, VERSION_MARK);
      if (matches && this.#section(i) !== SHN.UNDEF) yield this.at(i) as ElfSymbol;
    }
  }

  /** The first symbol of that name with a definition. */
  find(name: string): ElfSymbol | undefined {
    const wanted = new TextEncoder().encode(name);
    for (let i = 0; i < this.length; i++) {
      const offset = this.#view.getUint32(i * this.#step, this.#little);
      if (this.strings.equals(offset, wanted) && this.#section(i) !== SHN.UNDEF) return this.at(i);
    }
    return undefined;
  }

  columns(): SymbolColumns {
    const { length } = this;
    const columns = {
      values: new Float64Array(length),
      sizes: new Float64Array(length),
      names: new Uint32Array(length),
      types: new Uint8Array(length),
      bindings: new Uint8Array(length),
      sections: new Uint32Array(length),
    };
    for (let i = 0, at = 0; i < length; i++, at += this.#step) {
      const info = this.#view.getUint8(at + (this.#wide ? 4 : 12));
      columns.names[i] = this.#view.getUint32(at, this.#little);
      columns.types[i] = info & 0xf;
      columns.bindings[i] = info >> 4;
      columns.sections[i] = this.#section(i);
      columns.values[i] = this.#wide ? this.#number(at + 8) : this.#view.getUint32(at + 4, this.#little);
      columns.sizes[i] = this.#wide ? this.#number(at + 16) : this.#view.getUint32(at + 8, this.#little);
    }
    return columns;
  }

  #value(at: number): bigint {
    return this.#wide ? this.#view.getBigUint64(at + 8, this.#little) : BigInt(this.#view.getUint32(at + 4, this.#little));
  }

  #size(at: number): bigint {
    return this.#wide ? this.#view.getBigUint64(at + 16, this.#little) : BigInt(this.#view.getUint32(at + 8, this.#little));
  }

  /** 64 bits without a bigint between. */
  #number(at: number): number {
    const low = this.#view.getUint32(this.#little ? at : at + 4, this.#little);
    return this.#view.getUint32(this.#little ? at + 4 : at, this.#little) * 2 ** 32 + low;
  }

  #section(index: number): number {
    const short = this.#view.getUint16(index * this.#step + (this.#wide ? 6 : 14), this.#little);
    if (short !== SHN.XINDEX || this.#sections === undefined || index * 4 + 4 > this.#sections.byteLength) return short;
    return this.#sections.getUint32(index * 4, this.#little);
  }
}
