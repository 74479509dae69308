/**
 * /proc/kallsyms: the kernel's functions by address and by name.
 *
 *   ffffffff81000000 T _stext
 *   ffffffffc0a1c010 t nf_nat_init    [nf_nat]
 *
 * Parsed in one pass over the bytes; names are decoded when asked for. Without CAP_SYSLOG (or with kptr_restrict) all
 * addresses are zero: then nothing can be named, and `hidden` says so.
 */
import type { Kernel } from '../kernel/port.ts';
import { AddressTable, addressKey } from './table.ts';

export interface KernelSymbol {
  readonly name: string;
  /** '' for the kernel proper. */
  readonly module: string;
  /** Bytes from its start. */
  readonly offset: number;
}

const TWO_32 = 2 ** 32;
/** Symbols that may hold the instruction an address points to. */
const CODE = new Set('tTwW'.split('').map((c) => c.charCodeAt(0)));

export class Kallsyms {
  /** Every address reads as zero: the process may not see them. */
  readonly hidden: boolean;
  private readonly bytes: Uint8Array;
  private readonly lines: Uint32Array;
  private readonly table: AddressTable;
  private readonly keys: Float64Array;
  private byName: Map<string, number> | undefined;
  /** Those that were asked for: a stack has the same functions again and again. */
  private readonly known = new Map<number, { readonly name: string; readonly module: string }>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const lines: number[] = [];
    const keys: number[] = [];
    let nonzero = false;
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at);
      const stop = end < 0 ? bytes.length : end;
      // Sixteen digits, a space, the type, a space, the name.
      if (stop - at > 19 && CODE.has(bytes[at + 17] as number)) {
        const key = (hex(bytes, at) | 0) * TWO_32 + (hex(bytes, at + 8) >>> 0);
        nonzero ||= key !== 0;
        lines.push(at + 19);
        keys.push(key);
      }
      at = stop + 1;
    }
    this.lines = Uint32Array.from(lines);
    this.keys = Float64Array.from(keys);
    this.hidden = !nonzero && keys.length > 0;
    this.table = new AddressTable(this.keys);
  }

  get size(): number {
    return this.lines.length;
  }

  /** The function that holds an address; undefined where none begins before it, and for addresses of user space. */
  find(address: bigint): KernelSymbol | undefined {
    const key = addressKey(address);
    // The kernel lies in the upper half, which is negative here; what lies behind its last symbol would be all of user space.
    const found = key < 0 && !this.hidden ? this.table.find(key) : undefined;
    if (!found) return undefined;
    let symbol = this.known.get(found.index);
    if (!symbol) this.known.set(found.index, (symbol = this.symbol(found.index)));
    return { name: symbol.name, module: symbol.module, offset: found.offset };
  }

  /** Address of a function by its exact name. */
  address(name: string): bigint | undefined {
    if (!this.byName) {
      this.byName = new Map();
      for (let i = this.lines.length - 1; i >= 0; i--) this.byName.set(this.symbol(i).name, i);
    }
    const index = this.byName.get(name);
    return index === undefined || this.hidden ? undefined : BigInt.asUintN(64, BigInt(this.keys[index] as number));
  }

  /** All function names with their modules, in the kernel's order. */
  *names(): Generator<{ readonly name: string; readonly module: string }> {
    for (let i = 0; i < this.lines.length; i++) yield this.symbol(i);
  }

  private symbol(index: number): { name: string; module: string } {
    const at = this.lines[index] as number;
    const end = this.bytes.indexOf(10, at);
    const text = decoder.decode(this.bytes.subarray(at, end < 0 ? this.bytes.length : end));
    const tab = text.indexOf('\t');
    return tab < 0 ? { name: text, module: '' } : { name: text.slice(0, tab), module: text.slice(tab + 2, -1) };
  }
}

export function readKallsyms(kernel: Kernel): Kallsyms {
  return new Kallsyms(kernel.readFile('/proc/kallsyms'));
}

const decoder = new TextDecoder('latin1');

/** Eight hexadecimal digits as a 32-bit number. */
function hex(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const c = bytes[i] as number;
    value = (value << 4) | (c <= 57 ? c - 48 : (c | 32) - 87);
  }
  return value;
}
