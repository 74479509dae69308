/** Bytes of a page of memory: 4096 on x86_64; 4, 16 or 64 KiB on arm64. From the auxiliary vector of the process. */
import { type Kernel, KernelError } from './port.ts';

const AT_PAGESZ = 6n;
const known = new WeakMap<Kernel, number>();

export function pageSize(kernel: Kernel): number {
  let size = known.get(kernel);
  if (size === undefined) known.set(kernel, (size = readPageSize(kernel)));
  return size;
}

function readPageSize(kernel: Kernel): number {
  try {
    const bytes = kernel.readFile('/proc/self/auxv');
    const words = new BigUint64Array(bytes.slice().buffer, 0, bytes.length >> 3);
    for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === AT_PAGESZ) return Number(words[i + 1]);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  return 4096;
}
