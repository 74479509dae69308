/** Structs and unions: references, bodies, members. */
import type { Loc } from '../../../diagnostics.ts';
import type { Attribute } from '../../ast.ts';
import type { Field, QualType, RecordType } from '../../types.ts';
import type { FieldSpec } from '../actions.ts';
import { integerValue } from '../constants.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import type { LayoutMember } from '../layout.ts';
import { layOut } from '../layout.ts';
import { closest } from '../suggest.ts';
import { array, Q, qual } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { MAX_NESTING } from '../types/members.ts';
import { isError, isIncomplete, isInteger } from '../types/predicates.ts';
import type { Enum } from '../types/record.ts';
import { Record } from '../types/record.ts';
import { sizeOf } from '../types/size.ts';
import { alignmentOf, checkAttributes, findAttribute, hasAttribute, tagsOf } from './attributes.ts';
import { rejectVariableArray } from './types.ts';

export function wrongTag(ctx: Context, name: string, used: string, found: Record | Enum, loc: Loc): void {
  const was = found.kind === 'enum' ? 'enum' : found.tag;
  ctx.error('tag-mismatch', loc, `'${name}' is used as ${used} and was declared as ${was}`, noteAt('declared here', found.loc));
}

export function recordReference(ctx: Context, tag: 'struct' | 'union', name: string, loc: Loc, declares: boolean): RecordType {
  const found = declares && ctx.scopes.depth > 0 ? ctx.scopes.lookupTagHere(name) : ctx.scopes.lookupTag(name);
  if (found) {
    if (found instanceof Record && found.tag === tag) return found;
    wrongTag(ctx, name, tag, found, loc);
    if (found instanceof Record) return found;
    const empty = new Record(tag, name, loc);
    empty.complete({ fields: [], size: 0, align: 1, packed: false });
    return empty;
  }
  // What is not declared is the kernel's or the dialect's, and then visible everywhere.
  const others = (declares && ctx.scopes.depth > 0) || ctx.dialect?.ownsType?.(tag, name) === true;
  const kernel = others ? undefined : ctx.kernel?.record(tag, name);
  if (kernel) {
    ctx.scopes.declareTag(name, kernel, 0);
    return kernel;
  }
  const { errors } = ctx.diagnostics;
  if (!declares && ctx.declareByText(`${tag} ${name}`, () => ctx.dialect?.typeText(tag, name, ctx.dialectContext, loc))) {
    const declared = ctx.scopes.lookupTag(name);
    if (declared instanceof Record && declared.tag === tag) return declared;
  }
  const record = new Record(tag, name, loc);
  // The dialect knows the name and has said why it cannot make the type.
  record.reported = ctx.diagnostics.errors > errors;
  ctx.scopes.declareTag(name, record);
  return record;
}

export function beginRecord(ctx: Context, tag: 'struct' | 'union', name: string | undefined, loc: Loc): RecordType {
  const record = recordToOpen(ctx, tag, name, loc);
  record.origin = 'open';
  return record;
}

function recordToOpen(ctx: Context, tag: 'struct' | 'union', name: string | undefined, loc: Loc): Record {
  if (name === undefined) return new Record(tag, '', loc);
  const found = ctx.scopes.lookupTagHere(name);
  if (found) {
    if (!(found instanceof Record) || found.tag !== tag) {
      wrongTag(ctx, name, tag, found, loc);
      return new Record(tag, name, loc);
    }
    switch (found.origin) {
      case 'reference':
        found.loc = loc;
        return found;
      case 'btf':
        // Whoever named it before this body meant the record that is now declared.
        if (!found.settled) {
          ctx.kernel?.forget(found);
          found.detach();
          found.loc = loc;
          return found;
        }
        break;
      case 'open':
      case 'text':
        ctx.error('redefinition', loc, `'${tag} ${name}' is defined twice`, noteAt('first defined here', found.loc));
        return new Record(tag, name, loc);
      default:
        found.origin satisfies never;
    }
  }
  const record = new Record(tag, name, loc);
  ctx.scopes.declareTag(name, record);
  return record;
}

export function finishRecord(
  ctx: Context,
  type: RecordType,
  specs: readonly FieldSpec[],
  attributes: readonly Attribute[],
  _end: Loc,
): void {
  if (!(type instanceof Record)) return;
  checkAttributes(ctx, attributes);
  const packed = hasAttribute(attributes, 'packed');
  const pack = packLimit(attributes);
  const members: LayoutMember[] = [];
  const seen = new Map<string, Loc>();
  specs.forEach((spec, i) => {
    const m = checkMember(ctx, type, spec, i === specs.length - 1, specs.length > 1);
    if (m) {
      members.push(m);
      checkDuplicates(ctx, m, seen);
    }
  });
  if (hasAttribute(attributes, 'preserve_access_index')) preserve(type, members);
  type.nesting = nestingOf(members) + 1;
  if (type.nesting > MAX_NESTING) {
    ctx.error('nesting-too-deep', type.loc, `records are nested in records more than ${MAX_NESTING} levels deep`);
    members.length = 0;
  }
  const layout = layOut(type.tag, members, packed, alignmentOf(ctx, attributes), pack);
  type.complete({ ...layout, packed: packed || pack !== undefined });
}

function nestingOf(members: readonly LayoutMember[]): number {
  let most = 0;
  for (const m of members) {
    let t = m.type.type;
    while (t.kind === 'array') t = t.of.type;
    if (t instanceof Record) most = Math.max(most, t.nesting);
  }
  return most;
}

/** `#pragma pack(n)`, as the parser hands it on. */
function packLimit(attributes: readonly Attribute[]): number | undefined {
  const arg = findAttribute(attributes, 'pragma_pack')?.args[0];
  return arg?.kind === 'int' ? Number(arg.value) : undefined;
}

/** The attribute also holds for records that are defined inside. */
function preserve(record: Record, members: readonly LayoutMember[]): void {
  record.preserveAccessIndex = true;
  for (const m of members) {
    const t = m.type.type;
    if (t instanceof Record && t.name === '' && !t.preserveAccessIndex) preserveInside(t);
  }
}

function preserveInside(record: Record): void {
  record.preserveAccessIndex = true;
  for (const f of record.fields ?? []) {
    const t = f.type.type;
    if (t instanceof Record && t.name === '' && !t.preserveAccessIndex) preserveInside(t);
  }
}

function checkMember(ctx: Context, record: Record, spec: FieldSpec, last: boolean, others: boolean): LayoutMember | undefined {
  checkAttributes(ctx, spec.attributes);
  const name = spec.name ?? '';
  let type = spec.type;
  const t = type.type;
  const shown = name === '' ? 'this member' : (ctx.dialect?.memberWords?.(record.name, name) ?? `member '${name}'`);
  if (isError(type)) type = Q.int;
  else if (t.kind === 'function') {
    ctx.error('bad-member', spec.loc, `${shown} is a function; a member can be a pointer to one`);
    return undefined;
  } else if (t.kind === 'array' && rejectVariableArray(ctx, type)) {
    type = qual(array(t.of, 1));
  } else if (t.kind === 'array' && t.length === undefined && spec.width === undefined) {
    if (record.tag === 'struct' && !last) {
      ctx.error('flexible-array', spec.loc, `${shown} is an array without a length and not the last member`);
      return undefined;
    }
    if (record.tag === 'struct' && !others)
      ctx.warn('flexible-array', spec.loc, `${shown} is an array without a length and the only member`);
    if (isIncomplete(t.of.type)) return incompleteMember(ctx, shown, type, spec.loc);
  } else if (isIncomplete(t)) return incompleteMember(ctx, shown, type, spec.loc);
  if (spec.name === undefined && spec.width === undefined && t.kind !== 'record') {
    ctx.warn('bad-member', spec.loc, 'this declares no member');
    return undefined;
  }
  const width = spec.width ? checkWidth(ctx, spec, type, shown) : undefined;
  if (spec.width && width === undefined) return undefined;
  return {
    name,
    type,
    width,
    align: alignmentOf(ctx, spec.attributes, spec.alignas),
    packed: hasAttribute(spec.attributes, 'packed'),
    tags: tagsOf(spec.attributes, 'btf_decl_tag'),
    loc: spec.loc,
  };
}

function incompleteMember(ctx: Context, shown: string, type: QualType, loc: Loc): undefined {
  const t = type.type;
  const open = t instanceof Record && t.origin === 'open';
  ctx.error(
    'incomplete-type',
    loc,
    `${shown} has incomplete type ${quoteType(type)}${open ? '; a record can hold a pointer to itself, not itself' : nearTag(ctx, type)}`,
  );
  return undefined;
}

/** A tag that is declared nowhere may be one that is written wrong. */
export function nearTag(ctx: Context, { type }: QualType): string {
  if (!(type instanceof Record)) return '';
  const whole: string[] = [];
  for (const other of ctx.scopes.visibleTags())
    if (other instanceof Record && other.tag === type.tag && !isIncomplete(other)) whole.push(other.name);
  const [near] = closest(type.name, [...whole, ...(ctx.kernel?.similar(type.name, type.tag) ?? [])]);
  return near === undefined ? '' : `; did you mean '${type.tag} ${near}'?`;
}

function checkWidth(ctx: Context, spec: FieldSpec, type: QualType, shown: string): number | undefined {
  const { width } = spec;
  if (!width) return undefined;
  if (!isInteger(type.type)) {
    ctx.error('bitfield-type', spec.loc, `${shown} is a bit-field and must have an integer type; found ${quoteType(type)}`);
    return undefined;
  }
  const value = integerValue(width);
  if (value === undefined) {
    ctx.error('not-constant', width.loc, `the width of ${shown} must be an integer constant`);
    return undefined;
  }
  const bits = type.type.kind === 'int' && type.type.rank === 0 ? 1 : (sizeOf(type.type) ?? 0) * 8;
  if (value < 0n) ctx.error('bitfield-width', width.loc, `the width of ${shown} is negative: ${value}`);
  else if (value > BigInt(bits))
    ctx.error('bitfield-width', width.loc, `the width of ${shown}, ${value} bits, exceeds the ${bits} bits of its type`);
  else if (value === 0n && spec.name !== undefined)
    ctx.error('bitfield-width', width.loc, `${shown} has a width of zero; only a bit-field without a name may`);
  else return Number(value);
  return undefined;
}

function checkDuplicates(ctx: Context, m: LayoutMember, seen: Map<string, Loc>): void {
  const declare = (name: string, loc: Loc): void => {
    const first = seen.get(name);
    if (first === undefined) seen.set(name, loc);
    else ctx.error('duplicate-member', loc || m.loc, `member '${name}' is there twice`, noteAt('first declared here', first));
  };
  if (m.name !== '') declare(m.name, m.loc);
  else if (m.type.type.kind === 'record') eachName(m.type.type.fields ?? [], declare);
}

function eachName(fields: readonly Field[], visit: (name: string, loc: Loc) => void): void {
  for (const f of fields) {
    if (f.name !== '') visit(f.name, f.loc);
    else if (f.type.type.kind === 'record') eachName(f.type.type.fields ?? [], visit);
  }
}
