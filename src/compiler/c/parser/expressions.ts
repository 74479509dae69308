/**
 * Expressions: precedence climbing for the binary operators, recursive descent for the rest.
 *
 *   expression   assignment {, assignment}
 *   assignment   conditional [op= assignment]
 *   conditional  binary [? [expression] : conditional]
 *   cast         (type) cast | (type) {…} | unary
 *   unary        ++ -- & * + - ~ ! sizeof _Alignof && __extension__ …
 *   postfix      primary { [e] (args) .name ->name ++ -- }
 */
import type { Loc } from '../../diagnostics.ts';
import type { Expr } from '../ast.ts';
import type { BuiltinArg } from '../sema/actions.ts';
import type { Token } from '../token.ts';
import type { QualType } from '../types.ts';
import { BRACKET } from './cursor.ts';
import { parseTypeName } from './declarators.ts';
import { parseBracedInit } from './initializers.ts';
import type { Parser } from './parser.ts';
import { parseCompound } from './statements.ts';
import { describe, PRECEDENCE, STARTS_SPECIFIER, T } from './token-codes.ts';

/** Operators of one level in a row (`a + b + …`): each makes the tree one deeper. */
const MAX_CHAIN = 2000;

export function parseExpression(p: Parser): Expr {
  let left = parseAssignment(p);
  for (let chain = 0; p.code === T.COMMA; ) {
    const { loc } = p.advance();
    checkChain(p, ++chain, loc);
    left = p.actions.binary(',', left, parseAssignment(p), loc);
  }
  return left;
}

export function parseAssignment(p: Parser): Expr {
  const target = parseConditional(p);
  if (p.code !== T.ASSIGN && p.code !== T.ASSIGN_OP) return target;
  const op = p.advance();
  p.enter(1, op.loc);
  const value = parseAssignment(p);
  p.leave(1);
  return p.actions.assign(op.text, target, value, op.loc);
}

/** Also what the grammar calls a constant expression. */
export function parseConditional(p: Parser): Expr {
  const cond = parseBinary(p, 1);
  if (p.code !== T.QUESTION) return cond;
  const question = p.advance();
  p.enter(1, question.loc);
  const then = p.code === T.COLON ? undefined : parseExpression(p);
  if (p.code !== T.COLON) {
    p.fail('expected-token', `expected ':' of '?:'; ${p.found()}`, [{ message: "to match this '?'", loc: question.loc }]);
  }
  p.advance();
  const otherwise = parseConditional(p);
  p.leave(1);
  return p.actions.conditional(cond, then, otherwise, question.loc);
}

function parseBinary(p: Parser, least: number): Expr {
  let left = parseCast(p);
  for (let chain = 0; ; ) {
    const precedence = PRECEDENCE[p.code] as number;
    if (precedence < least || precedence === 0) return left;
    const op = p.advance();
    checkChain(p, ++chain, op.loc);
    left = p.actions.binary(op.text, left, parseBinary(p, precedence + 1), op.loc);
  }
}

function checkChain(p: Parser, chain: number, loc: Loc): void {
  if (chain > MAX_CHAIN) p.fail('nesting-too-deep', `more than ${MAX_CHAIN} operators in a row`, undefined, loc);
}

/* ---------- casts and unary operators ---------- */

function parseCast(p: Parser): Expr {
  if (p.code !== T.LPAREN || !p.startsTypeName(1)) return parseUnary(p);
  const open = p.tok;
  const type = parseParenthesizedType(p);
  if (p.code === T.LBRACE) return parsePostfix(p, parseCompoundLiteral(p, type, open.loc));
  p.enter(1, open.loc);
  const operand = parseCast(p);
  p.leave(1);
  return p.actions.cast(type, operand, open.loc);
}

function parseParenthesizedType(p: Parser): QualType {
  const open = p.advance();
  const type = parseTypeName(p);
  p.expectClose(T.RPAREN, "')' after the type name", open);
  return type;
}

function parseCompoundLiteral(p: Parser, type: QualType, loc: Loc): Expr {
  return p.actions.compoundLiteral(type, parseBracedInit(p), loc);
}

function parseUnary(p: Parser): Expr {
  const { tok } = p;
  switch (p.code) {
    case T.INCREMENT:
    case T.DECREMENT:
    case T.AND:
    case T.STAR:
    case T.PLUS:
    case T.MINUS:
    case T.TILDE:
    case T.NOT: {
      const steps = p.code === T.INCREMENT || p.code === T.DECREMENT;
      p.advance();
      p.enter(1, tok.loc);
      const operand = steps ? parseUnary(p) : parseCast(p);
      p.leave(1);
      return p.actions.unary(tok.text as '+' | '-' | '~' | '!' | '*' | '&' | '++' | '--', operand, tok.loc);
    }
    case T.SIZEOF:
    case T.ALIGNOF:
      return parseSizeof(p, p.code === T.ALIGNOF);
    case T.EXTENSION: {
      p.advance();
      p.enter(1, tok.loc);
      const operand = parseCast(p);
      p.leave(1);
      return operand;
    }
    case T.ANDAND: {
      p.advance();
      const name = p.expectIdentifier("after '&&'");
      if (p.labels === undefined)
        p.fail('label-outside-function', 'the address of a label can only be taken inside a function', undefined, tok.loc);
      return p.actions.labelAddress(p.labels.use(name.text, name.loc, p.jumps), tok.loc);
    }
    case T.COMPLEX_PART:
      return p.fail('complex-number', 'complex numbers are not supported: BPF has no floating point');
    default:
      return parsePostfix(p, parsePrimary(p));
  }
}

function parseSizeof(p: Parser, alignment: boolean): Expr {
  const { loc } = p.advance();
  const { actions } = p;
  let operand: Expr;
  if (p.code === T.LPAREN && p.startsTypeName(1)) {
    const open = p.tok;
    const type = parseParenthesizedType(p);
    // `sizeof (int){1}` measures the compound literal.
    if (p.code !== T.LBRACE) return alignment ? actions.alignofType(type, loc) : actions.sizeofType(type, loc);
    operand = parsePostfix(p, parseCompoundLiteral(p, type, open.loc));
  } else {
    p.enter(1, loc);
    operand = parseUnary(p);
    p.leave(1);
  }
  return alignment ? actions.alignofType(actions.typeofExpr(operand, loc), loc) : actions.sizeofExpr(operand, loc);
}

/* ---------- postfix ---------- */

function parsePostfix(p: Parser, base: Expr): Expr {
  const { actions } = p;
  let expr = base;
  for (let chain = 0; ; ) {
    const { tok } = p;
    switch (p.code) {
      case T.LBRACKET: {
        p.advance();
        p.enter(BRACKET, tok.loc);
        const index = parseExpression(p);
        p.leave(BRACKET);
        p.expectClose(T.RBRACKET, "']'", tok);
        expr = actions.index(expr, index, tok.loc);
        break;
      }
      case T.LPAREN:
        expr = actions.call(expr, parseArguments(p), expr.loc);
        break;
      case T.DOT:
      case T.ARROW: {
        p.advance();
        const name = p.expectIdentifier(`after '${tok.text}'`);
        if (p.code === T.LPAREN && tok.text === '.' && actions.isMethod(expr, name.text)) {
          expr = actions.methodCall(expr, name.text, parseArguments(p), name.loc);
        } else {
          expr = actions.member(expr, name.text, tok.text === '->', name.loc);
        }
        break;
      }
      case T.INCREMENT:
      case T.DECREMENT:
        p.advance();
        expr = actions.postfix(tok.text as '++' | '--', expr, tok.loc);
        break;
      default:
        return expr;
    }
    checkChain(p, ++chain, tok.loc);
  }
}

function parseArguments(p: Parser): Expr[] {
  const open = p.advance();
  const args: Expr[] = [];
  if (p.code !== T.RPAREN) {
    p.enter(BRACKET, open.loc);
    do args.push(parseAssignment(p));
    while (p.accept(T.COMMA));
    p.leave(BRACKET);
  }
  p.expectClose(T.RPAREN, "',' or ')' after an argument", open);
  return args;
}

/** A builtin may take types (`__builtin_types_compatible_p`) and member paths (`__builtin_offsetof`). */
function parseBuiltinArguments(p: Parser, name: string): BuiltinArg[] {
  const open = p.advance();
  const args: BuiltinArg[] = [];
  if (p.code !== T.RPAREN) {
    p.enter(BRACKET, open.loc);
    do {
      if (name === '__builtin_offsetof' && args.length === 1) args.push(parseMemberPath(p));
      else if (p.startsTypeName()) args.push({ kind: 'type', loc: p.tok.loc, type: parseTypeName(p) });
      else args.push({ kind: 'expr', expr: parseAssignment(p) });
    } while (p.accept(T.COMMA));
    p.leave(BRACKET);
  }
  p.expectClose(T.RPAREN, "',' or ')' after an argument", open);
  return args;
}

function parseMemberPath(p: Parser): BuiltinArg {
  const { loc } = p.tok;
  const path: (string | Expr)[] = [p.expectIdentifier('that names a member').text];
  for (;;) {
    if (p.accept(T.DOT)) {
      path.push(p.expectIdentifier("after '.'").text);
    } else if (p.code === T.LBRACKET) {
      const open = p.advance();
      path.push(parseExpression(p));
      p.expectClose(T.RBRACKET, "']'", open);
    } else {
      return { kind: 'memberPath', path, loc };
    }
  }
}

/* ---------- primary ---------- */

function parsePrimary(p: Parser): Expr {
  const { tok, actions } = p;
  switch (p.code) {
    case T.IDENT:
      p.advance();
      if (p.code !== T.LPAREN) return actions.identifier(tok.text, tok.loc);
      if (actions.isBuiltin(tok.text)) return actions.builtinCall(tok.text, parseBuiltinArguments(p, tok.text), tok.loc);
      return actions.calleeIdentifier(tok.text, tok.loc);
    case T.NUMBER:
      p.advance();
      return actions.intLiteral(tok.text, tok.loc);
    case T.CHAR:
      p.advance();
      return actions.charLiteral(tok.text, tok.loc);
    case T.STRING:
      return actions.stringLiteral(parseStringTokens(p), tok.loc);
    case T.LPAREN:
      return parseParenthesized(p);
    case T.GENERIC:
      return parseGeneric(p);
    case T.FUNC_NAME:
      p.advance();
      return actions.stringLiteral([JSON.stringify(p.functionName)], tok.loc);
    default:
      return p.fail(
        'expected-expression',
        `expected an expression; ${foundInExpression(p)}`,
        undefined,
        p.code === T.SEMI || p.code === T.RBRACE || p.code === T.EOF ? p.afterPrev : tok.loc,
      );
  }
}

function foundInExpression(p: Parser): string {
  return STARTS_SPECIFIER[p.code] === 1 ? `found ${describe(p.tok)}, which starts a declaration or a type` : p.found();
}

function parseParenthesized(p: Parser): Expr {
  const open = p.advance();
  p.enter(BRACKET, open.loc);
  const expr = p.code === T.LBRACE ? parseStatementExpression(p, open) : parseExpression(p);
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "')'", open);
  p.actions.parenthesized?.(expr);
  return expr;
}

function parseStatementExpression(p: Parser, open: Token): Expr {
  if (p.labels === undefined) {
    p.error('statement-expression-outside-function', open.loc, 'a statement expression can only stand inside a function');
    p.unwind();
  }
  const outer = p.jumps;
  p.jumps = { parent: outer };
  const body = parseCompound(p, true, true);
  p.jumps = outer;
  return p.actions.statementExpression(body, open.loc);
}

function parseGeneric(p: Parser): Expr {
  const { loc } = p.advance();
  const open = p.expect(T.LPAREN, "'('", 'after _Generic');
  p.enter(BRACKET, open.loc);
  const control = parseAssignment(p);
  p.expect(T.COMMA, "','", 'after the controlling expression of _Generic');
  const associations: { type: QualType | undefined; value: Expr }[] = [];
  do {
    const type = p.accept(T.DEFAULT) ? undefined : parseTypeName(p);
    p.expect(T.COLON, "':'", type === undefined ? "after 'default'" : 'after the type');
    associations.push({ type, value: parseAssignment(p) });
  } while (p.accept(T.COMMA));
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "',' or ')' after an association of _Generic", open);
  return p.actions.generic(control, associations, loc);
}

/* ---------- strings ---------- */

export function parseStringTokens(p: Parser): string[] {
  const spellings: string[] = [];
  while (p.code === T.STRING) spellings.push(p.advance().text);
  return spellings;
}

/** A string that the grammar itself wants (of asm, attributes, _Static_assert): its value, without the final zero. */
export function parseString(p: Parser): string {
  const { loc } = p.tok;
  if (p.code !== T.STRING) p.fail('expected-string', `expected a string literal; ${p.found()}`);
  const literal = p.actions.stringLiteral(parseStringTokens(p), loc);
  if (literal.kind !== 'string') return '';
  const text = literal.bytes.subarray(0, literal.bytes.length - 1);
  const end = text.indexOf(0);
  // Names of sections and tags are kept in objects up to their first NUL.
  if (end >= 0) p.error('bad-string', loc, 'the compiler itself reads this string, and no NUL can be in it');
  return decoder.decode(end < 0 ? text : text.subarray(0, end));
}
const decoder = new TextDecoder();
