/**
 * Initialisers: an expression or a braced list with designators, C's and GNU's (`.a.b[2] = v`, `[1 ... 5] = v`,
 * `field: v`, `[1] v`). What they initialise is decided by sema.
 */
import type { Designator, ParsedInit, ParsedInitItem } from '../sema/actions.ts';
import { BRACKET } from './cursor.ts';
import { parseAssignment, parseConditional } from './expressions.ts';
import type { Parser } from './parser.ts';
import { T } from './token-codes.ts';

export function parseInit(p: Parser): ParsedInit {
  if (p.code === T.LBRACE) return parseBracedInit(p);
  const { loc } = p.tok;
  return { kind: 'expr', expr: parseAssignment(p), loc };
}

export function parseBracedInit(p: Parser): ParsedInit {
  const open = p.expect(T.LBRACE, "'{'", 'before an initializer list');
  p.enter(BRACKET, open.loc);
  const items: ParsedInitItem[] = [];
  while (p.code !== T.RBRACE) {
    const { loc } = p.tok;
    const designators = parseDesignators(p);
    items.push({ designators, value: parseInit(p), loc });
    if (!p.accept(T.COMMA)) break;
  }
  p.leave(BRACKET);
  const close = p.expectClose(T.RBRACE, "',' or '}' after an initializer", open);
  return { kind: 'list', items, loc: open.loc, end: close.loc };
}

const NONE: readonly Designator[] = [];

function parseDesignators(p: Parser): readonly Designator[] {
  if (p.code === T.IDENT && p.peekCode() === T.COLON) {
    const name = p.advance();
    p.advance();
    return [{ kind: 'field', name: name.text, loc: name.loc }];
  }
  if (p.code !== T.DOT && p.code !== T.LBRACKET) return NONE;
  const designators: Designator[] = [];
  for (;;) {
    const { tok } = p;
    if (p.accept(T.DOT)) {
      const name = p.expectIdentifier("after '.' in a designator");
      designators.push({ kind: 'field', name: name.text, loc: name.loc });
    } else if (p.accept(T.LBRACKET)) {
      const low = parseConditional(p);
      const high = p.accept(T.ELLIPSIS) ? parseConditional(p) : undefined;
      p.expectClose(T.RBRACKET, high === undefined ? "'...' or ']' in a designator" : "']' in a designator", tok);
      designators.push({ kind: 'index', low, high, loc: tok.loc });
    } else {
      break;
    }
  }
  // Old GNU C leaves the `=` out behind `[1]`.
  if (designators.length > 1 || designators[0]?.kind === 'field') p.expect(T.ASSIGN, "'='", 'after a designator');
  else p.accept(T.ASSIGN);
  return designators;
}
