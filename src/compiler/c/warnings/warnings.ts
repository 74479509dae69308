/**
 * Warnings about what compiles and is probably not meant: of clang's -Wall those that its users thank it for, and some
 * that only BPF programs need.
 *
 *   typed tree ─▶ unused.ts      variables, values and functions that nobody uses
 *              ─▶ flow.ts        variables read before they are set; look-ups used before they are checked
 *              ─▶ suspicious.ts  conditions and comparisons that say something else than they seem to
 *              ─▶ maps.ts        variables that were meant to be maps
 *
 * They are asked for once, after a text without errors. Each errs towards silence: a warning stands only where every
 * way through the function comes to it. What stands in the dialect's own text, or was made by the dialect, is never
 * warned about.
 */
import type { Diagnostics, Loc } from '../../diagnostics.ts';
import type { TranslationUnit, VarDecl } from '../ast.ts';
import type { SourceManager } from '../source.ts';
import { flowWarnings } from './flow.ts';
import { mapWarnings } from './maps.ts';
import { suspiciousWarnings } from './suspicious.ts';
import { unusedWarnings } from './unused.ts';

/** Where a warning may stand: in text that the user wrote. */
export class Where {
  private readonly source: SourceManager;

  constructor(source: SourceManager) {
    this.source = source;
  }

  /** In the user's text, macros of the user included. */
  users(loc: Loc): boolean {
    if (loc === 0) return false;
    const spelled = this.source.fileOf(this.source.spellingLoc(loc));
    return spelled !== undefined && !spelled.system && this.source.fileOf(loc)?.system === false;
  }

  /** The same, and not in a macro: what a macro does for all its uses may be superfluous in one. */
  plain(loc: Loc): boolean {
    return !this.source.isMacro(loc) && this.users(loc);
  }

  /** Does this name stand here, or was the thing made by a dialect? */
  named(loc: Loc, name: string): boolean {
    if (!this.users(loc)) return false;
    const at = this.source.spellingLoc(loc);
    const file = this.source.fileOf(at);
    return file?.text.startsWith(name, at - file.base) ?? false;
  }
}

/** `unused`: also what nobody uses, which is often so on purpose. */
export function warnings(unit: TranslationUnit, source: SourceManager, diagnostics: Diagnostics, unused: boolean): void {
  const where = new Where(source);
  const saidOfMaps = new Set<VarDecl>();
  for (const fn of unit.functions) {
    // The name may come from the dialect's macro (TRACEPOINT_PROBE, BPF_PROG) where the body is the user's own.
    if (fn.body === undefined || !(where.users(fn.loc) || where.users(fn.body.loc))) continue;
    if (unused) unusedWarnings(fn, unit, where, diagnostics);
    flowWarnings(fn, where, diagnostics);
    suspiciousWarnings(fn, unit, where, diagnostics);
    mapWarnings(fn, where, saidOfMaps, diagnostics);
  }
}
