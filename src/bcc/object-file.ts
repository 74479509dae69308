/** Files that hold compiled programs (`.bpf.o`) instead of text: told by their first bytes, whatever their name. */
import { UsageError } from '../kernel/errors.ts';
import { ObjectError } from '../object/error.ts';
import { readObject } from '../object/read.ts';
import type { ObjectSpec } from '../object/spec.ts';

/** Throws `UsageError`, with what is wrong, for ELF files that are no objects with programs. */
export function readObjectFile(bytes: Uint8Array, file: string): ObjectSpec {
  try {
    return readObject(bytes, { name: objectName(file) });
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    throw new UsageError(
      `${file} is no object that can be loaded: ${error.message}`,
      [],
      error.code === 'format' ? "objects are made by 'skep compile' or clang -target bpf -g -O2 -c" : undefined,
      error,
    );
  }
}

/** Name without folder and endings. */
export function objectName(file: string): string {
  return file.replace(/^.*\//, '').replace(/(?:\.bpf)?\.o$/, '');
}

/** Options that only a compiler can follow are not passed over in silence. */
export function onlyForText(options: Readonly<Record<string, string | readonly unknown[] | undefined>>, file: string): void {
  for (const [name, given] of Object.entries(options))
    if (given !== undefined && given.length > 0) throw new UsageError(`${file} is compiled already: '${name}' is for C text`);
}
