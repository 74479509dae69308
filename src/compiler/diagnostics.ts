/**
 * What the compiler says to its user. Every diagnostic has a stable code, a position in the user's text and a
 * message that names what was found and what to do. Rendering (source line, caret, colour) is in `render-diagnostic.ts`.
 *
 * A `Loc` is a handle: a number that `SourceManager` (c/source.ts) turns into file, line, column and the chain of
 * macro expansions that led there. Tokens, AST nodes and IR instructions all carry one; 0 is "nowhere".
 */
export type Loc = number;

export interface FilePosition {
  /** Name and line as `#line` made them. */
  readonly file: string;
  readonly line: number;
  /** From 1, in UTF-16 code units, as editors count. */
  readonly column: number;
  /** The source line itself, without its line end. */
  readonly lineText: string;
}

export interface ExpansionPosition extends FilePosition {
  readonly macro: string;
}

export interface Position extends FilePosition {
  /** For a token that a macro's body brought in: its place in each definition, outermost macro first. */
  readonly expansions: readonly ExpansionPosition[];
  /** The `#include` lines that led here, innermost first. */
  readonly includedFrom: readonly FilePosition[];
}

/** What turns handles into places: `SourceManager`. */
export interface Positions {
  /** The place in a file, undefined for "nowhere". */
  filePosition(loc: Loc): FilePosition | undefined;
  /** The same with all that led there. */
  resolve(loc: Loc): Position | undefined;
}

export type Severity = 'error' | 'warning' | 'note';

export interface Diagnostic {
  readonly severity: Severity;
  /** Stable, kebab-case: 'undeclared-identifier', 'stack-too-large'. */
  readonly code: string;
  readonly message: string;
  readonly loc: Loc;
  /** End of the offending text, where known. */
  readonly end?: Loc;
  /** "declared here", "did you mean 'x'". */
  readonly notes?: readonly { readonly message: string; readonly loc: Loc }[];
}

/** Collects diagnostics; stops with `TooManyErrors` after `limit` errors. Warnings never stop anything. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];
  errors = 0;
  private readonly limit: number;

  constructor(limit = 20) {
    this.limit = limit;
  }

  report(d: Diagnostic): void {
    this.list.push(d);
    if (d.severity === 'error' && ++this.errors >= this.limit) throw new TooManyErrors();
  }

  error(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    this.report(notes ? { severity: 'error', code, loc, message, notes } : { severity: 'error', code, loc, message });
  }

  warn(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    this.report(notes ? { severity: 'warning', code, loc, message, notes } : { severity: 'warning', code, loc, message });
  }
}

/** Thrown to leave the compiler after the last error that is still shown. Caught in `compile.ts`. */
export class TooManyErrors extends Error {
  override name = 'TooManyErrors';
}
