/** Enums. Their integer type is clang's choice: unsigned int, or int where a value is negative; 64 bits where needed. */
import type { Loc } from '../../../diagnostics.ts';
import type { Attribute, Expr } from '../../ast.ts';
import type { Enumerator, EnumType, IntType, QualType } from '../../types.ts';
import { integerValue } from '../constants.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { isErrorExpr } from '../nodes.ts';
import type { EnumeratorSymbol } from '../scopes.ts';
import { fits } from '../types/arithmetic.ts';
import { INT, LONG, Q, qual, SCHAR, SHORT, UCHAR, UINT, ULLONG, ULONG, USHORT } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { isInteger } from '../types/predicates.ts';
import { Enum } from '../types/record.ts';
import { checkAttributes, hasAttribute } from './attributes.ts';
import { wrongTag } from './records.ts';

export function enumReference(ctx: Context, name: string, loc: Loc): EnumType {
  const found = ctx.scopes.lookupTag(name);
  if (found) {
    if (found instanceof Enum) return found;
    wrongTag(ctx, name, 'enum', found, loc);
    const empty = new Enum(name, loc);
    empty.values = [];
    return empty;
  }
  const kernel = ctx.kernel?.enum(name);
  if (kernel) {
    ctx.scopes.declareTag(name, kernel, 0);
    return kernel;
  }
  if (ctx.declareByText(`enum ${name}`, () => ctx.dialect?.typeText('enum', name, ctx.dialectContext))) {
    const declared = ctx.scopes.lookupTag(name);
    if (declared instanceof Enum) return declared;
  }
  const type = new Enum(name, loc);
  ctx.scopes.declareTag(name, type);
  return type;
}

export function beginEnum(ctx: Context, name: string | undefined, loc: Loc, underlying?: QualType): EnumType {
  const type = enumToOpen(ctx, name, loc);
  type.open = [];
  if (underlying) {
    const t = underlying.type;
    if (t.kind === 'int') type.fixed = t;
    else ctx.error('bad-type', loc, `an enum must have an integer type; found ${quoteType(underlying)}`);
  }
  return type;
}

function enumToOpen(ctx: Context, name: string | undefined, loc: Loc): Enum {
  if (name === undefined) return new Enum('', loc);
  const found = ctx.scopes.lookupTagHere(name);
  if (found && !(found instanceof Enum)) {
    wrongTag(ctx, name, 'enum', found, loc);
    return new Enum(name, loc);
  }
  if (found && found.btfId === undefined) {
    if (found.values === undefined && found.open === undefined) {
      found.loc = loc;
      return found;
    }
    ctx.error('redefinition', loc, `'enum ${name}' is defined twice`, noteAt('first defined here', found.loc));
    return new Enum(name, loc);
  }
  const type = new Enum(name, loc);
  ctx.scopes.declareTag(name, type);
  return type;
}

export function enumerator(ctx: Context, type: EnumType, name: string, value: Expr | undefined, loc: Loc): void {
  if (!(type instanceof Enum) || !type.open) return;
  let v = (type.open.at(-1)?.value ?? -1n) + 1n;
  if (value) {
    const constant = integerValue(value);
    if (constant !== undefined) v = constant;
    else if (!isErrorExpr(value)) {
      const why = isInteger(value.type.type) ? 'this is not' : `this has type ${quoteType(value.type)}`;
      ctx.error('not-constant', value.loc, `the value of enumerator '${name}' must be an integer constant; ${why}`);
    }
  }
  if (v > 0xffff_ffff_ffff_ffffn || v < -0x8000_0000_0000_0000n || (type.fixed && !fits(v, type.fixed))) {
    ctx.error(
      'enumerator-range',
      loc,
      `the value of enumerator '${name}', ${v}, does not fit into ${type.fixed ? `'${type.fixed.name}'` : '64 bits'}`,
    );
    v = 0n;
  }
  type.open.push({ name, value: v, loc });
  const before = ctx.scopes.lookupHere(name);
  if (before) {
    ctx.error('redefinition', loc, `'${name}' is declared twice`, noteAt('first declared here', before.loc));
    return;
  }
  // Until the brace the type of a constant is the one of its value.
  const own = type.fixed ?? (fits(v, INT) ? INT : fits(v, UINT) ? UINT : fits(v, LONG) ? LONG : ULLONG);
  ctx.scopes.declare(name, { kind: 'enumerator', name, value: v, type: own === INT ? Q.int : qual(own), of: type, loc });
}

export function finishEnum(ctx: Context, type: EnumType, attributes: readonly Attribute[], end: Loc): void {
  if (!(type instanceof Enum) || !type.open) return;
  checkAttributes(ctx, attributes);
  const values = type.open;
  type.open = undefined;
  if (values.length === 0) ctx.error('bad-type', end, 'an enum needs an enumerator');
  type.underlying = type.fixed ?? underlyingOf(values, hasAttribute(attributes, 'packed'));
  type.values = values;
  if (values.some((v) => v.value < 0n) && values.some((v) => !fits(v.value, LONG))) {
    ctx.error('enumerator-range', end, 'no integer type holds both the negative and the largest enumerator');
  }
  // Values that int holds are ints; the others have the type of the enum.
  for (const v of values) {
    if (fits(v.value, INT) && !type.fixed) continue;
    const symbol = ctx.scopes.lookupHere(v.name);
    if (symbol?.kind === 'enumerator' && symbol.of === type) (symbol as EnumeratorSymbol).type = qual(type);
  }
}

const SIGNED: readonly IntType[] = [SCHAR, SHORT, INT, LONG];
const UNSIGNED: readonly IntType[] = [UCHAR, USHORT, UINT, ULONG];

function underlyingOf(values: readonly Enumerator[], packed: boolean): IntType {
  const negative = values.some((v) => v.value < 0n);
  const candidates = negative ? SIGNED : UNSIGNED;
  for (const type of packed ? candidates : candidates.slice(2)) {
    if (values.every((v) => fits(v.value, type))) return type;
  }
  return negative ? LONG : ULONG;
}
