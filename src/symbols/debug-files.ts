/**
 * Symbols of stripped files, in the order in which they are looked for:
 *
 *   build id       /usr/lib/debug/.build-id/ab/cdef….debug          the same id stands in both
 *   debug link     name.debug beside the file, in .debug/, below /usr/lib/debug     checksum of the file
 *   debug data     .gnu_debugdata, a small symbol table inside the file, compressed with xz
 *
 * Looked for below the root of the process first, then below ours. Nothing is fetched from the network (no debuginfod).
 */
import { dirname } from 'node:path';
import { ElfFile, type ElfSymbols, SHT } from '../elf/index.ts';
import { crc32 } from './crc32.ts';
import { FileSource } from './file-source.ts';
import type { Sliced } from './sliced.ts';
import { unxz } from './unxz.ts';

const DEBUG = '/usr/lib/debug';
/** Checksums are made of pieces of this size, between which others may run. */
const PIECE = 1 << 20;

export interface DebugSymbols {
  readonly tables: readonly ElfSymbols[];
  /** There is more, which takes waiting: ask again when there is time. */
  readonly partial: boolean;
}

const NONE: DebugSymbols = { tables: [], partial: false };

/** `path`: of the file as its process sees it. `roots`: '' for ours, '/proc/PID/root' for the process's. */
export function* debugSymbols(elf: ElfFile, path: string, roots: readonly string[]): Sliced<DebugSymbols> {
  // What has symbols needs no other file.
  if (elf.sections.some((s) => s.type === SHT.SYMTAB && s.size > 0)) return NONE;
  const separate = byBuildId(elf, roots) ?? (yield* byDebugLink(elf, path, roots));
  if (separate) return { tables: separate, partial: false };
  return yield* fromDebugData(elf);
}

function byBuildId(elf: ElfFile, roots: readonly string[]): ElfSymbols[] | undefined {
  const id = elf.buildId();
  if (id === undefined || id.length < 4) return undefined;
  for (const root of roots) {
    const found = open(`${root}${DEBUG}/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`, (debug) => debug.buildId() === id);
    if (found) return found;
  }
  return undefined;
}

function* byDebugLink(elf: ElfFile, path: string, roots: readonly string[]): Sliced<ElfSymbols[] | undefined> {
  const link = elf.debugLink();
  // A name, not a way to other folders.
  if (link === undefined || link.file.includes('/') || link.file === '..') return undefined;
  const folder = dirname(path);
  for (const root of roots) {
    for (const place of [`${folder}/${link.file}`, `${folder}/.debug/${link.file}`, `${DEBUG}${folder}/${link.file}`]) {
      const source = FileSource.tryOpen(root + place);
      if (!source) continue;
      try {
        let crc = 0;
        for (let at = 0; at < source.size; at += PIECE) {
          crc = crc32(source.read(at, PIECE), crc);
          yield;
        }
        if (crc === link.crc) return symtab(new ElfFile(source));
      } catch {
        // Not what the link means.
      } finally {
        source.close();
      }
    }
  }
  return undefined;
}

function* fromDebugData(elf: ElfFile): Sliced<DebugSymbols> {
  const section = elf.section('.gnu_debugdata');
  if (section === undefined) return NONE;
  const packed = elf.data(section);
  let bytes: Uint8Array | undefined;
  const waited = yield async () => {
    bytes = await unxz(packed);
  };
  if (!waited) return { tables: [], partial: true };
  return { tables: bytes === undefined ? [] : symtab(new ElfFile(bytes)), partial: false };
}

function open(path: string, isIt: (elf: ElfFile) => boolean): ElfSymbols[] | undefined {
  const source = FileSource.tryOpen(path);
  if (!source) return undefined;
  try {
    const elf = new ElfFile(source);
    return isIt(elf) ? symtab(elf) : undefined;
  } catch {
    return undefined;
  } finally {
    source.close();
  }
}

function symtab(elf: ElfFile): ElfSymbols[] {
  return elf.sections.filter((s) => s.type === SHT.SYMTAB).map((s) => elf.symbols(s));
}
