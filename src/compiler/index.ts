/** The compiler alone: C text to ObjectSpec, pure, also in a browser. What `skep/compiler` exports. */

export type { ObjectSpec } from '../object/spec.ts';
export { writeObject } from '../object/write.ts';
export { type Compiled, type CompileOptions, compile } from './compile.ts';
export { CompileError } from './compile-error.ts';
export type { Diagnostic, Severity } from './diagnostics.ts';
export { guessDialect } from './dialect/auto.ts';
export { bccDialect } from './dialect/bcc/dialect.ts';
export { libbpfDialect } from './dialect/libbpf/dialect.ts';
export { type PlainFacts, targetFacts } from './plain-facts.ts';
export { diagnosticToJson, renderDiagnostic, renderDiagnostics } from './render-diagnostic.ts';
export type { Arch, TargetFacts } from './target-facts.ts';
