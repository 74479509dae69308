/** Conditions and comparisons that say something else than they seem to. */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Binary, BinaryOp, Cast, Expr, FunctionDecl, Stmt, TranslationUnit } from '../ast.ts';
import { maxOf, minOf } from '../sema/types/arithmetic.ts';
import { integerOf, isInteger } from '../sema/types/predicates.ts';
import { QUAL } from '../types.ts';
import { visit, written } from './walk.ts';
import type { Where } from './warnings.ts';

const COMPARISON: Readonly<Partial<Record<BinaryOp, string>>> = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' };
const BITWISE: Readonly<Partial<Record<BinaryOp, string>>> = { and: '&', or: '|', xor: '^' };

export function suspiciousWarnings(fn: FunctionDecl, unit: TranslationUnit, where: Where, diagnostics: Diagnostics): void {
  if (fn.body === undefined) return;
  const { parenthesized, compared } = unit.asides;
  const loose = (e: Expr): Expr | undefined => {
    // Parentheses may stand around the expression or around what it is converted from.
    for (let at = e; ; at = (at as Cast).operand) {
      if (parenthesized.has(at)) return undefined;
      if (at.kind !== 'cast' || at.explicit) return at;
    }
  };
  visit(fn.body, {
    stmt: (s) => {
      const cond = conditionOf(s);
      const assigned = cond === undefined ? undefined : loose(cond);
      if (assigned?.kind === 'assign' && where.plain(assigned.loc))
        diagnostics.warn(
          'assignment-in-condition',
          assigned.loc,
          "'=' assigns; write '==' to compare, or a second pair of parentheses if it is meant",
        );
      if (s.kind === 'if' && s.then.kind === 'empty' && s.else === undefined && where.plain(s.then.loc))
        diagnostics.warn('empty-body', s.then.loc, "this ';' is all that the 'if' does");
    },
    expr: (e) => {
      if (e.kind === 'cast') return dataLocation(e, where, diagnostics);
      if (e.kind !== 'binary' || !where.users(e.loc)) return;
      precedence(e, loose, (inner) => (inner.kind === 'binary' ? inner.op : compared.get(inner)), where, diagnostics);
      if (COMPARISON[e.op] !== undefined && where.plain(e.loc)) comparison(e, where, diagnostics);
    },
  });
}

function conditionOf(s: Stmt): Expr | undefined {
  return s.kind === 'if' || s.kind === 'loop' ? s.cond : undefined;
}

/** `a & b == c`, `!a == b`, `a << b + c`. */
function precedence(
  e: Binary,
  loose: (e: Expr) => Expr | undefined,
  operator: (e: Expr) => BinaryOp | undefined,
  where: Where,
  diagnostics: Diagnostics,
): void {
  const spelled = BITWISE[e.op];
  const compared = COMPARISON[e.op];
  for (const side of [e.left, e.right]) {
    const inner = loose(side);
    if (inner === undefined || !where.users(inner.loc)) continue;
    const op = operator(inner);
    const comparing = op === undefined ? undefined : COMPARISON[op];
    if (spelled !== undefined && comparing !== undefined)
      diagnostics.warn(
        'precedence',
        e.loc,
        `'${comparing}' binds closer than '${spelled}': this compares first; put parentheses around what belongs together`,
      );
    else if ((e.op === 'shl' || e.op === 'shr') && (op === 'add' || op === 'sub'))
      diagnostics.warn(
        'precedence',
        e.loc,
        `'${op === 'add' ? '+' : '-'}' binds closer than '${e.op === 'shl' ? '<<' : '>>'}': put parentheses around what belongs together`,
      );
  }
  const left = loose(e.left);
  const right = written(e.right);
  if (left?.kind !== 'unary' || left.op !== 'lnot' || (compared === undefined && e.op !== 'and')) return;
  if (right.kind === 'unary' && right.op === 'lnot') return;
  // A comparison has the values 0 and 1, as `!` has.
  if (right.kind === 'binary' && COMPARISON[right.op] !== undefined) return;
  if (right.type.type.kind === 'int' && right.type.type.rank === 0) return;
  diagnostics.warn('precedence', left.loc, `'!' is for the left side of '${compared ?? '&'}' alone; put parentheses around the whole`);
}

/** Comparisons of which one outcome is impossible. */
function comparison(e: Binary, where: Where, diagnostics: Diagnostics): void {
  const left = written(e.left);
  const right = written(e.right);
  if (left.kind === 'ref' && right.kind === 'ref' && left.decl === right.decl && !(left.type.quals & QUAL.VOLATILE))
    return diagnostics.warn('comparison-always', e.loc, `'${left.decl.name}' is compared with itself`);
  const [value, constant, op] =
    right.kind === 'int' ? [left, right, e.op] : left.kind === 'int' ? [right, left, MIRRORED[e.op] ?? e.op] : [];
  if (value === undefined || constant?.kind !== 'int' || op === undefined || !where.plain(constant.loc)) return;
  if (constant.enumerator !== undefined || !isInteger(value.type.type)) return;
  const type = integerOf(value.type.type);
  const compute = e.left.type.type;
  // A value of an enum or a bit-field may be anything that its bits hold.
  if (!isInteger(compute) || value.kind === 'int' || value.type.type.kind === 'enum' || value.kind === 'member') return;
  const common = integerOf(compute);
  const bits = BigInt(common.size * 8);
  const number = common.signed ? BigInt.asIntN(Number(bits), constant.value) : BigInt.asUintN(Number(bits), constant.value);
  const low = minOf(type);
  const high = maxOf(type);
  // A signed value that is compared as unsigned is spread over both ends.
  if (low < 0n && !common.signed) return;
  const always = outcome(op, low, high, number);
  if (always === undefined) return;
  diagnostics.warn(
    'comparison-always',
    e.loc,
    `this is always ${always}: '${type.name}' goes from ${low} to ${high}${number === constant.value ? '' : `, and ${constant.value} is ${number} there`}`,
  );
}

const MIRRORED: Readonly<Partial<Record<BinaryOp, BinaryOp>>> = { lt: 'gt', gt: 'lt', le: 'ge', ge: 'le' };

function outcome(op: BinaryOp, low: bigint, high: bigint, c: bigint): boolean | undefined {
  switch (op) {
    case 'eq':
      return c < low || c > high ? false : undefined;
    case 'ne':
      return c < low || c > high ? true : undefined;
    case 'lt':
      return high < c ? true : low >= c ? false : undefined;
    case 'le':
      return high <= c && high < c ? true : low > c ? false : undefined;
    case 'gt':
      return low > c ? true : high <= c && high < c ? false : undefined;
    case 'ge':
      return low >= c ? true : high < c ? false : undefined;
    default:
      return undefined;
  }
}

/** `(char *)args->data_loc_name`: offset and length in one number, and no address. */
function dataLocation(e: Cast, where: Where, diagnostics: Diagnostics): void {
  if (e.cast !== 'intToPointer') return;
  let at: Expr = e.operand;
  while (at.kind === 'cast') at = at.operand;
  if (at.kind !== 'member' || !/^(?:__)?(?:data|rel)_loc_/.test(at.field.name) || !where.users(e.loc)) return;
  const field = at.field.name.replace(/^(?:__)?(?:data|rel)_loc_/, '');
  diagnostics.warn(
    'data-loc-as-pointer',
    e.loc,
    `'${at.field.name}' is no address but says where in the record '${field}' is (offset in the lower, length in the upper 16 bits): read it with TP_DATA_LOC_READ_STR(to, ${field}, size), or from (void *)ctx + (${at.field.name} & 0xffff)`,
  );
}
