/** Small text files of proc and sys. */
import { type Kernel, KernelError } from './port.ts';

const decoder = new TextDecoder();

export function readText(kernel: Kernel, path: string): string {
  return decoder.decode(kernel.readFile(path));
}

/** The file's text; undefined where it does not exist or may not be read. */
export function readTextIfThere(kernel: Kernel, path: string): string | undefined {
  try {
    return readText(kernel, path);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}
