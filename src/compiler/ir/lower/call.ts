/**
 * Calls. Scalars go as values. A record argument is copied and its address passed; a record result is written where a
 * hidden first argument says. After inlining nothing of that is left.
 */
import type { Call, Expr, FunctionDecl } from '../../c/ast.ts';
import { sizeOf } from '../../c/sema/types/size.ts';
import { undef } from '../builder.ts';
import type { Callee, Inst, IrType, Value } from '../ir.ts';
import { bareCallee, type KnownTarget, namedTarget } from './callee.ts';
import { coerce } from './convert.ts';
import { effect } from './effect.ts';
import { address, newLocal } from './place.ts';
import { recordInto } from './record.ts';
import { scalar } from './scalar.ts';
import type { FunctionState } from './state.ts';
import { noteSubmitted } from './submitted.ts';
import { integer, isRecord, scalarType, spaceOf } from './types.ts';

/** The result, undefined for void and records (those are in `into`). */
export function lowerCall(f: FunctionState, e: Call, into?: Value): Value | undefined {
  const { b } = f;
  const target = targetOf(f, e.callee);
  const returns = e.type.type;
  const args: Value[] = [];
  if (isRecord(returns)) args.push(into ?? address(f, newLocal(f, e.type, undefined, e.loc)));
  if (target.kind === 'indirect') args.unshift(target.pointer);
  for (let i = 0; i < e.args.length; i++) args.push(argument(f, e.args[i] as Expr));
  b.loc = e.loc;
  const type: IrType | 'void' = returns.kind === 'void' || isRecord(returns) ? 'void' : (scalarType(returns) ?? 'i64');
  let callee: Callee;
  switch (target.kind) {
    case 'indirect':
      callee = { kind: 'indirect' };
      break;
    case 'helper':
      callee = { kind: 'helper', id: target.id, name: target.name };
      break;
    case 'declared': {
      const d = target.decl;
      if (d.helper !== undefined) callee = { kind: 'helper', id: d.helper, name: d.name };
      else if (d.body) {
        f.m.need(d);
        callee = { kind: 'function', name: d.name };
        matchParameters(f, d, e, args);
      } else if (d.kfunc) callee = { kind: 'kfunc', name: d.name, weak: d.kfunc.weak };
      // It may be in code that turns out never to run; whoever checks the finished module finds it otherwise.
      else callee = { kind: 'function', name: d.name };
      break;
    }
    default:
      return never(target);
  }
  if (callee.kind === 'helper') noteSubmitted(callee.id, e.args);
  if (callee.kind === 'helper' || callee.kind === 'kfunc') {
    if (isRecord(returns)) f.error('record-result', e, `'${callee.name}' returns a record, which no kernel function can hand to BPF`);
    const limit = 5;
    if (args.length > limit) {
      f.error('too-many-arguments', e, `'${callee.name}' is called with ${args.length} arguments, and BPF passes at most ${limit}`);
      args.length = limit;
    }
  }
  // A kernel function leaves the high bits of a narrow result as they come.
  const narrow = callee.kind === 'kfunc' && integer(returns) && (sizeOf(returns) ?? 8) < 4;
  const resultSpace = returns.kind === 'pointer' ? spaceOf(returns.to.quals) : undefined;
  const call = b.call(type, callee, args, resultSpace);
  if (target.kind === 'declared' && target.decl.attributes.some((a) => a.name === 'noreturn')) b.unreachable();
  if (type === 'void') return undefined;
  if (narrow) {
    const t = integer(returns) as NonNullable<ReturnType<typeof integer>>;
    return b.ext('i32', t.signed, (t.size * 8) as 8 | 16, call);
  }
  return call satisfies Inst;
}

function argument(f: FunctionState, e: Expr): Value {
  if (!isRecord(e.type.type)) {
    if (e.type.type.kind === 'void') {
      effect(f, e);
      return undef('i64');
    }
    return scalar(f, e);
  }
  const copy = newLocal(f, e.type, undefined, e.loc);
  recordInto(f, e, copy);
  return address(f, copy);
}

/** Calls through `int f()` say nothing of types: the body's parameters do. */
function matchParameters(f: FunctionState, d: FunctionDecl, e: Call, args: Value[]): void {
  const hidden = isRecord(d.type.returns.type) ? 1 : 0;
  const want = d.params.length + hidden;
  if (args.length > want) args.length = want;
  for (let i = 0; i < d.params.length; i++) {
    const t = scalarType((d.params[i] as FunctionDecl['params'][number]).type.type) ?? 'ptr';
    const have = args[i + hidden];
    if (!have) args.push(undef(t));
    else if (have.type !== t) args[i + hidden] = coerce(f.b, have, (e.args[i] as Expr).type.type, t);
  }
}

type Target = KnownTarget | { readonly kind: 'indirect'; readonly pointer: Value };

function targetOf(f: FunctionState, callee: Expr): Target {
  const known = namedTarget(callee);
  if (known !== undefined) return known;
  const pointer = scalar(f, bareCallee(callee));
  // `((int (*)(void))5)()`: a helper by number.
  if (pointer.op === 'const' && pointer.value > 0n && pointer.value < 0x1_0000n)
    return { kind: 'helper', id: Number(pointer.value), name: `helper_${pointer.value}` };
  return { kind: 'indirect', pointer };
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
