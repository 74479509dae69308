/**
 * Images by the file they come from, shared by all processes that map it.
 *
 *   see(mapping)   the file is opened, not read: it may be deleted, or its process gone, when it is wanted
 *   get(mapping)   its symbols, read now if they have not been
 *
 * /proc/PID/map_files leads to the very file that is mapped, in any mount namespace, deleted or not; where it may not
 * be used (CAP_CHECKPOINT_RESTORE), the path does, below the process's root, if the inode is still the one.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { type ByteSource, ElfFile } from '../elf/index.ts';
import { FileSource } from './file-source.ts';
import { Image } from './image.ts';
import { type Mapping, rangeName } from './proc-maps.ts';
import { atOnce, type Sliced } from './sliced.ts';

interface Entry {
  /** Until the image is loaded. */
  source: (ByteSource & { close?(): void }) | undefined;
  /** Undefined until loaded, null when there is nothing to load. */
  image: Image | null | undefined;
}

/** So many files are kept open for later; others are opened again, by path. */
const MAX_OPEN = 256;
/** A vdso is one or two pages; nothing larger is read from a process's memory. */
const MAX_VDSO = 1 << 20;

export class ImageCache {
  private readonly entries = new Map<string, Entry>();
  private opened: Entry[] = [];

  /** Remembers the file behind a mapping for as long as it is not read. */
  see(mapping: Mapping, pid: number): void {
    const key = keyOf(mapping);
    if (key === undefined || this.entries.has(key)) return;
    const entry: Entry = { source: openMapped(mapping, pid), image: undefined };
    this.entries.set(key, entry);
    this.opened.push(entry);
    if (this.opened.length > MAX_OPEN) this.shed();
  }

  get(mapping: Mapping, pid: number): Image | undefined {
    const key = keyOf(mapping);
    if (key === undefined) return undefined;
    const loaded = this.entries.get(key)?.image;
    return (loaded === undefined ? atOnce(this.load(mapping, pid)) : loaded) ?? undefined;
  }

  *load(mapping: Mapping, pid: number): Sliced<Image | null> {
    const key = keyOf(mapping);
    if (key === undefined) return null;
    this.see(mapping, pid);
    const entry = this.entries.get(key) as Entry;
    if (entry.image !== undefined && entry.image?.partial !== true) return entry.image;
    entry.source ??= openMapped(mapping, pid);
    const { source } = entry;
    let image: Image | null = null;
    try {
      if (source) image = yield* Image.load(new ElfFile(source), mapping.path, [`/proc/${pid}/root`, '']);
    } catch {
      // Not an ELF file, or a broken one: it has no names.
    }
    // Somebody else may have wanted it at once, meanwhile.
    if (entry.image === undefined || entry.image?.partial === true) entry.image = image;
    if (entry.image?.partial !== true) this.release(entry);
    return entry.image;
  }

  /** The symbols of a file that no process needs to map. `key` tells it from others. */
  ofFile(found: { readonly path: string; readonly name: string }, key: string): Image | undefined {
    const known = this.entries.get(key);
    if (known?.image !== undefined) return known.image ?? undefined;
    const source = FileSource.tryOpen(found.path);
    let image: Image | null = null;
    try {
      if (source) image = atOnce(Image.load(new ElfFile(source), found.name, ['']));
    } catch {
      // Another file under that name now.
    } finally {
      source?.close();
    }
    this.entries.set(key, { source: undefined, image });
    return image ?? undefined;
  }

  close(): void {
    for (const entry of this.entries.values()) this.release(entry);
    this.entries.clear();
    this.opened = [];
  }

  private release(entry: Entry): void {
    entry.source?.close?.();
    entry.source = undefined;
  }

  private shed(): void {
    this.opened = this.opened.filter((entry) => entry.image === undefined && entry.source !== undefined);
    while (this.opened.length > MAX_OPEN) this.release(this.opened.shift() as Entry);
  }
}

/** Undefined for memory that has no symbols of its own. */
function keyOf(mapping: Mapping): string | undefined {
  if (mapping.inode !== 0) return `${mapping.device}:${mapping.inode}`;
  // All processes have the same one, but for those of 32 bits.
  return mapping.path === '[vdso]' ? `vdso:${mapping.start < 2 ** 32}` : undefined;
}

function openMapped(mapping: Mapping, pid: number): Entry['source'] {
  if (mapping.inode === 0) return readVdso(mapping, pid);
  const exact = FileSource.tryOpen(`/proc/${pid}/map_files/${rangeName(mapping)}`);
  if (exact) return exact;
  for (const path of [`/proc/${pid}/root${mapping.path}`, mapping.path]) {
    const file = FileSource.tryOpen(path);
    if (file?.inode === mapping.inode) return file;
    file?.close();
  }
  return undefined;
}

function readVdso(mapping: Mapping, pid: number): ByteSource | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(`/proc/${pid}/mem`, 'r');
    const bytes = new Uint8Array(Math.min(mapping.end - mapping.start, MAX_VDSO));
    const size = readSync(fd, bytes, 0, bytes.length, mapping.start);
    return { size, read: (offset, length) => bytes.subarray(offset, Math.min(offset + length, size)) };
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
