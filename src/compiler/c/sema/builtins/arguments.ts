/** The arguments of one builtin call, with the checks that all builtins share. */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr } from '../../ast.ts';
import type { IntType, PointerType, QualType } from '../../types.ts';
import type { BuiltinArg } from '../actions.ts';
import { assignTo } from '../assignable.ts';
import { integerValue } from '../constants.ts';
import type { Context } from '../context.ts';
import { qualOf, rvalue } from '../convert.ts';
import { errorExpr, isErrorExpr } from '../nodes.ts';
import { quoteType } from '../types/format.ts';
import { isInteger } from '../types/predicates.ts';

/** Leaves a builtin after an error that has been reported. */
export class BadCall extends Error {}

export interface BuiltinRow {
  readonly min: number;
  readonly max: number;
  readonly make: (call: BuiltinCall) => Expr;
}
export type BuiltinTable = Readonly<{ [name: string]: BuiltinRow }>;

export function row(count: number | readonly [number, number], make: (call: BuiltinCall) => Expr): BuiltinRow {
  const [min, max] = typeof count === 'number' ? [count, count] : count;
  return { min, max, make };
}

export class BuiltinCall {
  readonly ctx: Context;
  readonly name: string;
  readonly args: readonly BuiltinArg[];
  readonly loc: Loc;

  constructor(ctx: Context, name: string, args: readonly BuiltinArg[], loc: Loc) {
    this.ctx = ctx;
    this.name = name;
    this.args = args;
    this.loc = loc;
  }

  get count(): number {
    return this.args.length;
  }

  /** Reports and leaves. */
  fail(message: string, loc: Loc = this.loc): never {
    this.ctx.error('bad-builtin-argument', loc, message);
    throw new BadCall();
  }

  unsupported(why: string): never {
    this.ctx.error('unsupported-builtin', this.loc, `'${this.name}' ${why}`);
    throw new BadCall();
  }

  /** As written: not loaded. */
  raw(i: number): Expr {
    const a = this.args[i];
    if (a?.kind !== 'expr') this.fail(`argument ${i + 1} of '${this.name}' must be an expression`, a?.loc);
    if (isErrorExpr(a.expr)) throw new BadCall();
    return a.expr;
  }

  type(i: number): QualType {
    const a = this.args[i];
    if (a?.kind !== 'type') this.fail(`argument ${i + 1} of '${this.name}' must be a type`);
    return a.type;
  }

  value(i: number): Expr {
    const v = rvalue(this.ctx, this.raw(i));
    if (isErrorExpr(v)) throw new BadCall();
    return v;
  }

  /** The argument as a parameter of that type would take it. */
  as(i: number, type: QualType): Expr {
    const e = this.raw(i);
    const v = assignTo(this.ctx, e, type, { kind: 'argument', index: i, callee: ` of '${this.name}'`, declared: 0 }, e.loc);
    if (isErrorExpr(v)) throw new BadCall();
    return v;
  }

  integer(i: number, type: IntType): Expr {
    const v = this.value(i);
    if (!isInteger(v.type.type)) this.fail(`argument ${i + 1} of '${this.name}' must be an integer; found ${quoteType(v.type)}`, v.loc);
    return this.as(i, qualOf(type));
  }

  constant(i: number): bigint {
    const e = this.raw(i);
    const v = integerValue(rvalue(this.ctx, e));
    if (v === undefined) {
      this.ctx.error('not-constant', e.loc, `argument ${i + 1} of '${this.name}' must be an integer constant`);
      throw new BadCall();
    }
    return v;
  }

  /** A pointer value, and what it points to. */
  pointer(i: number): { readonly value: Expr; readonly to: QualType } {
    const value = this.value(i);
    const t = value.type.type;
    if (t.kind !== 'pointer') this.fail(`argument ${i + 1} of '${this.name}' must be a pointer; found ${quoteType(value.type)}`, value.loc);
    return { value, to: (t satisfies PointerType).to };
  }
}

export function runRow(ctx: Context, name: string, entry: BuiltinRow, args: readonly BuiltinArg[], loc: Loc): Expr {
  if (args.length < entry.min || args.length > entry.max) {
    const wanted =
      entry.min === entry.max
        ? `${entry.min}`
        : entry.max === Number.POSITIVE_INFINITY
          ? `at least ${entry.min}`
          : `${entry.min} to ${entry.max}`;
    ctx.error('bad-argument-count', loc, `'${name}' takes ${wanted} argument${wanted === '1' ? '' : 's'}; found ${args.length}`);
    return errorExpr(loc);
  }
  try {
    return entry.make(new BuiltinCall(ctx, name, args, loc));
  } catch (thrown) {
    if (thrown instanceof BadCall) return errorExpr(loc);
    throw thrown;
  }
}
