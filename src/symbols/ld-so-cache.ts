/**
 * /etc/ld.so.cache: which file the dynamic loader takes for a library's name.
 *
 *   [ld.so-1.7.0 table, on old systems] "glibc-ld.so.cache1.1" counts, entries { flags, name, path, …, hwcap }, strings
 *
 * Offsets of strings count from the magic of the new table. The file belongs to whoever owns the root it is in: what
 * does not fit is left out. Source: glibc, sysdeps/generic/dl-cache.h.
 */
export interface CachedLibrary {
  /** 'libc.so.6' */
  readonly name: string;
  readonly path: string;
}

const OLD_MAGIC = 'ld.so-1.7.0';
const MAGIC = 'glibc-ld.so.cache1.1';
const HEADER = 48;
const ENTRY = 24;
/** Type and architecture in `flags`: ELF for libc6, x86-64 or AArch64. */
const FLAGS: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 0x0303, arm64: 0x0a03 };

/** The libraries of this machine's architecture in the loader's order, without those for special processors only. */
export function parseLdSoCache(bytes: Uint8Array, arch: NodeJS.Architecture = process.arch): CachedLibrary[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const base = text(bytes, 0, OLD_MAGIC.length) === OLD_MAGIC ? behindOldTable(view) : 0;
  if (text(bytes, base, MAGIC.length) !== MAGIC || base + HEADER > bytes.length) return [];
  const count = view.getUint32(base + 20, true);
  const libraries: CachedLibrary[] = [];
  for (let i = 0, at = base + HEADER; i < count && at + ENTRY <= bytes.length; i++, at += ENTRY) {
    const special = view.getBigUint64(at + 16, true) !== 0n;
    if (view.getInt32(at, true) !== FLAGS[arch] || special) continue;
    const name = string(bytes, base + view.getUint32(at + 4, true));
    const path = string(bytes, base + view.getUint32(at + 8, true));
    if (name !== '' && path.startsWith('/')) libraries.push({ name, path });
  }
  return libraries;
}

/** The old table has entries of twelve bytes; the new one stands behind its strings, aligned to eight. */
function behindOldTable(view: DataView): number {
  const count = view.byteLength >= 16 ? view.getUint32(12, true) : 0;
  return Math.ceil((16 + count * 12) / 8) * 8;
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return decoder.decode(bytes.subarray(at, at + length));
}

function string(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return end < 0 ? '' : decoder.decode(bytes.subarray(at, end));
}

const decoder = new TextDecoder();
