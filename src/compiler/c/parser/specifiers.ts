/**
 * Declaration specifiers: storage, qualifiers, type and attributes, in any order.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute } from '../ast.ts';
import type { DeclSpec, Storage } from '../sema/actions.ts';
import type { QualType } from '../types.ts';
import { QUAL } from '../types.ts';
import { isTypeAttribute, parseAttributes } from './attributes.ts';
import { parseTypeName } from './declarators.ts';
import { parseConditional, parseExpression } from './expressions.ts';
import type { Parser } from './parser.ts';
import { parseEnum, parseRecord } from './records.ts';
import { basicWord, describe, qualifierBit, T } from './token-codes.ts';

/** Where specifiers stand: it decides which of them are allowed, and what a missing type means. */
export type Place = 'file' | 'block' | 'field' | 'param' | 'typeName';

export interface Specifiers {
  readonly spec: DeclSpec;
  /** `__auto_type`: the type comes from the initialiser. */
  readonly auto: boolean;
  /** A struct, union or enum with a body stands in them. */
  readonly defines: 'record' | 'enum' | undefined;
  /** No type was named: int, as before C99. */
  readonly implicitInt: boolean;
}

interface State {
  storage: Storage;
  inline: boolean;
  noreturn: boolean;
  alignas: number | undefined;
  quals: number;
  type: QualType | undefined;
  typeLoc: Loc;
  words: string[] | undefined;
  auto: boolean;
  defines: 'record' | 'enum' | undefined;
  readonly attributes: Attribute[];
}

const PLACES: Record<Place, string> = {
  file: 'here',
  block: 'here',
  field: 'on a member',
  param: 'on a parameter',
  typeName: 'in a type name',
};

export function parseSpecifiers(p: Parser, place: Place, attributes: Attribute[] = []): Specifiers {
  const start = p.tok;
  const s: State = {
    storage: 'none',
    inline: false,
    noreturn: false,
    alignas: undefined,
    quals: 0,
    type: undefined,
    typeLoc: start.loc,
    words: undefined,
    auto: false,
    defines: undefined,
    attributes,
  };
  while (parseSpecifier(p, place, s)) {
    /* one after the other */
  }
  let implicitInt = false;
  if (s.words !== undefined) {
    s.type = { type: p.actions.basicType(s.words, s.typeLoc), quals: 0 };
  } else if (s.type === undefined) {
    implicitInt = !s.auto;
    if (implicitInt) checkImplicitInt(p, place, p.tok === start);
    s.type = { type: p.actions.basicType(['int'], start.loc), quals: 0 };
  }
  let declarationAttributes: readonly Attribute[] = s.attributes;
  if (s.quals !== 0 || s.attributes.length > 0) {
    const typeAttributes = s.attributes.filter(isTypeAttribute);
    if (typeAttributes.length > 0) declarationAttributes = s.attributes.filter((a) => !isTypeAttribute(a));
    if (s.quals !== 0 || typeAttributes.length > 0) s.type = p.actions.qualify(s.type, s.quals, typeAttributes);
  }
  const { storage, inline, noreturn, alignas, type } = s;
  return {
    spec: { type, storage, inline, noreturn, alignas, attributes: declarationAttributes, loc: start.loc },
    auto: s.auto,
    defines: s.defines,
    implicitInt,
  };
}

/** One specifier; false where there is none. */
function parseSpecifier(p: Parser, place: Place, s: State): boolean {
  const { tok, actions } = p;
  switch (p.code) {
    case T.TYPEDEF:
    case T.EXTERN:
    case T.STATIC:
    case T.AUTO:
    case T.REGISTER:
      p.advance();
      setStorage(p, place, s, tok.text as Storage, tok.loc);
      return true;
    case T.THREAD:
      p.advance();
      p.error('thread-local', tok.loc, `'${tok.text}': BPF programs have no threads of their own; use a per-CPU map or task storage`);
      return true;
    case T.INLINE:
    case T.NORETURN:
      p.advance();
      if (place !== 'file' && place !== 'block') p.error('misplaced-specifier', tok.loc, `'${tok.text}' is not allowed ${PLACES[place]}`);
      if (tok.text === '_Noreturn') s.noreturn = true;
      else s.inline = true;
      return true;
    case T.ALIGNAS:
      s.alignas = Math.max(s.alignas ?? 0, parseAlignas(p));
      return true;
    case T.QUALIFIER:
      p.advance();
      s.quals |= qualifierBit(tok.text);
      return true;
    case T.NULLABILITY:
    case T.EXTENSION:
      p.advance();
      return true;
    case T.ATTRIBUTE:
      parseAttributes(p, s.attributes);
      return true;
    case T.LBRACKET:
      if (!p.atBracketAttribute()) return false;
      parseAttributes(p, s.attributes);
      return true;
    case T.ATOMIC: {
      p.advance();
      s.quals |= QUAL.ATOMIC;
      if (p.code !== T.LPAREN) return true;
      const open = p.advance();
      setType(p, s, parseTypeName(p), tok.loc, 'this type');
      p.expectClose(T.RPAREN, "')'", open);
      return true;
    }
    case T.BASIC:
      p.advance();
      if (s.type !== undefined || s.auto) p.error('two-types', tok.loc, `'${tok.text}' after another type: a declaration has one type`);
      if (s.words === undefined) s.typeLoc = tok.loc;
      (s.words ??= []).push(basicWord(tok.text));
      return true;
    case T.COMPLEX:
      p.advance();
      p.error('complex-number', tok.loc, `'${tok.text}': complex numbers are not supported: BPF has no floating point`);
      return true;
    case T.STRUCT:
    case T.UNION: {
      const { type, defined } = parseRecord(p, place);
      if (defined) s.defines = 'record';
      setType(p, s, { type, quals: 0 }, tok.loc, tok.text);
      return true;
    }
    case T.ENUM: {
      const { type, defined } = parseEnum(p);
      if (defined) s.defines = 'enum';
      setType(p, s, { type, quals: 0 }, tok.loc, tok.text);
      return true;
    }
    case T.TYPEOF:
    case T.TYPEOF_UNQUAL:
      setType(p, s, parseTypeof(p), tok.loc, 'typeof');
      return true;
    case T.AUTO_TYPE:
      p.advance();
      if (s.type !== undefined || s.words !== undefined) p.error('two-types', tok.loc, "'__auto_type' besides another type");
      if (place !== 'block' && place !== 'file')
        p.fail('misplaced-specifier', `'__auto_type' is not allowed ${PLACES[place]}`, undefined, tok.loc);
      s.auto = true;
      return true;
    case T.BIT_INT:
      return p.fail('bit-int', `'${tok.text}' is not supported`);
    case T.IDENT:
      if (s.type !== undefined || s.words !== undefined || s.auto) return false;
      if (actions.classify(tok.text) !== 'type' && !looksLikeType(p, place)) return false;
      p.advance();
      // Says so itself if the name is no type.
      setType(p, s, actions.typedefType(tok.text, tok.loc), tok.loc, tok.text);
      return true;
    default:
      return false;
  }
}

/** An identifier that is no known type stands where only a type makes sense: it is one that is not known. */
function looksLikeType(p: Parser, place: Place): boolean {
  if (place === 'field' || place === 'typeName') return true;
  const next = p.peekCode();
  if (next === T.IDENT || next === T.QUALIFIER) return true;
  if (next === T.STAR) {
    const behind = p.peekCode(2);
    return behind === T.IDENT || behind === T.STAR || behind === T.QUALIFIER || place === 'param';
  }
  return place === 'param';
}

/** `bare`: nothing at all stands before the declarator, not even `const`. */
function checkImplicitInt(p: Parser, place: Place, bare: boolean): void {
  const declarator = p.code === T.IDENT || p.code === T.STAR || p.code === T.LPAREN;
  if (place === 'typeName' ? bare : place === 'field' ? bare || !declarator : place === 'param' && !declarator)
    p.fail('expected-type', `expected a type; ${p.found()}`);
  if (!declarator && place !== 'typeName') p.fail('expected-declaration', `expected a declaration; ${p.found()}`);
  p.warn('implicit-int', p.tok.loc, `no type before ${describe(p.tok)}: int is assumed`);
}

function setStorage(p: Parser, place: Place, s: State, storage: Storage, loc: Loc): void {
  const allowed = place === 'file' || place === 'block' || (place === 'param' && storage === 'register');
  if (!allowed) p.error('misplaced-specifier', loc, `'${storage}' is not allowed ${PLACES[place]}`);
  else if (place === 'file' && storage === 'auto') p.error('misplaced-specifier', loc, "'auto' is not allowed outside a function");
  else if (s.storage === storage) p.warn('duplicate-specifier', loc, `'${storage}' is said twice`);
  else if (s.storage !== 'none') p.error('two-storage-classes', loc, `'${storage}' does not go together with '${s.storage}'`);
  else s.storage = storage;
}

function setType(p: Parser, s: State, type: QualType, loc: Loc, what: string): void {
  if (s.type !== undefined || s.words !== undefined || s.auto) {
    p.error('two-types', loc, `'${what}' after another type: a declaration has one type (is a ';' missing before it?)`);
    s.words = undefined;
  }
  s.type = type;
  s.typeLoc = loc;
}

function parseAlignas(p: Parser): number {
  const { loc } = p.advance();
  const open = p.expect(T.LPAREN, "'('", 'after _Alignas');
  const operand = p.startsTypeName() ? p.actions.alignofType(parseTypeName(p), loc) : parseConditional(p);
  p.expectClose(T.RPAREN, "')'", open);
  const value = p.actions.constant(operand, 'the alignment');
  if (value === undefined) return 0;
  if (value < 0n || value > 0x1000_0000n || (value & (value - 1n)) !== 0n) {
    p.error('bad-alignment', loc, `an alignment must be a power of two up to 2^28; found ${value}`);
    return 0;
  }
  return Number(value);
}

function parseTypeof(p: Parser): QualType {
  const word = p.advance();
  const open = p.expect(T.LPAREN, "'('", `after ${word.text}`);
  p.enter(1, word.loc);
  const type = p.startsTypeName() ? parseTypeName(p) : p.actions.typeofExpr(parseExpression(p), word.loc);
  p.leave(1);
  p.expectClose(T.RPAREN, "')'", open);
  return word.text.includes('unqual') ? { type: type.type, quals: 0 } : type;
}
