/** `a.b`, `p->b`, `a[i]`. */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr } from '../../ast.ts';
import type { Field, QualType, RecordType } from '../../types.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { rvalue } from '../convert.ts';
import { nearTag } from '../decl/records.ts';
import { closestMembers } from '../names.ts';
import { errorExpr, isErrorExpr, member as memberNode } from '../nodes.ts';
import { withQuals } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { findMember, memberNames } from '../types/members.ts';
import { INHERITED, isInteger } from '../types/predicates.ts';
import { Record } from '../types/record.ts';
import { addToPointer } from './binary.ts';
import { dereference } from './unary.ts';

export function member(ctx: Context, base: Expr, name: string, arrow: boolean, loc: Loc): Expr {
  if (isErrorExpr(base)) return base;
  const object = arrow ? pointedRecord(ctx, base, name, loc) : recordValue(ctx, base, name, loc);
  if (!object) return errorExpr(loc);
  const record = object.type.type as RecordType;
  const path = findMember(record, name);
  if (!path) {
    noMember(ctx, record, object.type, name, loc);
    return errorExpr(loc);
  }
  return select(object, record, path, loc);
}

/** Goes down the path, through anonymous members. */
export function select(object: Expr, record: RecordType, path: readonly Field[], loc: Loc): Expr {
  let at = object;
  let inside = record;
  for (const field of path) {
    const type: QualType = withQuals(field.type, at.type.quals & INHERITED);
    at = memberNode(at, inside, field, type, loc);
    if (field.type.type.kind === 'record') inside = field.type.type;
  }
  return at;
}

function noMember(ctx: Context, record: RecordType, type: QualType, name: string, loc: Loc): void {
  if (record.fields === undefined) {
    if (!(record instanceof Record) || record.reported) return;
    record.reported = true;
    const open = record.origin === 'open';
    const why = open
      ? 'its declaration is not finished'
      : ctx.kernel
        ? "neither the text nor the target's BTF declares it"
        : 'it is named but nowhere declared';
    ctx.error(
      'incomplete-type',
      loc,
      `member '${name}' of incomplete type ${quoteType(type)}: ${why}${open ? '' : nearTag(ctx, type)}`,
      noteAt('named here', record.loc),
    );
    return;
  }
  ctx.error(
    'no-member',
    loc,
    `${quoteType(type)} has no member '${name}'${closestMembers(name, memberNames(record))}`,
    noteAt('declared here', record.loc),
  );
}

/** The record that `base->` is about. */
function pointedRecord(ctx: Context, base: Expr, name: string, loc: Loc): Expr | undefined {
  const t = base.type.type;
  if (t.kind === 'record') {
    ctx.error('arrow-needed', loc, `'->' on ${quoteType(base.type)}, which is no pointer; write '.${name}'`);
    return base;
  }
  const p = rvalue(ctx, base);
  if (isErrorExpr(p)) return undefined;
  if (p.type.type.kind !== 'pointer' || p.type.type.to.type.kind !== 'record') {
    const pointer = p.type.type.kind === 'pointer';
    ctx.error(
      'not-a-record',
      loc,
      `'->${name}' needs a pointer to a struct or union; found ${quoteType(base.type)}${pointer && p.type.type.to.type.kind === 'void' ? '; cast it first' : ''}`,
    );
    return undefined;
  }
  return dereference(ctx, p, loc);
}

function recordValue(ctx: Context, base: Expr, name: string, loc: Loc): Expr | undefined {
  const t = base.type.type;
  if (t.kind === 'record') return base;
  if (t.kind === 'pointer' && t.to.type.kind === 'record') {
    ctx.error('arrow-needed', loc, `'.' on ${quoteType(base.type)}, which is a pointer; write '->${name}'`);
    return dereference(ctx, rvalue(ctx, base), loc);
  }
  ctx.error('not-a-record', loc, `'.${name}' needs a struct or union; found ${quoteType(base.type)}`);
  return undefined;
}

export function subscript(ctx: Context, base: Expr, index: Expr, loc: Loc): Expr {
  let pointer = rvalue(ctx, base);
  let i = rvalue(ctx, index);
  if (isErrorExpr(pointer)) return pointer;
  if (isErrorExpr(i)) return i;
  // i[a] is a[i].
  if (pointer.type.type.kind !== 'pointer' && i.type.type.kind === 'pointer') [pointer, i] = [i, pointer];
  if (pointer.type.type.kind !== 'pointer') {
    ctx.error('bad-subscript', loc, `a subscript needs an array or a pointer; found ${quoteType(base.type)}`);
    return errorExpr(loc);
  }
  if (!isInteger(i.type.type)) {
    ctx.error('bad-subscript', loc, `a subscript must be an integer; found ${quoteType(index.type)}`);
    return errorExpr(loc);
  }
  const at = addToPointer(ctx, 'add', pointer, i, loc);
  return isErrorExpr(at) ? at : dereference(ctx, at, loc);
}
