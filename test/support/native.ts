/** Small programs in C, whose workload is known: compiled by gcc, in a folder that goes with the test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NativeProgram {
  readonly path: string;
  [Symbol.dispose](): void;
}

/** Not optimised: frame pointers are kept and nothing is inlined, so that its stacks are what the text says. */
export function compileNative(name: string, text: string, flags: readonly string[] = []): NativeProgram {
  const folder = mkdtempSync(join(tmpdir(), 'skep-native-'));
  const path = join(folder, name);
  writeFileSync(`${path}.c`, text);
  execFileSync('gcc', ['-O0', '-g', '-fno-omit-frame-pointer', '-o', path, `${path}.c`, ...flags]);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
