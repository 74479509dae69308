/** What `BPF.load` is given, as an object's description: compiled, read from an object file, remembered, or as it is. */
import { folderOf } from '../compiler/c/preprocessor/headers.ts';
import type { TargetFacts } from '../compiler/target-facts.ts';
import { isElf } from '../elf/magic.ts';
import { UsageError } from '../kernel/errors.ts';
import type { KernelFacts } from '../kernel/facts.ts';
import { fileReason } from '../kernel/file-reason.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { ObjectSpec } from '../object/spec.ts';
import type { LoadOptions } from './bpf.ts';
import { parseCflags } from './cflags.ts';
import type { TextOptions } from './compile-text.ts';

/** Throws `CompileError`, `UsageError`. Nothing is loaded. */
export async function specFrom(options: LoadOptions, kernel: Kernel, facts: KernelFacts): Promise<ObjectSpec> {
  const { spec, text, file } = options;
  if ([spec, text, file].filter((given) => given !== undefined).length !== 1)
    throw new UsageError("BPF.load takes one of 'text', 'file' and 'spec'");
  if (options.dialect !== undefined && options.dialect !== 'bcc' && options.dialect !== 'libbpf')
    throw new UsageError(`there is no dialect '${String(options.dialect)}': it is 'bcc' or 'libbpf'`);
  if (spec) return spec;
  const bytes = file === undefined ? undefined : programFile(kernel, file);
  if (file !== undefined && bytes !== undefined && isElf(bytes)) {
    // No tool has one: what reads it is loaded for those who do.
    const { onlyForText, readObjectFile } = await import('./object-file.ts');
    onlyForText({ cflags: options.cflags, dialect: options.dialect, usdt: options.usdt }, file);
    return readObjectFile(bytes, file);
  }
  const warn = options.onWarning ?? ((text: string) => void process.stderr.write(`${text}\n`));
  let spoke = false;
  const input: TextOptions = {
    text: text ?? new TextDecoder().decode(bytes),
    file: file ?? `${options.name ?? 'program'}.c`,
    folder: file === undefined ? undefined : folderOf(file),
    name: options.name ?? file?.replace(/^.*\//, '').replace(/\.c$/, '') ?? 'program',
    dialect: options.dialect,
    onWarning: (text) => {
      spoke = true;
      warn(text);
    },
    usdt: (options.usdt ?? []).flatMap((usdt) => usdt.programs),
    ...parseCflags(options.cflags ?? []),
  };
  const compile = async (known: TargetFacts) => {
    const { compileText } = await import('./compile-text.ts');
    return { spec: compileText(input, known, kernel), spoke };
  };
  // What the text includes, or where probes lie in a program, may change without the text.
  if (options.store === undefined || file !== undefined || input.includes.length > 0 || input.usdt?.length !== 0)
    return (await compile(facts)).spec;
  const { remembered } = await import('./remember.ts');
  return remembered(options.store, [input.text, input.file, input.name, input.dialect ?? '', input.defines], facts, kernel, compile);
}

function programFile(kernel: Kernel, file: string): Uint8Array {
  try {
    return kernel.readFile(file);
  } catch (error) {
    throw error instanceof KernelError ? new UsageError(`cannot read ${file}: ${fileReason(error)}`, [], undefined, error) : error;
  }
}
