/** The compiler as `BPF.load` calls it: files and flags become options, refusals become errors. */

import { resolve } from 'node:path';
import { folderResolver } from '../compiler/c/preprocessor/headers.ts';
import { compile } from '../compiler/compile.ts';
import { CompileError } from '../compiler/compile-error.ts';
import { guessDialect } from '../compiler/dialect/auto.ts';
import { bccDialect } from '../compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../compiler/dialect/libbpf/dialect.ts';
import { renderDiagnostics } from '../compiler/render-diagnostic.ts';
import type { TargetFacts } from '../compiler/target-facts.ts';
import type { UsdtProgram } from '../compiler/usdt.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { ObjectSpec } from '../object/spec.ts';
import type { CompilerFlags } from './cflags.ts';

export interface TextOptions extends CompilerFlags {
  readonly text: string;
  /** As shown in messages. */
  readonly file: string;
  /** The folder of the text's file; undefined for a text that is in none. */
  readonly folder?: string | undefined;
  readonly name: string;
  readonly dialect?: 'bcc' | 'libbpf' | undefined;
  readonly onWarning: (text: string) => void;
  /** Where the arguments of USDT probes are, for the functions that read them. */
  readonly usdt?: readonly UsdtProgram[];
}

const DIALECTS = { bcc: bccDialect, libbpf: libbpfDialect } as const;

/** Throws `CompileError`. */
export function compileText(options: TextOptions, facts: TargetFacts, kernel: Kernel): ObjectSpec {
  const compiled = compile(options.text, {
    facts,
    dialect: options.dialect === undefined ? guessDialect(options.text) : DIALECTS[options.dialect],
    name: options.name,
    file: options.file,
    folder: options.folder,
    defines: options.defines,
    ...(options.usdt === undefined ? {} : { usdt: options.usdt }),
    ...(options.includes.length === 0 && options.folder === undefined ? {} : { includes: userHeaders(options, kernel) }),
  });
  if (!compiled.spec) throw new CompileError(compiled);
  const warnings = compiled.diagnostics.filter((d) => d.severity === 'warning');
  if (warnings.length > 0) options.onWarning(renderDiagnostics(warnings, compiled.source).trimEnd());
  return compiled.spec;
}

/** Headers beside the file itself and in the folders of `-I`. */
function userHeaders(options: TextOptions, kernel: Kernel): ReturnType<typeof folderResolver> {
  const decoder = new TextDecoder();
  return folderResolver({
    user: options.includes,
    resolve,
    read: (path) => {
      try {
        return decoder.decode(kernel.readFile(path));
      } catch (error) {
        if (error instanceof KernelError) return undefined;
        throw error;
      }
    },
  });
}
