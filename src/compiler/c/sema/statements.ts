/** Statements as far as types matter: expression statements, switch and its cases, return, asm, static assertions. */
import type { Loc } from '../../diagnostics.ts';
import type { Asm, AsmOperand, CaseLabel, Expr } from '../ast.ts';
import type { EnumType, IntType, QualType } from '../types.ts';
import { assignTo } from './assignable.ts';
import { integerValue } from './constants.ts';
import type { Context } from './context.ts';
import { noteAt } from './context.ts';
import { noFloat, promote, rvalue } from './convert.ts';
import { checkAssignable } from './expr/assign.ts';
import { discard } from './expr/discard.ts';
import { isErrorExpr } from './nodes.ts';
import { fits, wrap } from './types/arithmetic.ts';
import { quoteType } from './types/format.ts';
import { integerOf, isInteger } from './types/predicates.ts';
import { sizeOf } from './types/size.ts';

export function expressionStatement(ctx: Context, e: Expr): Expr {
  return discard(ctx, e);
}

/* ---------- switch ---------- */

export interface SwitchState {
  /** Type of the value, promoted; undefined after an error. */
  readonly type: IntType | undefined;
  readonly cases: CaseLabel[];
  /** Single values seen, for the common case of no ranges. */
  readonly single: Map<bigint, CaseLabel>;
  readonly ranges: CaseLabel[];
  otherwise: CaseLabel | undefined;
}

export function beginSwitch(ctx: Context, value: Expr, loc: Loc): Expr {
  let v = rvalue(ctx, value);
  let type: IntType | undefined;
  if (isInteger(v.type.type)) {
    v = promote(ctx, v);
    if (!isErrorExpr(v)) type = integerOf(v.type.type as IntType | EnumType);
  } else if (!isErrorExpr(v)) {
    ctx.error('switch-not-integer', loc, `'switch' needs an integer; found ${quoteType(v.type)}`);
  }
  ctx.switches.push({ type, cases: [], single: new Map(), ranges: [], otherwise: undefined });
  return v;
}

export function caseLabel(ctx: Context, low: Expr | undefined, high: Expr | undefined, loc: Loc): CaseLabel {
  const state = ctx.switches.at(-1);
  if (!state) {
    ctx.error('case-outside-switch', loc, `'${low ? 'case' : 'default'}' stands in no switch`);
    return { kind: 'case', low: undefined, high: undefined, body: undefined, loc };
  }
  if (!low) {
    const label: CaseLabel = { kind: 'case', low: undefined, high: undefined, body: undefined, loc };
    if (state.otherwise)
      ctx.error('duplicate-case', loc, "this switch has two 'default'", noteAt('the first is here', state.otherwise.loc));
    else state.otherwise = label;
    state.cases.push(label);
    return label;
  }
  const from = caseValue(ctx, low, state);
  const to = high ? caseValue(ctx, high, state) : from;
  const label: CaseLabel = { kind: 'case', low: from ?? 0n, high: to ?? 0n, body: undefined, loc };
  if (from === undefined || to === undefined) return label;
  if (from > to) {
    ctx.warn('empty-case-range', loc, `the range ${from} ... ${to} is empty`);
    return label;
  }
  state.cases.push(label);
  if (from === to) {
    const twin = state.single.get(from);
    if (twin) duplicate(ctx, label, twin);
    else state.single.set(from, label);
  } else state.ranges.push(label);
  return label;
}

function duplicate(ctx: Context, label: CaseLabel, before: CaseLabel): void {
  const range = label.low === label.high ? `${label.low}` : `${label.low} ... ${label.high}`;
  ctx.error('duplicate-case', label.loc, `case ${range} is there already`, noteAt('the first is here', before.loc));
}

/** A case value in the type of the switch value. */
function caseValue(ctx: Context, e: Expr, state: SwitchState): bigint | undefined {
  if (isErrorExpr(e)) return undefined;
  const v = integerValue(e);
  if (v === undefined) {
    ctx.error(
      'not-constant',
      e.loc,
      isInteger(e.type.type)
        ? 'a case value must be an integer constant'
        : `a case value must be an integer constant; found ${quoteType(e.type)}`,
    );
    return undefined;
  }
  if (!state.type) return v;
  const wrapped = wrap(v, state.type);
  const source = integerOf(e.type.type as IntType | EnumType);
  if (source.size > state.type.size && !fits(v, state.type)) {
    ctx.warn('case-range', e.loc, `case value ${v} becomes ${wrapped} in the type of the switch value, '${state.type.name}'`);
  }
  return wrapped;
}

export function finishSwitch(ctx: Context): readonly CaseLabel[] {
  const state = ctx.switches.pop();
  if (!state) return [];
  if (state.ranges.length > 0) {
    // Sorted by their begin, overlapping labels are neighbours; the later one in the text is reported.
    const labels = [...state.single.values(), ...state.ranges].sort((a, b) => order(a.low as bigint, b.low as bigint));
    for (let i = 1, widest = labels[0] as CaseLabel; i < labels.length; i++) {
      const label = labels[i] as CaseLabel;
      if ((label.low as bigint) <= (widest.high as bigint)) {
        const [first, second] = state.cases.indexOf(label) > state.cases.indexOf(widest) ? [widest, label] : [label, widest];
        duplicate(ctx, second, first);
      }
      if ((label.high as bigint) > (widest.high as bigint)) widest = label;
    }
  }
  return state.cases;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/* ---------- return ---------- */

export function returnValue(ctx: Context, value: Expr | undefined, loc: Loc): Expr | undefined {
  const fn = ctx.function;
  if (!fn) return value && rvalue(ctx, value);
  const { returns, decl } = fn;
  const isVoid = returns.type.kind === 'void';
  if (!value) {
    if (!isVoid) {
      const say = ctx.implicitFunctions ? 'warn' : 'error';
      ctx[say](
        'return-value',
        loc,
        `'${decl.name}' returns ${quoteType(returns)}: 'return' needs a value`,
        noteAt('declared here', decl.loc),
      );
    }
    return undefined;
  }
  if (isVoid) {
    if (value.type.type.kind === 'void' || isErrorExpr(value)) return value;
    ctx.error('return-value', loc, `'${decl.name}' returns 'void' and cannot return a value`, noteAt('declared here', decl.loc));
    return undefined;
  }
  return assignTo(ctx, value, returns, { kind: 'return' }, value.loc);
}

/* ---------- asm ---------- */

export function asmOutput(ctx: Context, expr: Expr, constraint: string, name: string | undefined): AsmOperand {
  if (!isErrorExpr(expr)) {
    if (!constraint.startsWith('=') && !constraint.startsWith('+')) {
      ctx.error('bad-asm-operand', expr.loc, `the constraint of an output must start with '=' or '+'; found "${constraint}"`);
    } else checkAssignable(ctx, expr, 'asm', expr.loc);
  }
  return { name, constraint, expr };
}

export function asmStatement(ctx: Context, asm: Omit<Asm, 'kind'>): Asm {
  for (const o of asm.outputs) checkOperand(ctx, o.expr, o.expr.type);
  const inputs = asm.inputs.map((i): AsmOperand => {
    if (isErrorExpr(i.expr)) return i;
    // An operand in memory is a place; all others are values.
    if (/^[^rwigns0-9]*[mo]/.test(i.constraint) && i.expr.lvalue) return i;
    const v = rvalue(ctx, i.expr);
    checkOperand(ctx, v, v.type);
    return { name: i.name, constraint: i.constraint, expr: v };
  });
  const names = new Set<string>();
  for (const o of [...asm.outputs, ...inputs]) {
    if (o.name === undefined) continue;
    if (names.has(o.name)) ctx.error('bad-asm-operand', o.expr.loc, `two asm operands are named '${o.name}'`);
    names.add(o.name);
  }
  return { kind: 'asm', ...asm, inputs };
}

function checkOperand(ctx: Context, e: Expr, type: QualType): void {
  if (isErrorExpr(e)) return;
  const t = type.type;
  if (t.kind === 'float') noFloat(ctx, type, e.loc);
  else if (!isInteger(t) && t.kind !== 'pointer' && t.kind !== 'record' && t.kind !== 'array') {
    ctx.error('bad-asm-operand', e.loc, `an asm operand of type ${quoteType(type)}`);
  } else if ((sizeOf(t) ?? 0) > 8 && t.kind === 'int') {
    ctx.error('bad-asm-operand', e.loc, `an asm operand of type ${quoteType(type)} does not fit into a register`);
  }
}

/* ---------- assertions and constants ---------- */

export function staticAssert(ctx: Context, condition: Expr, message: string | undefined, loc: Loc): void {
  if (isErrorExpr(condition)) return;
  const v = integerValue(condition);
  if (v === undefined) {
    ctx.error('not-constant', condition.loc, '_Static_assert needs an integer constant');
  } else if (v === 0n) {
    ctx.error('static-assert', loc, `static assertion failed${message === undefined ? '' : `: ${message}`}`);
  }
}

export function constant(ctx: Context, e: Expr, what: string): bigint | undefined {
  if (isErrorExpr(e)) return undefined;
  const v = integerValue(e);
  if (v === undefined) {
    const found = isInteger(e.type.type) ? '' : `; found ${quoteType(e.type)}`;
    ctx.error('not-constant', e.loc, `${what} must be an integer constant${found}`);
  }
  return v;
}
