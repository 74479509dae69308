/**
 * /proc/PID/maps: what a process has mapped where.
 *
 *   7f3c5a000000-7f3c5a1b0000 r-xp 00026000 fe:01 393251   /usr/lib/x86_64-linux-gnu/libc.so.6
 *   start        end          prot offset   device inode   path, ' (deleted)' behind it when it has no name any more
 *
 * Only executable mappings are kept: addresses of code are looked up, not of data.
 */
export interface Mapping {
  readonly start: number;
  /** First address behind. */
  readonly end: number;
  /** Offset in the file of the byte at `start`. */
  readonly offset: number;
  /** 'fe:01'. */
  readonly device: string;
  /** 0 for memory without a file. */
  readonly inode: number;
  /** As the process sees it; '' for anonymous memory, '[vdso]'. */
  readonly path: string;
  readonly deleted: boolean;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/gm;
const DELETED = ' (deleted)';

/** In the order of the addresses. Lines of another form are left out. */
export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const [, start = '', end = '', offset = '', device = '', inode = '', name = ''] of text.matchAll(LINE)) {
    const deleted = name.endsWith(DELETED);
    mappings.push({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      offset: Number.parseInt(offset, 16),
      device,
      inode: Number(inode),
      // The kernel writes a line break in a name as \012.
      path: (deleted ? name.slice(0, -DELETED.length) : name).replaceAll('\\012', '\n'),
      deleted,
    });
  }
  return mappings;
}

/** The mapping that holds an address. */
export function findMapping(mappings: readonly Mapping[], key: number): Mapping | undefined {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((mappings[middle] as Mapping).start <= key) low = middle + 1;
    else high = middle;
  }
  const found = mappings[low - 1];
  return found !== undefined && key < found.end ? found : undefined;
}

/** The range as the names in /proc/PID/map_files have it. */
export function rangeName(mapping: Mapping): string {
  return `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
}
