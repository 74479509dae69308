/** Inode and device of a file, as the kernel numbers them inside: what programs compare with. */
import { UsageError } from '../../kernel/errors.ts';
import { type Kernel, KernelError } from '../../kernel/port.ts';

const AT_FDCWD = -100;
const STATX_INO = 0x100;
/** struct statx: inode at 32, device's numbers at 136 and 140. */
const SIZE = 256;
const MINOR_BITS = 20;

export function fileNumber(kernel: Kernel, path: string): { readonly inode: number; readonly dev: number } {
  const buffer = new Uint8Array(SIZE);
  try {
    kernel.syscall('statx', AT_FDCWD, path, 0, STATX_INO, buffer);
  } catch (error) {
    if (error instanceof KernelError) throw new UsageError(`${path}: ${error.code}`, [], undefined, error);
    throw error;
  }
  const view = new DataView(buffer.buffer);
  const dev = view.getUint32(136, true) * 2 ** MINOR_BITS + view.getUint32(140, true);
  return { inode: Number(view.getBigUint64(32, true)), dev };
}
