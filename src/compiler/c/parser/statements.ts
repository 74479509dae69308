/**
 * Statements. Each block recovers from the errors of its statements, one by one.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute, CaseLabel, Compound, Expr, If, Loop, Stmt } from '../ast.ts';
import { parseAsm } from './asm.ts';
import { parseAttributes } from './attributes.ts';
import { leaveBlock, leaveBy, leaveByGoto, leaveStatement } from './cleanups.ts';
import { BRACKET } from './cursor.ts';
import { parseDeclaration, parseStaticAssert } from './declarations.ts';
import { parseConditional, parseExpression } from './expressions.ts';
import type { Parser } from './parser.ts';
import type { Unroll } from './pragmas.ts';
import { describe, T } from './token-codes.ts';

/**
 * `{ … }`. `opensScope` is false for the body of a function, whose scope is that of its parameters.
 */
export function parseCompound(p: Parser, opensScope: boolean, isExpression = false): Compound {
  const open = p.expect(T.LBRACE, "'{'", 'before a block');
  p.enter(BRACKET, open.loc);
  if (opensScope) p.pushScope();
  const labelScopes = p.labels?.localScopes ?? 0;
  const cleanups = p.cleanups.length;
  if (p.code === T.LABEL_DECL) parseLocalLabels(p);
  const body: Stmt[] = [];
  while (p.code !== T.RBRACE) {
    if (p.code === T.EOF) {
      p.error('unclosed-bracket', p.afterPrev, "expected '}'; found the end of the file", [
        { message: "to match this '{'", loc: open.loc },
      ]);
      break;
    }
    const start = p.tok;
    const mark = p.mark();
    try {
      const statement = parseStatement(p);
      if (statement !== undefined) body.push(statement);
    } catch (thrown) {
      p.recover(thrown, mark);
      p.skipStatement(start);
    }
  }
  const end = p.tok.loc;
  reportUnroll(p, takePragmas(p));
  leaveBlock(p, cleanups, body, end, isExpression);
  p.accept(T.RBRACE);
  p.labels?.leaveLocalScopes(labelScopes);
  if (opensScope) p.popScope();
  p.leave(BRACKET);
  return { kind: 'compound', body, loc: open.loc, end };
}

function parseLocalLabels(p: Parser): void {
  p.labels?.enterLocalScope();
  while (p.accept(T.LABEL_DECL)) {
    do {
      const name = p.expectIdentifier('that names a label');
      p.labels?.declare(name.text, name.loc);
    } while (p.accept(T.COMMA));
    p.expectSemicolon('__label__');
  }
}

/** A statement or declaration of a block; undefined where nothing is left of it in the tree. */
function parseStatement(p: Parser): Stmt | undefined {
  const unroll = takePragmas(p);
  if (unroll !== undefined) {
    if (p.code === T.FOR || p.code === T.WHILE || p.code === T.DO) return parseLoop(p, unroll.unroll);
    reportUnroll(p, unroll);
  }
  const { tok } = p;
  const { loc } = tok;
  switch (p.code) {
    case T.LBRACE:
      return parseCompound(p, true);
    case T.SEMI:
      p.advance();
      return { kind: 'empty', loc };
    case T.IF:
      return parseIf(p);
    case T.FOR:
    case T.WHILE:
    case T.DO:
      return parseLoop(p, undefined);
    case T.SWITCH:
      return parseSwitch(p);
    case T.CASE:
    case T.DEFAULT:
      return parseCases(p);
    case T.BREAK:
      p.advance();
      if (p.loops === 0 && p.switches === 0) p.error('break-outside-loop', loc, "'break' stands in no loop or switch");
      p.expectSemicolon("'break'");
      return leaveBy(p, { kind: 'break', loc });
    case T.CONTINUE:
      p.advance();
      if (p.loops === 0) p.error('continue-outside-loop', loc, "'continue' stands in no loop");
      p.expectSemicolon("'continue'");
      return leaveBy(p, { kind: 'continue', loc });
    case T.RETURN: {
      p.advance();
      const value = p.code === T.SEMI ? undefined : parseExpression(p);
      p.expectSemicolon("'return'");
      return leaveBy(p, { kind: 'return', value: p.actions.returnValue(value, loc), loc });
    }
    case T.GOTO:
      return parseGoto(p);
    case T.ASM:
      return parseAsm(p);
    case T.STATIC_ASSERT:
      parseStaticAssert(p);
      return undefined;
    case T.ELSE:
      return p.fail('else-without-if', "'else' without an 'if' before it");
    case T.LABEL_DECL:
      return p.fail('misplaced-label-declaration', "'__label__' is allowed at the start of a block only");
    case T.IDENT:
      if (p.peekCode() === T.COLON) return parseLabel(p);
      return startsLocalDeclaration(p) ? parseLocalDeclaration(p, []) : parseExpressionStatement(p);
    case T.EXTENSION:
      // Before a declaration or before an expression.
      if (p.peekCode() === T.EXTENSION || !startsDeclarationAt(p, 1)) return parseExpressionStatement(p);
      p.advance();
      return parseLocalDeclaration(p, []);
    case T.ATTRIBUTE:
      return parseAttributed(p);
    case T.LBRACKET:
      return p.atBracketAttribute() ? parseAttributed(p) : parseExpressionStatement(p);
    default:
      return p.startsDeclaration() ? parseLocalDeclaration(p, []) : parseExpressionStatement(p);
  }
}

/** The statement that a loop, `if` or label governs: declarations are none. */
function parseSubStatement(p: Parser, after: string): Stmt {
  if (p.code === T.RBRACE) p.fail('expected-statement', `expected a statement after ${after}; ${p.found()}`, undefined, p.afterPrev);
  const { loc } = p.tok;
  const cost = p.code === T.LBRACE ? 0 : 2;
  p.enter(cost);
  const statement = parseStatement(p);
  p.leave(cost);
  if (statement?.kind === 'decl')
    p.error('declaration-as-statement', loc, `a declaration cannot stand directly after ${after}: put it into { }`);
  return statement ?? { kind: 'empty', loc };
}

function parseExpressionStatement(p: Parser): Stmt {
  const { loc } = p.tok;
  const expr = parseExpression(p);
  p.expectSemicolon('an expression');
  return { kind: 'expr', expr: p.actions.expressionStatement(expr), loc };
}

/* ---------- declarations ---------- */

function startsDeclarationAt(p: Parser, n: number): boolean {
  const code = p.peekCode(n);
  return code === T.TYPEDEF || code === T.STATIC || code === T.EXTERN || code === T.REGISTER || code === T.AUTO_TYPE || p.startsTypeName(n);
}

/** At an identifier: is it a type, known or (by what follows) unknown? */
function startsLocalDeclaration(p: Parser): boolean {
  const next = p.peekCode();
  // What follows the name of a type; everything else is decided without a look at scopes.
  if (
    next !== T.IDENT &&
    next !== T.STAR &&
    next !== T.LPAREN &&
    next !== T.QUALIFIER &&
    next !== T.ATTRIBUTE &&
    next !== T.SEMI &&
    next !== T.STATIC &&
    next !== T.ATOMIC &&
    next !== T.NULLABILITY
  )
    return false;
  const meaning = p.actions.classify(p.tok.text);
  if (meaning === 'type') return true;
  if (meaning === 'value') return false;
  if (next === T.IDENT) return true;
  // `foo *bar;` with both names unknown cannot be a multiplication.
  if (next !== T.STAR || p.peekCode(2) !== T.IDENT) return false;
  const behind = p.peekCode(3);
  return (behind === T.SEMI || behind === T.ASSIGN || behind === T.COMMA) && p.actions.classify(p.peek(2).text) === undefined;
}

function parseLocalDeclaration(p: Parser, attributes: Attribute[]): Stmt | undefined {
  const { loc } = p.tok;
  const vars = parseDeclaration(p, 'block', attributes);
  return vars.length > 0 ? { kind: 'decl', vars, loc } : undefined;
}

/** `__attribute__((fallthrough));`, or attributes before a declaration or statement. */
function parseAttributed(p: Parser): Stmt | undefined {
  const { loc } = p.tok;
  const attributes: Attribute[] = [];
  parseAttributes(p, attributes);
  if (p.accept(T.SEMI)) return { kind: 'empty', loc };
  const declares = p.code === T.IDENT ? p.peekCode() !== T.COLON && startsLocalDeclaration(p) : p.startsDeclaration();
  return declares ? parseLocalDeclaration(p, attributes) : parseStatement(p);
}

/* ---------- if and loops ---------- */

function parseCondition(p: Parser, after: string): Expr {
  const open = p.expect(T.LPAREN, "'('", `after '${after}'`);
  p.enter(BRACKET, open.loc);
  const expr = parseExpression(p);
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "')'", open);
  return p.actions.condition(expr, open.loc);
}

/** A chain of `else if` is read in a loop and put together from its end, so that its length costs no stack. */
function parseIf(p: Parser): If {
  const links: { cond: Expr; then: Stmt; loc: Loc }[] = [];
  let last: Stmt | undefined;
  const { depth } = p;
  for (;;) {
    const { loc } = p.advance();
    p.enter(1, loc);
    const cond = parseCondition(p, 'if');
    links.push({ cond, then: parseSubStatement(p, "'if (…)'"), loc });
    if (!p.accept(T.ELSE)) break;
    if (p.code === T.IF) continue;
    last = parseSubStatement(p, "'else'");
    break;
  }
  p.depth = depth;
  let statement: If | undefined;
  for (let i = links.length - 1; i >= 0; i--) {
    const { cond, then, loc } = links[i] as (typeof links)[number];
    statement = { kind: 'if', cond, then, else: statement ?? last, loc };
  }
  return statement as If;
}

function parseLoop(p: Parser, unroll: Unroll | undefined): Stmt {
  const { text, loc } = p.advance();
  const hint = unroll === undefined ? {} : { unroll };
  switch (text) {
    case 'while': {
      const cond = parseCondition(p, 'while');
      return { kind: 'loop', form: 'while', init: undefined, cond, step: undefined, body: parseLoopBody(p, "'while (…)'"), ...hint, loc };
    }
    case 'do': {
      const body = parseLoopBody(p, "'do'");
      if (p.code !== T.WHILE) {
        p.fail(
          'expected-token',
          `expected 'while' after the body of 'do'; ${p.found()}`,
          [{ message: "to match this 'do'", loc }],
          p.afterPrev,
        );
      }
      p.advance();
      const cond = parseCondition(p, 'while');
      p.expectSemicolon("'do … while (…)'");
      return { kind: 'loop', form: 'do', init: undefined, cond, step: undefined, body, ...hint, loc };
    }
    default: {
      const cleanups = p.cleanups.length;
      return leaveStatement(p, cleanups, { ...parseFor(p), ...hint, loc });
    }
  }
}

function parseFor(p: Parser): Omit<Loop, 'loc'> {
  const open = p.expect(T.LPAREN, "'('", "after 'for'");
  p.pushScope();
  p.enter(BRACKET, open.loc);
  const init = parseForInit(p);
  const cond = p.code === T.SEMI ? undefined : p.actions.condition(parseExpression(p), p.tok.loc);
  if (p.code === T.RPAREN) p.fail('expected-semicolon', "expected ';' after the condition of 'for'; found ')'", undefined, p.tok.loc);
  p.expect(T.SEMI, "';'", "after the condition of 'for'");
  const step = p.code === T.RPAREN ? undefined : p.actions.expressionStatement(parseExpression(p));
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "')'", open);
  const body = parseLoopBody(p, "'for (…)'");
  p.popScope();
  return { kind: 'loop', form: 'for', init, cond, step, body };
}

function parseForInit(p: Parser): Stmt | undefined {
  if (p.accept(T.SEMI)) return undefined;
  const extension = p.code === T.EXTENSION && startsDeclarationAt(p, 1);
  if (extension) p.advance();
  if (extension || (p.code === T.IDENT ? startsLocalDeclaration(p) : p.startsDeclaration())) return parseLocalDeclaration(p, []);
  const { loc } = p.tok;
  const expr = parseExpression(p);
  p.expect(T.SEMI, "';'", "after the first part of 'for'");
  return { kind: 'expr', expr: p.actions.expressionStatement(expr), loc };
}

function parseLoopBody(p: Parser, after: string): Stmt {
  p.loops++;
  const body = parseSubStatement(p, after);
  p.loops--;
  return body;
}

/* ---------- switch, labels, goto ---------- */

function parseSwitch(p: Parser): Stmt {
  const { actions } = p;
  const { loc } = p.advance();
  const open = p.expect(T.LPAREN, "'('", "after 'switch'");
  p.enter(BRACKET, open.loc);
  const operand = parseExpression(p);
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "')'", open);
  const value = actions.beginSwitch(operand, loc);
  p.switches++;
  let body: Stmt | undefined;
  try {
    body = parseSubStatement(p, "'switch (…)'");
  } finally {
    // Sema counts its switches, so this one ends there even if its body is beyond recovery.
    if (body === undefined) actions.finishSwitch({ kind: 'empty', loc }, loc);
  }
  p.switches--;
  return { kind: 'switch', value, body, cases: actions.finishSwitch(body, loc), loc };
}

/** What a label stands before: also a declaration, or nothing at the end of a block. */
function parseLabeled(p: Parser, after: string): Stmt {
  const { loc } = p.tok;
  if (p.code === T.RBRACE) return { kind: 'empty', loc };
  if (p.code === T.EOF) p.fail('expected-statement', `expected a statement after ${after}; found ${describe(p.tok)}`);
  p.enter(2);
  const statement = parseStatement(p);
  p.leave(2);
  return statement ?? { kind: 'empty', loc };
}

/** Each label in a row nests the tree by one. */
const MAX_CASES = 2000;

/** `case` and `default` in a row are read in a loop: there may be hundreds. */
function parseCases(p: Parser): Stmt {
  const labels: CaseLabel[] = [];
  const start = p.tok;
  let text = '';
  while (p.code === T.CASE || p.code === T.DEFAULT) {
    text = p.tok.text;
    const label = parseCase(p);
    if (label !== undefined) labels.push(label);
    if (labels.length > MAX_CASES) p.fail('nesting-too-deep', `more than ${MAX_CASES} case labels in a row`, undefined, start.loc);
  }
  let body = parseLabeled(p, `'${text}:'`);
  for (let i = labels.length - 1; i >= 0; i--) {
    const label = labels[i] as CaseLabel;
    label.body = body;
    body = label;
  }
  return body;
}

function parseCase(p: Parser): CaseLabel | undefined {
  const { text, loc } = p.advance();
  let low: Expr | undefined;
  let high: Expr | undefined;
  if (text === 'case') {
    low = parseConditional(p);
    if (p.accept(T.ELLIPSIS)) high = parseConditional(p);
  }
  if (p.code === T.SEMI) {
    p.error('expected-token', p.tok.loc, `expected ':' after '${text}'; found ';'`);
    p.advance();
  } else {
    p.expect(T.COLON, "':'", `after '${text}'`);
  }
  if (p.switches > 0) return p.actions.caseLabel(low, high, loc);
  p.error('case-outside-switch', loc, `'${text}' stands in no switch`);
  return undefined;
}

function parseLabel(p: Parser): Stmt {
  const { text, loc } = p.advance();
  p.advance();
  const attributes: Attribute[] = [];
  if (p.code === T.ATTRIBUTE) parseAttributes(p, attributes);
  const name =
    p.labels?.define(
      text,
      loc,
      p.jumps,
      attributes.some((a) => a.name === 'unused'),
      p.cleanups,
    ) ?? text;
  if (attributes.length > 0 && p.accept(T.SEMI)) return { kind: 'label', name, body: { kind: 'empty', loc }, loc };
  return { kind: 'label', name, body: parseLabeled(p, `'${text}:'`), loc };
}

function parseGoto(p: Parser): Stmt {
  const { loc } = p.advance();
  if (p.code === T.STAR) {
    p.fail('computed-goto', "'goto *address' is not supported: BPF has no indirect jumps; use a switch", undefined, loc);
  }
  const label = p.expectIdentifier("after 'goto'");
  const name = p.labels?.use(label.text, label.loc, p.jumps, p.cleanups) ?? label.text;
  p.expectSemicolon("'goto'");
  return leaveByGoto(p, name, label, loc);
}

/* ---------- pragmas ---------- */

interface UnrollPragma {
  readonly unroll: Unroll;
  readonly text: string;
  readonly loc: Loc;
}

function takePragmas(p: Parser): UnrollPragma | undefined {
  let found: UnrollPragma | undefined;
  for (const pragma of p.takePragmas()) {
    const unroll = p.pragmaState.take(pragma, p.diagnostics);
    if (unroll !== undefined) found = { unroll, text: pragma.text, loc: pragma.loc };
  }
  return found;
}

function reportUnroll(p: Parser, unroll: UnrollPragma | undefined): void {
  if (unroll !== undefined) p.warn('misplaced-pragma', unroll.loc, `#pragma ${unroll.text.trim()} stands before no loop and is ignored`);
}
