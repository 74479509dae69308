/** A writer of cpio archives in the `newc` form, which the kernel unpacks as its first root file system. */

export interface CpioEntry {
  readonly path: string;
  /** File type and permission bits, as in stat. */
  readonly mode: number;
  readonly data?: Uint8Array;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
}

export const directory = (path: string): CpioEntry => ({ path, mode: 0o040755 });
export const file = (path: string, data: Uint8Array | string, mode = 0o644): CpioEntry => ({
  path,
  mode: 0o100000 | mode,
  data: typeof data === 'string' ? Buffer.from(data) : data,
});
export const symlink = (path: string, target: string): CpioEntry => ({ path, mode: 0o120777, data: Buffer.from(target) });
export const charDevice = (path: string, major: number, minor: number): CpioEntry => ({ path, mode: 0o020600, device: [major, minor] });

/** The archive, padded to 512 bytes so that another may follow it. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  const add = (entry: CpioEntry) => {
    const data = entry.data ?? new Uint8Array();
    const name = Buffer.from(`${entry.path}\0`);
    const [major, minor] = entry.device ?? [0, 0];
    const fields = [inode++, entry.mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
    const header = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
    parts.push(Buffer.from(header), name, padding(header.length + name.length, 4), Buffer.from(data), padding(data.length, 4));
  };
  for (const entry of entries) add(entry);
  add({ path: 'TRAILER!!!', mode: 0 });
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, padding(size, 512)]);
}

function padding(length: number, to: number): Buffer {
  return Buffer.alloc((to - (length % to)) % to);
}
