/**
 * The parser: tokens in, calls of `Actions` out.
 *
 *   preprocessor ──tokens──▶ parser ──what was recognised──▶ Actions (sema) ──▶ typed tree
 *
 * It knows the grammar of C11 with the GNU extensions that BPF programs and the kernel use, and nothing of types but
 * one question: "is this identifier a type name?" (`Actions.classify`). It never goes back: at most three tokens of
 * look-ahead decide everything. One token of the source is looked at about once; keywords and punctuators are small
 * numbers (`token-codes.ts`).
 *
 *   cursor, parser     look-ahead, expectations, recovery, what encloses the current token
 *   expressions        precedence climbing
 *   specifiers, records, declarators, initializers, attributes, declarations
 *   statements, labels, pragmas, asm
 *
 * Promises: it ends on every input (brackets and operators nest to a limit, then it stops with a diagnostic); every
 * `begin…` of `Actions` is finished unless it stopped; an error does not hide the next one. Diagnostics are those of
 * syntax, of labels and of `break`, `continue` and `case` in the wrong place; all others are sema's.
 *
 * Source: ISO/IEC 9899:2011 clause 6 and annex A; the GCC manual, "Extensions to the C Language Family".
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { TranslationUnit } from '../ast.ts';
import type { Actions } from '../sema/actions.ts';
import type { TokenSource } from '../token.ts';
import { Stop } from './cursor.ts';
import { parseExternalDeclaration } from './declarations.ts';
import { Parser } from './parser.ts';
import { T } from './token-codes.ts';

export function parse(tokens: TokenSource, actions: Actions, diagnostics: Diagnostics): TranslationUnit {
  parseDeclarations(tokens, actions, diagnostics);
  return actions.finish();
}

/** The declarations of a text that comes in besides the user's (a dialect's type or prototype); ends nothing. */
export function parseDeclarations(tokens: TokenSource, actions: Actions, diagnostics: Diagnostics): void {
  const p = new Parser(tokens, actions, diagnostics);
  const outermost = p.mark();
  while (p.code !== T.EOF) {
    const start = p.tok;
    try {
      parseExternalDeclaration(p);
    } catch (thrown) {
      if (thrown instanceof Stop) return;
      p.recover(thrown, outermost);
      p.labels = undefined;
      if (p.code === T.RBRACE) p.advance();
      else p.skipStatement(start);
    }
  }
  for (const pragma of p.takePragmas()) p.pragmaState.take(pragma, diagnostics);
}
