/** What a folder's file system lies on, by /proc/self/mountinfo. */

/**
 * Whether the file system that `folder` (an absolute path without links) is on lies on a block device. `below` is asked
 * about the folder that an overlay writes to.
 */
export function onDevice(mountinfo: string, folder: string, below: (folder: string) => boolean): boolean {
  let found: readonly string[] | undefined;
  let longest = -1;
  // 36 35 98:0 / /mnt/point rw,noatime shared:1 - ext3 /dev/root rw,errors=continue; later lines lie over earlier ones.
  for (const line of mountinfo.split('\n')) {
    const [left = '', right] = line.split(' - ');
    if (right === undefined) continue;
    const point = unescaped(left.split(' ')[4] ?? '');
    if (point.length < longest || !(point === '/' || folder === point || folder.startsWith(`${point}/`))) continue;
    longest = point.length;
    found = right.split(' ');
  }
  const [type, source = '', options = ''] = found ?? [];
  if (source.startsWith('/dev/')) return true;
  const upper = type === 'overlay' ? /(?:^|,)upperdir=([^,]+)/.exec(options)?.[1] : undefined;
  if (upper === undefined) return false;
  try {
    return below(unescaped(upper));
  } catch {
    // Outside of this container. An overlay is made on a disk, usually; whether it takes direct I/O is tried.
    return true;
  }
}

/** Space, tab, line break and backslash are octal there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
