/**
 * Attributes: `__attribute__((name(args), …))` and `[[prefix::name(args)]]`.
 *
 * They are collected with their arguments and handed on; what they mean is sema's business. Arguments of attributes
 * that nobody here knows are skipped without a look, because they may be anything.
 */
import type { Attribute, AttributeArg } from '../ast.ts';
import { BRACKET } from './cursor.ts';
import { parseTypeName } from './declarators.ts';
import { parseAssignment, parseString } from './expressions.ts';
import type { Parser } from './parser.ts';
import { T } from './token-codes.ts';

/** These take constant expressions; `skep_*` (the dialects' own) takes expressions and type names. */
const EXPRESSION_ARGUMENTS = new Set([
  'aligned',
  'address_space',
  'vector_size',
  'ext_vector_type',
  'alloc_size',
  'alloc_align',
  'assume_aligned',
  'nonnull',
  'sentinel',
  'constructor',
  'destructor',
  'regparm',
]);
/** These belong to the type they stand at and not to what is declared. */
const OF_TYPES = new Set(['btf_type_tag', 'address_space', 'noderef', 'mode', 'vector_size', 'ext_vector_type']);

export function isTypeAttribute(attribute: Attribute): boolean {
  return OF_TYPES.has(attribute.name);
}

/** All attributes at the cursor, into the list. */
export function parseAttributes(p: Parser, into: Attribute[]): void {
  for (;;) {
    if (p.code === T.ATTRIBUTE) parseGnu(p, into);
    else if (p.atBracketAttribute()) parseBracketed(p, into);
    else return;
  }
}

function parseGnu(p: Parser, into: Attribute[]): void {
  p.advance();
  const open = p.expect(T.LPAREN, "'(('", 'after __attribute__');
  p.enter(BRACKET, open.loc);
  p.expect(T.LPAREN, "'(('", 'after __attribute__');
  do {
    if (p.code === T.COMMA || p.code === T.RPAREN) continue;
    parseOne(p, into);
  } while (p.accept(T.COMMA));
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "')'", open);
  p.expectClose(T.RPAREN, "')'", open);
}

function parseBracketed(p: Parser, into: Attribute[]): void {
  const open = p.advance();
  p.advance();
  do {
    if (p.code === T.COMMA || p.code === T.RBRACKET) continue;
    if (p.peekCode() === T.COLONCOLON) {
      p.advance();
      p.advance();
    } else if (p.peekCode() === T.COLON && p.peekCode(2) === T.COLON) {
      p.advance();
      p.advance();
      p.advance();
    }
    parseOne(p, into);
  } while (p.accept(T.COMMA));
  p.expectClose(T.RBRACKET, "']]'", open);
  p.expectClose(T.RBRACKET, "']]'", open);
}

function parseOne(p: Parser, into: Attribute[]): void {
  // Kernel headers define `noinline`, `fallthrough` and their like as whole attributes, which then stand in others.
  if (p.code === T.ATTRIBUTE) {
    parseGnu(p, into);
    return;
  }
  if (p.tok.kind !== 'ident') p.fail('expected-identifier', `expected the name of an attribute; ${p.found()}`);
  const { text, loc } = p.advance();
  const name = text.length > 4 && text.startsWith('__') && text.endsWith('__') ? text.slice(2, -2) : text;
  const args: AttributeArg[] = [];
  if (p.code === T.LPAREN) {
    const open = p.advance();
    if (p.code !== T.RPAREN) {
      do parseArgument(p, name, args);
      while (p.accept(T.COMMA));
    }
    p.expectClose(T.RPAREN, "')'", open);
  }
  into.push({ name, args, loc });
}

function parseArgument(p: Parser, attribute: string, args: AttributeArg[]): void {
  const ends = p.peekCode() === T.COMMA || p.peekCode() === T.RPAREN;
  const own = attribute.startsWith('skep_');
  if (p.code === T.STRING) {
    args.push({ kind: 'string', value: parseString(p) });
  } else if (own && p.startsTypeName()) {
    args.push({ kind: 'type', type: parseTypeName(p) });
  } else if (p.tok.kind === 'ident' && ends && !EXPRESSION_ARGUMENTS.has(attribute) && !own) {
    args.push({ kind: 'ident', name: p.advance().text });
  } else if (p.code === T.NUMBER || own || EXPRESSION_ARGUMENTS.has(attribute)) {
    const value = p.actions.constant(parseAssignment(p), `argument of attribute '${attribute}'`);
    if (value !== undefined) args.push({ kind: 'int', value });
  } else {
    while (p.code !== T.COMMA && p.code !== T.RPAREN && p.code !== T.EOF) {
      if (p.code === T.LPAREN) p.skipParens();
      else p.advance();
    }
  }
}
