/**
 * Struct, union and enum specifiers with their bodies.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute } from '../ast.ts';
import type { FieldSpec } from '../sema/actions.ts';
import type { EnumType, QualType, RecordType } from '../types.ts';
import { isTypeAttribute, parseAttributes } from './attributes.ts';
import { BRACKET } from './cursor.ts';
import { parseStaticAssert } from './declarations.ts';
import { applyDeclarator, parseDeclarator } from './declarators.ts';
import { parseConditional } from './expressions.ts';
import type { Parser } from './parser.ts';
import type { Place } from './specifiers.ts';
import { parseSpecifiers } from './specifiers.ts';
import { describe, T } from './token-codes.ts';

export function parseRecord(p: Parser, place: Place): { type: RecordType; defined: boolean } {
  const keyword = p.advance();
  const tag = keyword.text as 'struct' | 'union';
  const attributes: Attribute[] = [];
  parseAttributes(p, attributes);
  const name = p.code === T.IDENT ? p.advance() : undefined;
  const loc = name?.loc ?? keyword.loc;
  if (p.code !== T.LBRACE) {
    if (name === undefined) p.fail('expected-tag', `expected a name or '{' after '${tag}'; ${p.found()}`, undefined, p.afterPrev);
    const declares = p.code === T.SEMI && (place === 'file' || place === 'block');
    return { type: p.actions.recordReference(tag, name.text, loc, declares), defined: false };
  }
  const type = p.actions.beginRecord(tag, name?.text, loc);
  const fields: FieldSpec[] = [];
  const open = p.advance();
  p.enter(BRACKET, open.loc);
  for (const pragma of p.takePragmas()) p.pragmaState.take(pragma, p.diagnostics);
  if (p.pragmaState.givesRecordAttributes) attributes.push(...p.pragmaState.recordAttributes(loc));
  while (p.code !== T.RBRACE && p.code !== T.EOF) {
    const start = p.tok;
    const mark = p.mark();
    try {
      parseFields(p, fields);
    } catch (thrown) {
      p.recover(thrown, mark);
      p.skipStatement(start);
    }
  }
  p.leave(BRACKET);
  const end = p.tok.loc;
  try {
    p.expectClose(T.RBRACE, `'}' at the end of ${tag} ${name?.text ?? ''}`.trimEnd(), open);
    parseAttributes(p, attributes);
  } finally {
    // Also where its end is missing: or every use of the type would fail too.
    p.actions.finishRecord(type, fields, attributes, end);
  }
  return { type, defined: true };
}

/** One declaration of members: `unsigned a : 3, *b;`. */
function parseFields(p: Parser, into: FieldSpec[]): void {
  if (p.accept(T.SEMI)) return;
  if (p.code === T.STATIC_ASSERT) {
    parseStaticAssert(p);
    return;
  }
  const { spec, defines } = parseSpecifiers(p, 'field');
  const { alignas } = spec;
  if (p.code === T.SEMI) {
    const { loc } = p.advance();
    const { type } = spec.type;
    if (type.kind === 'record' && type.name === '' && defines === 'record') {
      into.push({ name: undefined, type: spec.type, width: undefined, attributes: spec.attributes, alignas, loc: spec.loc });
    } else if (defines === undefined || type.kind === 'record') {
      p.warn('declares-nothing', spec.loc === 0 ? loc : spec.loc, 'this declares no member');
    }
    return;
  }
  do {
    const start = p.tok.loc;
    const attributes: Attribute[] = spec.attributes.length === 0 ? [] : [...spec.attributes];
    let name: string | undefined;
    let loc: Loc = start;
    let type: QualType = spec.type;
    if (p.code !== T.COLON) {
      const d = parseDeclarator(p, 'required');
      name = d.name?.text;
      loc = d.loc;
      type = applyDeclarator(p, spec.type, d);
      attributes.push(...d.attributes);
    }
    const width = p.accept(T.COLON) ? parseConditional(p) : undefined;
    parseAttributes(p, attributes);
    const ofType = attributes.filter(isTypeAttribute);
    if (ofType.length > 0) type = p.actions.qualify(type, 0, ofType);
    into.push({ name, type, width, attributes: attributes.filter((a) => !isTypeAttribute(a)), alignas, loc });
  } while (p.accept(T.COMMA));
  if (p.code === T.RBRACE) p.warn('expected-semicolon', p.afterPrev, "expected ';' after the last member");
  else p.expectSemicolon('a member');
}

export function parseEnum(p: Parser): { type: EnumType; defined: boolean } {
  const { actions } = p;
  const keyword = p.advance();
  const attributes: Attribute[] = [];
  parseAttributes(p, attributes);
  const name = p.code === T.IDENT ? p.advance() : undefined;
  const loc = name?.loc ?? keyword.loc;
  let underlying: QualType | undefined;
  // `enum e : 3;` in a record is a bit-field without a name.
  if (p.code === T.COLON && p.startsTypeName(1)) {
    p.advance();
    underlying = parseSpecifiers(p, 'typeName').spec.type;
  }
  if (p.code !== T.LBRACE) {
    if (name === undefined) p.fail('expected-tag', `expected a name or '{' after 'enum'; ${p.found()}`, undefined, p.afterPrev);
    return { type: actions.enumReference(name.text, loc), defined: false };
  }
  const type = actions.beginEnum(name?.text, loc, underlying);
  const open = p.advance();
  while (p.code !== T.RBRACE && p.code !== T.EOF) {
    const start = p.tok;
    const mark = p.mark();
    try {
      const enumerator = p.expectIdentifier('that names an enumerator');
      parseAttributes(p, []);
      actions.enumerator(type, enumerator.text, p.accept(T.ASSIGN) ? parseConditional(p) : undefined, enumerator.loc);
      if (!p.accept(T.COMMA) && p.code !== T.RBRACE) {
        p.fail('expected-token', `expected ',' or '}' after an enumerator; found ${describe(p.tok)}`, undefined, p.afterPrev);
      }
    } catch (thrown) {
      p.recover(thrown, mark);
      skipEnumerator(p);
      if (p.code === T.SEMI) break;
      if (p.tok === start) p.advance();
    }
  }
  const end = p.tok.loc;
  try {
    p.expectClose(T.RBRACE, "'}' at the end of the enum", open);
    parseAttributes(p, attributes);
  } finally {
    actions.finishEnum(type, attributes, end);
  }
  return { type, defined: true };
}

function skipEnumerator(p: Parser): void {
  let parens = 0;
  for (; p.code !== T.RBRACE && p.code !== T.SEMI && p.code !== T.EOF; p.advance()) {
    if (p.code === T.LPAREN) parens++;
    else if (p.code === T.RPAREN) parens--;
    else if (p.code === T.COMMA && parens <= 0) {
      p.advance();
      return;
    }
  }
}
