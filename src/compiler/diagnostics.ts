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
  /** Where a handle is shown: tokens that macros made of one are at one place. */
  placeOf: (loc: Loc) => Loc = (loc) => loc;
  /** Warnings that the text has switched off. */
  isSilent: (code: string, loc: Loc) => boolean = () => false;
  private shownErrors = 0;
  private readonly said = new Set<string>();
  private readonly spoiled = new Set<Loc>();
  private readonly limit: number;

  constructor(limit = 20) {
    this.limit = limit;
  }

  report(d: Diagnostic): void {
    if (d.severity === 'error') this.errors++;
    if (d.severity === 'warning' && this.isSilent(d.code, d.loc)) return;
    const place = this.placeOf(d.loc);
    const key = `${place} ${d.code} ${d.message}`;
    if (this.spoiled.has(place) || this.said.has(key)) return;
    this.said.add(key);
    this.list.push({ ...d, message: readable(d.message) });
    if (d.severity === 'error' && ++this.shownErrors >= this.limit) throw new TooManyErrors();
  }

  /** After an error: what else is found at this place only follows from it, and is not said. */
  spoil(loc: Loc): void {
    this.spoiled.add(this.placeOf(loc));
  }

  isSpoiled(loc: Loc): boolean {
    return this.spoiled.has(this.placeOf(loc));
  }

  error(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    this.report(notes ? { severity: 'error', code, loc, message, notes } : { severity: 'error', code, loc, message });
  }

  warn(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    this.report(notes ? { severity: 'warning', code, loc, message, notes } : { severity: 'warning', code, loc, message });
  }
}

/** Words up to this length are shown whole: paths may be long. */
const WORD_KEPT = 500;
const TEXT_KEPT = 4000;

/** A message may quote what the text has, and a text may have names of millions of letters. */
function readable(message: string): string {
  if (message.length <= WORD_KEPT) return message;
  const shorter = message.replace(/\S+/g, (word) => (word.length <= WORD_KEPT ? word : `${word.slice(0, 60)}…${word.slice(-20)}`));
  return shorter.length <= TEXT_KEPT ? shorter : `${shorter.slice(0, TEXT_KEPT)}…`;
}

/** Thrown to leave the compiler after the last error that is still shown. Caught in `compile.ts`. */
export class TooManyErrors extends Error {
  override name = 'TooManyErrors';
}
