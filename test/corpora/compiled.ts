/**
 * A source that somebody else wrote, compiled: here and now, or on the machine that a guest runs on.
 *
 *   host   text ─▶ compile for the guest's kernel ─▶ one file for each source
 *   guest                                            the file ─▶ ObjectSpec ─▶ the kernel
 *
 * Compiling is a function of the text and what is known of the kernel, and an emulated processor takes fifty times as
 * long for it; so a guest compiles a few itself, to show that the bytes are the same, and loads all.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { BtfReader } from '../../src/btf/read.ts';
import { encodeBtf } from '../../src/btf/write.ts';
import { type CompileOptions, compile } from '../../src/compiler/compile.ts';
import type { TargetFacts } from '../../src/compiler/target-facts.ts';
import type { ObjectSpec } from '../../src/object/spec.ts';

export interface Source {
  /** 'opensnoop.3', 'sockex1_kern.c' */
  readonly name: string;
  readonly text: string;
  readonly options: Omit<CompileOptions, 'facts'>;
  /** Maps whose size the sample's other half sets before it loads: the number of entries. */
  readonly entries?: Readonly<Record<string, number>>;
  /** Nothing is to be said about it: a warning is a failure. */
  readonly silent?: boolean;
}

/** The object, or why there is none. */
export type CompiledSource = { readonly spec: ObjectSpec } | { readonly failure: string };

export function compileSource(source: Source, facts: TargetFacts): CompiledSource {
  let compiled: ReturnType<typeof compile>;
  try {
    compiled = compile(source.text, { ...source.options, facts });
  } catch (error) {
    return { failure: `the compiler crashed: ${(error as Error).stack}` };
  }
  const { spec } = compiled;
  const first = compiled.diagnostics.find(({ severity }) => severity === 'error' || source.silent === true);
  if (spec !== undefined && !(source.silent === true && first !== undefined))
    return spec.programs.length === 0 ? { failure: 'no programs' } : { spec };
  if (first === undefined) return { failure: 'no object, and no error that says why' };
  const at = compiled.source.filePosition(first.loc);
  const where = at === undefined ? '' : `${basename(at.file)}:${at.line}:${at.column}: `;
  return { failure: `${first.code}: ${where}${first.message}` };
}

function packed(compiled: CompiledSource): Uint8Array {
  if (!('spec' in compiled)) return serialize(compiled);
  const { btf, ...rest } = compiled.spec;
  return serialize({ spec: rest, btf: btf === undefined ? undefined : encodeBtf(btf) });
}

function unpacked(bytes: Uint8Array): CompiledSource {
  const found = deserialize(bytes) as { failure: string } | { spec: Omit<ObjectSpec, 'btf'>; btf: Uint8Array | undefined };
  if ('failure' in found) return found;
  return { spec: { ...found.spec, btf: found.btf === undefined ? undefined : new BtfReader(found.btf) } };
}

/** By the text, too: what is kept for one compiler must not outlive a change of the source (of its package, of bench/codegen). */
function file(folder: string, corpus: string, { name, text }: Source): string {
  return join(folder, `${corpus}-${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.spec`);
}

export function keepCompiled(folder: string, corpus: string, source: Source, compiled: CompiledSource): void {
  writeFileSync(file(folder, corpus, source), packed(compiled));
}

/** Undefined where nobody compiled it before. */
export function keptCompiled(folder: string, corpus: string, source: Source): CompiledSource | undefined {
  const path = file(folder, corpus, source);
  return existsSync(path) ? unpacked(readFileSync(path)) : undefined;
}
