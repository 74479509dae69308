/**
 * Declarators, concrete and abstract: what stands around a name says its type, inside out.
 *
 * A declarator is read into a list of parts, from the name outwards, and applied to the base type from the far end:
 *
 *   int *(*f[3])(long)    f: array 3, pointer, function(long), pointer
 *                         int → pointer → function returning it → pointer → array of 3
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute, Expr } from '../ast.ts';
import type { Token } from '../token.ts';
import type { ParamType, QualType } from '../types.ts';
import { QUAL } from '../types.ts';
import { parseAttributes } from './attributes.ts';
import { BRACKET } from './cursor.ts';
import { parseAssignment, parseString } from './expressions.ts';
import type { Parser } from './parser.ts';
import { parseSpecifiers } from './specifiers.ts';
import { qualifierBit, T } from './token-codes.ts';

export interface FunctionPart {
  readonly kind: 'function';
  params: ParamType[];
  readonly variadic: boolean;
  readonly prototype: boolean;
  /** Names of an old-style definition: `f(a, b) int a, b; {…}`. */
  readonly names: readonly Token[] | undefined;
  readonly loc: Loc;
}
type Part =
  | { readonly kind: 'pointer'; readonly quals: number; readonly attributes: readonly Attribute[]; readonly loc: Loc }
  | { readonly kind: 'array'; readonly length: Expr | undefined; readonly quals: number; readonly loc: Loc }
  | FunctionPart;

export interface Declarator {
  /** Undefined for an abstract one. */
  name: Token | undefined;
  loc: Loc;
  readonly parts: Part[];
  readonly attributes: Attribute[];
}

/** Must there be a name? */
type Naming = 'required' | 'forbidden' | 'optional';

export function parseDeclarator(p: Parser, naming: Naming, earlier?: readonly ParamType[]): Declarator {
  const declarator: Declarator = { name: undefined, loc: p.tok.loc, parts: [], attributes: [] };
  parseInto(p, declarator, naming, earlier);
  return declarator;
}

function parseInto(p: Parser, d: Declarator, naming: Naming, earlier: readonly ParamType[] | undefined): void {
  const pointers: Part[] = [];
  parseAttributes(p, d.attributes);
  while (p.code === T.STAR) {
    pointers.push(parsePointer(p));
    checkParts(p, pointers.length);
  }
  parseAttributes(p, d.attributes);
  if (p.code === T.LPAREN && groups(p, naming)) {
    const open = p.advance();
    p.enter(BRACKET, open.loc);
    parseInto(p, d, naming, earlier);
    p.leave(BRACKET);
    p.expectClose(T.RPAREN, "')'", open);
  } else if (p.code === T.IDENT && naming !== 'forbidden') {
    d.name = p.advance();
    d.loc = d.name.loc;
    parseAttributes(p, d.attributes);
  } else if (naming === 'required') {
    const keyword = p.tok.kind === 'ident' ? ', which is a keyword' : '';
    p.fail('expected-declarator', `expected a name or '('; ${p.found()}${keyword}`, undefined, p.afterPrev);
  }
  for (;;) {
    if (p.code === T.LBRACKET && !p.atBracketAttribute()) d.parts.push(parseArray(p, earlier));
    else if (p.code === T.LPAREN) d.parts.push(parseParameters(p));
    else break;
    checkParts(p, d.parts.length);
  }
  for (let i = pointers.length - 1; i >= 0; i--) d.parts.push(pointers[i] as Part);
}

/** Types are walked recursively by everyone after the parser. */
const MAX_PARTS = 256;

function checkParts(p: Parser, count: number): void {
  if (count > MAX_PARTS) p.fail('nesting-too-deep', `more than ${MAX_PARTS} '*', '[]' or '()' in one declarator`);
}

/** Is this `(` around a declarator, or does it open the parameters of a function without a name? */
function groups(p: Parser, naming: Naming): boolean {
  if (naming === 'required') return true;
  const code = p.peekCode();
  if (code === T.STAR || code === T.LPAREN || code === T.LBRACKET || code === T.ATTRIBUTE) return true;
  return naming === 'optional' && code === T.IDENT && !p.startsTypeName(1);
}

function parsePointer(p: Parser): Part {
  const { loc } = p.advance();
  const attributes: Attribute[] = [];
  const quals = parseQualifiers(p, attributes);
  return { kind: 'pointer', quals, attributes, loc };
}

function parseQualifiers(p: Parser, attributes: Attribute[]): number {
  let quals = 0;
  for (;;) {
    if (p.code === T.QUALIFIER) quals |= qualifierBit(p.advance().text);
    else if (p.code === T.ATOMIC) {
      p.advance();
      quals |= QUAL.ATOMIC;
    } else if (p.code === T.NULLABILITY) p.advance();
    else if (p.code === T.ATTRIBUTE) parseAttributes(p, attributes);
    else return quals;
  }
}

/** `[n]`, `[]`; in parameters also `[static const n]` and `[*]`. */
function parseArray(p: Parser, earlier: readonly ParamType[] | undefined): Part {
  const open = p.advance();
  let quals = 0;
  while (p.code === T.QUALIFIER || p.code === T.STATIC) {
    if (p.code === T.QUALIFIER) quals |= qualifierBit(p.tok.text);
    p.advance();
  }
  let length: Expr | undefined;
  if (p.code === T.STAR && p.peekCode() === T.RBRACKET) {
    p.advance();
  } else if (p.code !== T.RBRACKET) {
    // `int a[n]` may name a parameter before it; that is rare enough to open a scope only here.
    const scope = earlier !== undefined && earlier.length > 0 && p.code !== T.NUMBER && p.actions.declareParameter !== undefined;
    if (scope) {
      p.pushScope();
      for (const param of earlier) p.actions.declareParameter?.(param);
    }
    p.enter(BRACKET, open.loc);
    length = parseAssignment(p);
    p.leave(BRACKET);
    if (scope) p.popScope();
  }
  p.expectClose(T.RBRACKET, "']'", open);
  return { kind: 'array', length, quals, loc: open.loc };
}

/* ---------- parameters ---------- */

function parseParameters(p: Parser): FunctionPart {
  const open = p.advance();
  p.enter(BRACKET, open.loc);
  const params: ParamType[] = [];
  let names: Token[] | undefined;
  let variadic = false;
  let prototype = true;
  if (p.code === T.RPAREN) {
    prototype = false;
  } else if (p.code === T.ELLIPSIS) {
    p.advance();
    variadic = true;
  } else if (p.code === T.IDENT && (p.peekCode() === T.COMMA || p.peekCode() === T.RPAREN) && !p.startsTypeName()) {
    prototype = false;
    names = [];
    do names.push(p.expectIdentifier('in an old-style parameter list'));
    while (p.accept(T.COMMA));
  } else {
    do {
      if (p.code === T.ELLIPSIS) {
        p.advance();
        variadic = true;
        break;
      }
      params.push(parseParameter(p, params));
    } while (p.accept(T.COMMA));
    const only = params[0];
    if (params.length === 1 && !variadic && only?.name === undefined && only?.type.type.kind === 'void' && only.type.quals === 0)
      params.length = 0;
  }
  p.leave(BRACKET);
  p.expectClose(T.RPAREN, "',' or ')' after a parameter", open);
  return { kind: 'function', params, variadic, prototype, names, loc: open.loc };
}

function parseParameter(p: Parser, earlier: readonly ParamType[]): ParamType {
  const { loc } = p.tok;
  const { spec } = parseSpecifiers(p, 'param');
  const d = parseDeclarator(p, 'optional', earlier);
  parseAttributes(p, d.attributes);
  const type = applyParameter(p, spec.type, d);
  const attributes = spec.attributes.length === 0 ? d.attributes : [...spec.attributes, ...d.attributes];
  const tags: string[] = [];
  for (const { name, args } of attributes) if (name === 'btf_decl_tag' && args[0]?.kind === 'string') tags.push(args[0].value);
  const param = { name: d.name?.text, type, loc: d.name?.loc ?? loc };
  return tags.length > 0 ? { ...param, tags } : param;
}

/** As `applyDeclarator`, but the outermost array is a pointer: that is what a parameter `T a[n]` declares. */
export function applyParameter(p: Parser, base: QualType, d: Declarator): QualType {
  const [outer] = d.parts;
  if (outer?.kind !== 'array') return applyDeclarator(p, base, d);
  if (outer.length) p.actions.checkParameterLength?.(outer.length);
  return p.actions.pointerTo(applyParts(p, base, d, 1), outer.quals, [], outer.loc);
}

/* ---------- types ---------- */

export function applyDeclarator(p: Parser, base: QualType, d: Declarator): QualType {
  return applyParts(p, base, d, 0);
}

function applyParts(p: Parser, base: QualType, d: Declarator, from: number): QualType {
  const { actions } = p;
  let type = base;
  for (let i = d.parts.length - 1; i >= from; i--) {
    const part = d.parts[i] as Part;
    switch (part.kind) {
      case 'pointer':
        type = actions.pointerTo(type, part.quals, part.attributes, part.loc);
        break;
      case 'array':
        type = actions.arrayOf(type, part.length, part.loc);
        break;
      case 'function':
        type = actions.functionOf(type, part.params, part.variadic, part.prototype, part.loc);
        break;
      default: {
        const never: never = part;
        return never;
      }
    }
  }
  return type;
}

/** `unsigned long *(*)[3]`: specifiers and an abstract declarator. */
export function parseTypeName(p: Parser): QualType {
  const { spec } = parseSpecifiers(p, 'typeName');
  if (p.code === T.RPAREN || p.code === T.COMMA) return spec.type;
  const d = parseDeclarator(p, 'forbidden');
  parseAttributes(p, d.attributes);
  return applyDeclarator(p, spec.type, d);
}

/** `asm("name")` behind a declarator; kept as an attribute. */
export function parseAsmLabel(p: Parser, into: Attribute[]): void {
  if (p.code !== T.ASM) return;
  const { loc } = p.advance();
  const open = p.expect(T.LPAREN, "'('", 'after asm');
  into.push({ name: 'asm', args: [{ kind: 'string', value: parseString(p) }], loc });
  p.expectClose(T.RPAREN, "')'", open);
}
