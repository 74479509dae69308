/**
 * The functions of a binary, for probes: names to offsets in the file.
 *
 *   name, pattern ─▶ symbol (.symtab, .dynsym, debug file) ─▶ virtual address ─▶ program headers ─▶ offset in the file
 *
 * Of several functions with one name the default version of a library is taken, then what others may call, then the
 * first. Functions that the loader resolves by calling them (IFUNC: memcpy, strlen) are found under their names, but a
 * probe there would see the resolver: patterns leave them out, and a name says so.
 */

import { similar } from '../compiler/did-you-mean.ts';
import { ElfFile, type ElfSymbol, type ElfSymbols, PF, PT, SHN, SHT, STB, STT, type UsdtProbe, usdtProbes } from '../elf/index.ts';
import { NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { debugSymbols } from './debug-files.ts';
import { demangle } from './demangle.ts';
import { FileSource } from './file-source.ts';
import type { FoundBinary } from './find-binary.ts';
import { symbolTables } from './image.ts';
import { atOnce } from './sliced.ts';

export interface BinaryFunction {
  /** As the linker has it, without a version. */
  readonly name: string;
  /** Virtual address in the file. */
  readonly address: bigint;
  /** Where it begins in the file. */
  readonly offset: bigint;
  readonly size: bigint;
}

const SHT_GNU_VERSYM = 0x6fffffff;
const VERSION_HIDDEN = 0x8000;

export class Binary implements Disposable {
  /** For the kernel. */
  readonly path: string;
  /** For messages. */
  readonly name: string;
  readonly elf: ElfFile;
  private readonly source: FileSource;
  private tables: readonly ElfSymbols[] | undefined;

  /** Throws `UsageError` when it cannot be read or is no ELF file. */
  constructor(found: FoundBinary) {
    this.path = found.path;
    this.name = found.name;
    const source = FileSource.tryOpen(found.path);
    if (!source) throw new UsageError(`cannot read ${found.name}`);
    this.source = source;
    try {
      this.elf = new ElfFile(source);
    } catch (error) {
      source.close();
      throw new UsageError(`${found.name}: ${error instanceof Error ? error.message : error}`, [], undefined, error);
    }
  }

  /** Throws `UsageError` with the names that are near. */
  function(name: string): BinaryFunction {
    let best: { readonly symbol: ElfSymbol; readonly rank: number } | undefined;
    for (const table of this.symbols()) {
      const versions = this.versions(table);
      for (const symbol of table.named(name)) {
        if (!this.isCode(symbol)) continue;
        const old = versions?.isHidden(symbol.index) ?? /[^@]@[^@]/.test(symbol.name);
        const rank = (old ? 0 : 4) + (symbol.binding === STB.LOCAL ? 0 : 2) + (symbol.type === STT.NOTYPE ? 0 : 1);
        if (best === undefined || rank > best.rank) best = { symbol, rank };
      }
    }
    const symbol = best?.symbol ?? this.demangled(name);
    if (!symbol) {
      const names = [...this.functions()].map((f) => f.name);
      const none = names.length === 0 ? `${this.name} has no symbols` : `there is no function '${name}' in ${this.name}`;
      throw new NoSuchHookError(none, similar(name, names));
    }
    if (symbol.type === STT.GNU_IFUNC)
      throw new UsageError(
        `'${name}' in ${this.name} stands for one of several functions that are chosen when the library is loaded`,
        [],
        `probe the one that is used, by its own name (__${name}_…), or by address`,
      );
    return this.describe(symbol);
  }

  /** Every function once for each address and name. */
  *functions(): Generator<BinaryFunction, void, undefined> {
    const seen = new Set<string>();
    for (const table of this.symbols()) {
      for (const symbol of table) {
        if (symbol.type !== STT.FUNC || symbol.name === '' || !this.isCode(symbol)) continue;
        const found = this.describe(symbol);
        const key = `${found.address} ${found.name}`;
        if (seen.has(key)) continue;
        seen.add(key);
        yield found;
      }
    }
  }

  /** Offset in the file of a virtual address. Throws `UsageError` where no code is loaded. */
  offsetOf(address: bigint): bigint {
    const segment = this.code(address);
    if (!segment) throw new UsageError(`there is no code at address 0x${address.toString(16)} of ${this.name}`);
    return address - segment.address + BigInt(segment.offset);
  }

  /** The USDT probes that its notes describe. */
  usdtProbes(): UsdtProbe[] {
    return usdtProbes(this.elf);
  }

  /** Virtual address of a variable or function by its exact name. */
  symbolAddress(name: string): bigint | undefined {
    for (const table of this.symbols()) for (const symbol of table.named(name)) return symbol.value;
    return undefined;
  }

  close(): void {
    this.source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private symbols(): readonly ElfSymbols[] {
    this.tables ??= [...symbolTables(this.elf), ...this.debugTables()];
    return this.tables;
  }

  private debugTables(): readonly ElfSymbols[] {
    const root = this.path.endsWith(this.name) ? this.path.slice(0, -this.name.length) : '';
    try {
      return atOnce(debugSymbols(this.elf, this.name, root === '' ? [''] : [root, ''])).tables;
    } catch {
      return [];
    }
  }

  /** A name of C++ or Rust as it is written in the source. */
  private demangled(name: string): ElfSymbol | undefined {
    if (!/[:(]/.test(name)) return undefined;
    for (const table of this.symbols()) {
      for (const symbol of table) {
        if (!/^_+[ZR]/.test(symbol.name) || !this.isCode(symbol)) continue;
        const text = demangle(symbol.name);
        if (text === name || (!name.includes('(') && text.startsWith(`${name}(`))) return symbol;
      }
    }
    return undefined;
  }

  private isCode(symbol: ElfSymbol): boolean {
    const kind = symbol.type === STT.FUNC || symbol.type === STT.GNU_IFUNC || symbol.type === STT.NOTYPE;
    return kind && symbol.section !== SHN.UNDEF && this.code(symbol.value) !== undefined;
  }

  private code(address: bigint) {
    return this.elf.segments.find(
      (s) => s.type === PT.LOAD && (s.flags & PF.X) !== 0 && address >= s.address && address < s.address + BigInt(s.fileSize),
    );
  }

  private describe(symbol: ElfSymbol): BinaryFunction {
    const at = symbol.name.indexOf('@');
    return {
      name: at > 0 ? symbol.name.slice(0, at) : symbol.name,
      address: symbol.value,
      offset: this.offsetOf(symbol.value),
      size: symbol.size,
    };
  }

  /** Which entries of .dynsym are old versions, kept for programs that were linked with them. */
  private versions(table: ElfSymbols): { isHidden(index: number): boolean } | undefined {
    const section = this.elf.sections.find((s) => s.type === SHT_GNU_VERSYM);
    const owner = section && this.elf.sections[section.link];
    if (!section || owner?.type !== SHT.DYNSYM || Math.floor(section.size / 2) !== table.length) return undefined;
    try {
      const bytes = this.elf.data(section);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return { isHidden: (index) => (view.getUint16(index * 2, this.elf.littleEndian) & VERSION_HIDDEN) !== 0 };
    } catch {
      return undefined;
    }
  }
}
