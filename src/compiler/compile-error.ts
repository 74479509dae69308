/**
 * The compiler's refusal, as an error to throw: what the user's text did wrong, rendered with lines and carets.
 * The diagnostics themselves stay on it, for editors and `--json`.
 */
import type { Compiled } from './compile.ts';
import type { Diagnostic } from './diagnostics.ts';
import { renderDiagnostics } from './render-diagnostic.ts';

export class CompileError extends Error {
  override name = 'CompileError';
  /** The message begins with positions of its own. */
  readonly positioned = true;
  readonly diagnostics: readonly Diagnostic[];

  constructor(compiled: Compiled) {
    super(renderDiagnostics(compiled.diagnostics, compiled.source).trimEnd());
    this.diagnostics = compiled.diagnostics;
    // Node prints what is enumerable after the message of an error that nobody catches.
    for (const name of ['positioned', 'diagnostics']) Object.defineProperty(this, name, { enumerable: false });
  }
}
