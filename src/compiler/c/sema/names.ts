/**
 * What a name means: declared in the text, or else known to the target (BTF), to the table of common typedefs, or to
 * the dialect. What the text declares always wins.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Expr, FunctionDecl } from '../ast.ts';
import type { QualType } from '../types.ts';
import type { Meaning } from './actions.ts';
import type { Context } from './context.ts';
import { fallbackNames, fallbackTypedef, fixedTypedef } from './fallback-types.ts';
import { errorExpr, int, ref } from './nodes.ts';
import type { ScopeSymbol } from './scopes.ts';
import { closest, didYouMean } from './suggest.ts';
import { fits } from './types/arithmetic.ts';
import { functionType, INT, Q, qual } from './types/basic.ts';

/* ---------- look-up ---------- */

export function lookupType(ctx: Context, name: string): QualType | undefined {
  const found = ctx.scopes.lookup(name) ?? targetTypedef(ctx, name);
  return found?.kind === 'typedef' ? found.type : undefined;
}

export function classify(ctx: Context, name: string): Meaning {
  const found = ctx.scopes.lookup(name);
  if (found) return found.kind === 'typedef' ? 'type' : 'value';
  return targetTypedef(ctx, name) ? 'type' : undefined;
}

/** A typedef that the text does not declare. */
function targetTypedef(ctx: Context, name: string): ScopeSymbol | undefined {
  const known = ctx.targetTypedefs.get(name);
  if (known !== undefined || ctx.targetTypedefs.has(name)) return known;
  let symbol: ScopeSymbol | undefined;
  const type = fixedTypedef(name) ?? (isFunctionName(ctx, name) ? undefined : (ctx.kernel?.typedef(name) ?? fallbackTypedef(name)));
  if (type) symbol = { kind: 'typedef', name, type, loc: 0 };
  else if (ctx.declareByText(`typedef ${name}`, () => ctx.dialect?.typeText('typedef', name, ctx.dialectContext))) {
    const declared = ctx.scopes.lookup(name);
    if (declared?.kind === 'typedef') symbol = declared;
  }
  ctx.targetTypedefs.set(name, symbol);
  return symbol;
}

/** A statement that begins with a helper's name asks whether that is a type; it is not, whatever BTF has. */
function isFunctionName(ctx: Context, name: string): boolean {
  return name.startsWith('__builtin_') || ctx.functionText(name) !== undefined;
}

function targetEnumerator(ctx: Context, name: string): ScopeSymbol | undefined {
  const known = ctx.targetEnumerators.get(name);
  if (known !== undefined || ctx.targetEnumerators.has(name)) return known;
  let symbol: ScopeSymbol | undefined;
  const found = ctx.kernel?.enumerator(name);
  if (found) {
    const type = fits(found.value, INT) ? Q.int : qual(found.type);
    symbol = { kind: 'enumerator', name, value: found.value, type, of: found.type, loc: 0 };
  }
  ctx.targetEnumerators.set(name, symbol);
  return symbol;
}

export function typedefType(ctx: Context, name: string, loc: Loc): QualType {
  const type = lookupType(ctx, name);
  if (type) return type;
  const found = ctx.scopes.lookup(name);
  if (found) {
    ctx.error('unknown-type', loc, `'${name}' is ${describe(found)} and no type`);
    return Q.error;
  }
  const known = ELSEWHERE.find(([names]) => names.includes(name));
  if (known) {
    ctx.error(known[1], loc, `'${name}' ${known[2]}`);
    return Q.error;
  }
  const tag = ctx.scopes.lookupTag(name) ?? ctx.kernel?.record('struct', name) ?? ctx.kernel?.enum(name);
  if (tag) {
    const word = tag.kind === 'record' ? tag.tag : 'enum';
    ctx.error('unknown-type', loc, `'${name}' is not a type by itself; write '${word} ${name}'`);
    return qual(tag);
  }
  ctx.error('unknown-type', loc, `unknown type '${name}'${didYouMean(name, typeNames(ctx, name))}`);
  return Q.error;
}

/** Types that other targets have. */
const ELSEWHERE: readonly (readonly [names: readonly string[], code: 'unsupported-builtin' | 'no-floating-point', why: string])[] = [
  [['va_list', '__gnuc_va_list'], 'unsupported-builtin', 'is not supported: BPF functions cannot take a variable number of arguments'],
  [
    ['_Decimal32', '_Decimal64', '_Decimal128', '_Float16', '_Float128', '__float128', '__bf16', '__fp16'],
    'no-floating-point',
    'is a floating point type: BPF has no floating point',
  ],
];

function* typeNames(ctx: Context, name: string): Generator<string> {
  for (const s of ctx.scopes.visible()) if (s.kind === 'typedef') yield s.name;
  yield* fallbackNames();
  yield* ['int', 'char', 'long', 'short', 'unsigned', 'signed', 'void', 'struct', 'union', 'enum'];
  if (ctx.kernel) yield* ctx.kernel.similar(name, 'typedef');
}

function describe(s: ScopeSymbol): string {
  switch (s.kind) {
    case 'typedef':
      return 'a type';
    case 'enumerator':
      return 'an enumerator';
    case 'var':
      return 'a variable';
    case 'param':
      return 'a parameter';
    case 'function':
      return 'a function';
    default:
      return s satisfies never;
  }
}

/* ---------- identifiers in expressions ---------- */

export function identifier(ctx: Context, name: string, loc: Loc): Expr {
  const found = lookupValue(ctx, name);
  if (found) return use(ctx, found, name, loc);
  ctx.error('undeclared-identifier', loc, `'${name}' is not declared${didYouMean(name, valueNames(ctx, name))}`);
  return errorExpr(loc);
}

function use(ctx: Context, found: ScopeSymbol, name: string, loc: Loc): Expr {
  switch (found.kind) {
    case 'enumerator':
      return int(found.value, found.type, loc, name);
    case 'typedef':
      ctx.error('not-a-value', loc, `'${name}' is a type; a value is needed here`);
      return errorExpr(loc);
    case 'var':
    case 'param':
    case 'function':
      ctx.asides.referenced.add(found);
      return ref(found, loc);
    default:
      return found satisfies never;
  }
}

/** A value by name; the dialect may declare it only now. */
function lookupValue(ctx: Context, name: string): ScopeSymbol | undefined {
  const found = ctx.scopes.lookup(name) ?? targetEnumerator(ctx, name);
  if (found) return found;
  if (declareFunctionByText(ctx, name)) {
    const declared = ctx.scopes.lookup(name);
    if (declared) return declared;
  }
  return targetTypedef(ctx, name);
}

export function declareFunctionByText(ctx: Context, name: string): boolean {
  return ctx.declareByText(`function ${name}`, () => ctx.functionText(name));
}

/** Stand-ins for functions that nothing declares: whether the dialect implements one shows when it is called. */
const undeclared = new WeakSet<FunctionDecl>();
const IMPLICIT = functionType(Q.int, [], false, false);

export function isUndeclared(fn: FunctionDecl): boolean {
  return undeclared.has(fn);
}

export function calleeIdentifier(ctx: Context, name: string, loc: Loc): Expr {
  const found = ctx.scopes.lookup(name);
  if (found) return use(ctx, found, name, loc);
  const fn: FunctionDecl = {
    kind: 'function',
    name,
    type: IMPLICIT,
    params: [],
    storage: 'extern',
    inline: false,
    attributes: [],
    loc,
    end: loc,
  };
  undeclared.add(fn);
  return ref(fn, loc);
}

/** From now on it is `int f()`, as before C99. */
export function declareImplicitly(ctx: Context, fn: FunctionDecl): void {
  undeclared.delete(fn);
  ctx.scopes.declare(fn.name, fn, 0);
  ctx.functions.push(fn);
}

/** The message for a call of a function that nobody knows. */
export function reportUndeclaredFunction(ctx: Context, name: string, loc: Loc): void {
  if (ctx.kernel?.function(name)) {
    ctx.error(
      'undeclared-function',
      loc,
      `'${name}' is a function of the kernel; BPF programs can call helpers and kfuncs only (declare a kfunc with 'extern … ${name}(…) __ksym;')`,
    );
    return;
  }
  ctx.error('undeclared-function', loc, `function '${name}' is not declared${didYouMean(name, valueNames(ctx, name))}`);
}

function* valueNames(ctx: Context, name: string): Generator<string> {
  for (const s of ctx.scopes.visible()) if (s.kind !== 'typedef') yield s.name;
  if (ctx.dialect?.functionNames) yield* ctx.dialect.functionNames();
  // There are tens of thousands: those that begin in the same way are enough.
  if (/^[A-Z_][A-Z0-9_]{4,}$/.test(name) && ctx.dialect?.constantNames) yield* ctx.dialect.constantNames(name.slice(0, 3), ctx.facts);
  // Helpers have a prefix that is easily forgotten.
  if (!name.startsWith('bpf_') && ctx.dialect?.functionText(`bpf_${name}`, ctx.dialectContext) !== undefined) yield `bpf_${name}`;
}

/** Of a small record all members are named, of a large one those that are close. */
export function closestMembers(name: string, all: readonly string[]): string {
  // A record with a mistake may have a name twice.
  const members = [...new Set(all)];
  const best = closest(name, members, 3);
  if (best.length > 0) return `; did you mean ${listed(best, 'or')}?`;
  return members.length === 0 ? '; it has no members' : members.length <= 6 ? `; it has ${listed(members, 'and')}` : '';
}

function listed(names: readonly string[], word: string): string {
  const quoted = names.map((m) => `'${m}'`);
  return quoted.length === 1 ? (quoted[0] as string) : `${quoted.slice(0, -1).join(', ')} ${word} ${quoted.at(-1)}`;
}
