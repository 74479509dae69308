/** Builtins that ask about types and constants, hints, and what ends or leaves a function. */
import type { Expr } from '../../ast.ts';
import { evaluate } from '../constants.ts';
import type { Context } from '../context.ts';
import { promote, rvalue, toInteger } from '../convert.ts';
import { isPure } from '../expr/discard.ts';
import { select } from '../expr/member.ts';
import { closestMembers } from '../names.ts';
import { binary, builtin, cast, deref, errorExpr, int, isErrorExpr, string } from '../nodes.ts';
import { CHAR, LONG, pointer, Q, qual, ULONG, unqualified, VOID_POINTER } from '../types/basic.ts';
import { compatibleTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { findMember, memberNames } from '../types/members.ts';
import { isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';
import type { BuiltinCall, BuiltinTable } from './arguments.ts';
import { row } from './arguments.ts';

/* ---------- constants and types ---------- */

function constantP(c: BuiltinCall): Expr {
  const a = c.args[0];
  if (a?.kind !== 'expr') return int(0n, Q.int, c.loc);
  if (isErrorExpr(a.expr)) return errorExpr(c.loc);
  const t = a.expr.type.type;
  if (t.kind === 'void' || t.kind === 'record' || t.kind === 'float') return int(0n, Q.int, c.loc);
  const v = evaluate(rvalue(c.ctx, a.expr));
  // Addresses are no constants to this question, but strings are.
  return int(v && (!v.base || v.base.kind === 'string') ? 1n : 0n, Q.int, c.loc);
}

function typesCompatible(c: BuiltinCall): Expr {
  const a = unqualified(c.type(0));
  const b = unqualified(c.type(1));
  return int(compatibleTypes(a.type, b.type) ? 1n : 0n, Q.int, c.loc);
}

function choose(c: BuiltinCall): Expr {
  const chosen = c.args[c.constant(0) !== 0n ? 1 : 2];
  return chosen?.kind === 'expr' ? chosen.expr : c.fail(`'${c.name}' chooses between expressions`);
}

/** `a.b[2].c`: the address of that place in an object at address 0. */
function offsetOf(c: BuiltinCall): Expr {
  const type = c.type(0);
  const path = c.args[1];
  if (path?.kind !== 'memberPath') return c.fail(`the second argument of '${c.name}' must name a member`);
  let offset = 0n;
  let variable: Expr | undefined;
  let at: Expr = deref(cast('nullToPointer', int(0n, Q.int, c.loc), qual(pointer(type))), type, c.loc);
  for (const step of path.path) {
    const t = at.type.type;
    if (typeof step === 'string') {
      if (t.kind !== 'record')
        return fail(c, 'not-a-record', path.loc, `'${step}' is asked of ${quoteType(at.type)}, which is no struct or union`);
      if (t.fields === undefined) return fail(c, 'incomplete-type', path.loc, `offsetof in incomplete type ${quoteType(at.type)}`);
      const found = findMember(t, step);
      if (!found)
        return fail(c, 'no-member', path.loc, `${quoteType(at.type)} has no member '${step}'${closestMembers(step, memberNames(t))}`);
      if (found.at(-1)?.bit) return fail(c, 'address-of-bitfield', path.loc, `'${step}' is a bit-field and has no offset in bytes`);
      for (const f of found) offset += BigInt(f.offset);
      at = select(at, t, found, c.loc);
      continue;
    }
    if (t.kind !== 'array')
      return fail(c, 'bad-subscript', step.loc, `a subscript in offsetof on ${quoteType(at.type)}, which is no array`);
    const index = rvalue(c.ctx, step);
    if (!isInteger(index.type.type))
      return fail(c, 'bad-subscript', step.loc, `a subscript must be an integer; found ${quoteType(index.type)}`);
    const size = BigInt(sizeOf(t.of.type) ?? 0);
    if (index.kind === 'int') offset += index.value * size;
    else {
      const term = binary('mul', toInteger(c.ctx, index, ULONG), int(size, Q.ulong, c.loc), Q.ulong, c.loc);
      variable = variable ? binary('add', variable, term, Q.ulong, c.loc) : term;
    }
    at = deref(at, t.of, c.loc);
  }
  const constant = int(BigInt.asUintN(64, offset), Q.ulong, c.loc);
  return variable ? binary('add', variable, constant, Q.ulong, c.loc) : constant;
}

function fail(c: BuiltinCall, code: Parameters<Context['error']>[0], loc: number, message: string): Expr {
  c.ctx.error(code, loc, message);
  return errorExpr(c.loc);
}

/* ---------- hints ---------- */

function expect(c: BuiltinCall): Expr {
  const v = c.integer(0, LONG);
  const wanted = c.integer(1, LONG);
  return v.kind === 'int' ? v : builtin('expect', [v, wanted], Q.long, c.loc);
}

function nothing(c: BuiltinCall): Expr {
  return cast('toVoid', int(0n, Q.int, c.loc), Q.void);
}

/** The condition is not evaluated where it would do something. */
function assume(c: BuiltinCall): Expr {
  const v = c.value(0);
  return isPure(v) ? builtin('assume', [c.ctx.actions.condition(v, c.loc)], Q.void, c.loc) : nothing(c);
}

function assumeAligned(c: BuiltinCall): Expr {
  const v = c.as(0, VOID_POINTER);
  c.constant(1);
  return v;
}

/* ---------- leaving ---------- */

function leaves(name: 'unreachable' | 'trap'): (c: BuiltinCall) => Expr {
  return (c) => builtin(name, [], Q.void, c.loc);
}

function frameAddress(c: BuiltinCall): Expr {
  if (c.constant(0) !== 0n) c.unsupported('of an outer function is not supported');
  return builtin('frameAddress', [], VOID_POINTER, c.loc);
}

function functionName(c: BuiltinCall): Expr {
  const name = c.ctx.function?.decl.name ?? '';
  return string(new TextEncoder().encode(`${name}\0`), CHAR, 1, c.loc);
}

export const QUERIES: BuiltinTable = {
  __builtin_constant_p: row(1, constantP),
  __builtin_types_compatible_p: row(2, typesCompatible),
  __builtin_choose_expr: row(3, choose),
  __builtin_offsetof: row(2, offsetOf),
  __builtin_is_constant_evaluated: row(0, (c) => int(0n, Q.int, c.loc)),
  __builtin_expect: row(2, expect),
  __builtin_expect_with_probability: row(3, expect),
  __builtin_unpredictable: row(1, (c) => c.integer(0, LONG)),
  __builtin_assume: row(1, assume),
  __builtin_assume_aligned: row([2, 3], assumeAligned),
  __builtin_assume_separate_storage: row(2, nothing),
  __builtin_unreachable: row(0, leaves('unreachable')),
  __builtin_trap: row(0, leaves('trap')),
  __builtin_debugtrap: row(0, leaves('trap')),
  __builtin_abort: row(0, leaves('trap')),
  __builtin_verbose_trap: row(2, leaves('trap')),
  __builtin_frame_address: row(1, frameAddress),
  __builtin_return_address: row(1, (c) => c.unsupported('is not supported: BPF programs do not see return addresses')),
  __builtin_extract_return_addr: row(1, (c) => c.as(0, VOID_POINTER)),
  __builtin_FUNCTION: row(0, functionName),
  __builtin_nondeterministic_value: row(1, (c) => promote(c.ctx, c.value(0))),
  __builtin_annotation: row(2, (c) => c.value(0)),
  __builtin_launder: row(1, (c) => c.pointer(0).value),
};
