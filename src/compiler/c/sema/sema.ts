/**
 * Semantic analysis of C: `createSema` makes the `Actions` that the parser calls.
 *
 *   parser ──what it recognised──▶ Actions ──▶ typed tree (ast.ts)
 *                                    │
 *                 scopes, types ◀────┼────▶ BTF: types and enumerators that the text does not declare, by name
 *                                    └────▶ dialect: maps, methods, entry points, text for names that nobody declares
 *
 * Given: facts about the target, a dialect (none: plain C), where diagnostics go. Promises: after it nothing has to be
 * checked again. Every expression has its type, every conversion is a node, names are objects, constants are numbers,
 * initialisers are flat. Each mistake is reported once, at its position, with a code of `codes.ts`; what follows from
 * it is silent (nodes of type `ERROR`), and analysis goes on.
 *
 *   types/        the basic types, sizes, formatting, compatibility, members
 *   layout.ts     bytes and bits of records       btf-types.ts  the target's types
 *   names.ts      what an identifier means        scopes.ts     where it is declared
 *   decl/         specifiers to objects           init/         initialisers
 *   expr/         operators, calls, casts         builtins/     __builtin_* and the like
 *   constants.ts  constant expressions            convert.ts, assignable.ts  conversions
 *
 * Source: ISO/IEC 9899:2011 clause 6; the GCC manual on its extensions; where they leave freedom, clang's BPF target.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Dialect } from '../../dialect/dialect.ts';
import type { TargetFacts } from '../../target-facts.ts';
import type { UsdtProgram } from '../../usdt.ts';
import type { TranslationUnit } from '../ast.ts';
import type { Actions } from './actions.ts';
import { builtinCall, isBuiltin } from './builtins/builtins.ts';
import type { TextParser } from './context.ts';
import { Context } from './context.ts';
import { findAttribute, stringArg } from './decl/attributes.ts';
import { beginEnum, enumerator, enumReference, finishEnum } from './decl/enums.ts';
import { beginFunction, declareFunction, finishFunction } from './decl/functions.ts';
import { beginRecord, finishRecord, recordReference } from './decl/records.ts';
import { arrayOf, basicType, checkParameterLength, functionOf, pointerTo, qualify, typeofExpr } from './decl/types.ts';
import { declareTypedef, declareVariable, finishVariable, finishVariables, initVariable } from './decl/variables.ts';
import { assign } from './expr/assign.ts';
import { binary } from './expr/binary.ts';
import { call, helperOf } from './expr/call.ts';
import { cast, compoundLiteral } from './expr/cast.ts';
import { member, subscript } from './expr/member.ts';
import { conditional, generic, statementExpression } from './expr/select.ts';
import { alignofType, condition, sizeofExpr, sizeofType, step, unary } from './expr/unary.ts';
import { charLiteral, intLiteral, stringLiteral } from './literals.ts';
import { calleeIdentifier, classify, identifier, typedefType } from './names.ts';
import { errorExpr } from './nodes.ts';
import {
  asmOutput,
  asmStatement,
  beginSwitch,
  caseLabel,
  constant,
  expressionStatement,
  finishSwitch,
  returnValue,
  staticAssert,
} from './statements.ts';

export interface SemaOptions {
  readonly facts: TargetFacts;
  /** Undefined: plain C. */
  readonly dialect: Dialect | undefined;
  readonly diagnostics: Diagnostics;
  /** The kernel's records are declared relocatable (`preserve_access_index`). */
  readonly portable?: boolean;
  /** Where arguments of USDT probes are. */
  readonly usdt?: readonly UsdtProgram[] | undefined;
  /** As before C99, for old test programs: a call of a function that nothing declares declares `int f()`, and `return;` is allowed anywhere. */
  readonly implicitFunctions?: boolean;
}

export interface Sema extends Actions {
  /** Must be set before a dialect gives text for a name (`typeText`, `functionText`). */
  setTextParser(parse: TextParser): void;
}

export function createSema(options: SemaOptions): Sema {
  const ctx = new Context(options.facts, options.dialect, options.diagnostics, options);
  const sema: Sema = {
    diagnostics: options.diagnostics,
    setTextParser: (parse) => {
      ctx.parseText = parse;
    },

    pushScope: () => ctx.scopes.push(),
    popScope: () => ctx.scopes.pop(),
    classify: (name) => classify(ctx, name),
    typedefType: (name, loc) => typedefType(ctx, name, loc),

    basicType: (words, loc) => basicType(ctx, words, loc),
    pointerTo: (type, quals, attributes, loc) => pointerTo(ctx, type, quals, attributes, loc),
    arrayOf: (type, length, loc) => arrayOf(ctx, type, length, loc),
    functionOf: (returns, params, variadic, prototype, loc) => functionOf(ctx, returns, params, variadic, prototype, loc),
    qualify: (type, quals, attributes) => qualify(ctx, type, quals, attributes),
    recordReference: (tag, name, loc, declares) => recordReference(ctx, tag, name, loc, declares),
    beginRecord: (tag, name, loc) => beginRecord(ctx, tag, name, loc),
    finishRecord: (record, fields, attributes, end) => finishRecord(ctx, record, fields, attributes, end),
    enumReference: (name, loc) => enumReference(ctx, name, loc),
    beginEnum: (name, loc, underlying) => beginEnum(ctx, name, loc, underlying),
    enumerator: (type, name, value, loc) => enumerator(ctx, type, name, value, loc),
    finishEnum: (type, attributes, end) => finishEnum(ctx, type, attributes, end),
    typeofExpr: (operand) => typeofExpr(operand),

    declareTypedef: (name, type, attributes, loc) => declareTypedef(ctx, name, type, attributes, loc),
    declareVariable: (name, type, spec, attributes, loc) => declareVariable(ctx, name, type, spec, attributes, loc),
    initVariable: (variable, init) => initVariable(ctx, variable, init),
    finishVariable: (variable) => finishVariable(ctx, variable),
    declareFunction: (name, type, spec, attributes, loc) => declareFunction(ctx, name, type, spec, attributes, loc),
    beginFunction: (fn) => beginFunction(ctx, fn),
    finishFunction: (fn, body, end) => finishFunction(ctx, fn, body, end),
    checkParameterLength: (length) => checkParameterLength(ctx, length),
    declareParameter: (param) => {
      if (param.name === undefined) return;
      ctx.scopes.declare(param.name, { kind: 'param', name: param.name, type: param.type, index: 0, loc: param.loc });
    },
    staticAssert: (cond, message, loc) => staticAssert(ctx, cond, message, loc),
    emptyDeclaration: (spec) => {
      const t = spec.type.type;
      if (t.kind === 'record' || t.kind === 'enum') return;
      ctx.warn('empty-declaration', spec.loc, 'this declares nothing');
    },
    fileAsm: (text, loc) => {
      // An empty one is only there to be there, as a barrier is.
      if (text.trim() !== '') ctx.error('bad-type', loc, 'asm outside of a function is not supported');
    },

    parenthesized: (expr) => {
      ctx.asides.parenthesized.add(expr);
    },
    intLiteral: (spelling, loc) => intLiteral(ctx, spelling, loc),
    charLiteral: (spelling, loc) => charLiteral(ctx, spelling, loc),
    stringLiteral: (spellings, loc) => stringLiteral(ctx, spellings, loc),
    identifier: (name, loc) => identifier(ctx, name, loc),
    calleeIdentifier: (name, loc) => calleeIdentifier(ctx, name, loc),
    isBuiltin: (name) => isBuiltin(name),
    builtinCall: (name, args, loc) => builtinCall(ctx, name, args, loc),
    unary: (op, operand, loc) =>
      (op === '&' ? ctx.dialect?.addressOf?.(operand, loc, ctx.dialectContext) : undefined) ?? unary(ctx, op, operand, loc),
    postfix: (op, operand, loc) => step(ctx, op, operand, true, loc),
    binary: (op, left, right, loc) => binary(ctx, op, left, right, loc),
    assign: (op, target, value, loc) =>
      ctx.dialect?.assign?.(op, target, value, loc, ctx.dialectContext) ?? assign(ctx, op, target, value, loc),
    conditional: (cond, then, otherwise, loc) => conditional(ctx, cond, then, otherwise, loc),
    index: (base, index, loc) => subscript(ctx, base, index, loc),
    member: (base, name, arrow, loc) =>
      ctx.dialect?.member?.(base, name, arrow, loc, ctx.dialectContext) ?? member(ctx, base, name, arrow, loc),
    isMethod: (base, name) => ctx.dialect?.isMethod(base, name) ?? false,
    methodCall: (base, name, args, loc) => ctx.dialect?.methodCall(base, name, args, loc, ctx.dialectContext) ?? errorExpr(loc),
    call: (callee, args, loc) => call(ctx, callee, args, loc),
    cast: (type, operand, loc) => cast(ctx, type, operand, loc),
    compoundLiteral: (type, init, loc) => compoundLiteral(ctx, type, init, loc),
    sizeofType: (type, loc) => sizeofType(ctx, type, loc),
    sizeofExpr: (operand, loc) => sizeofExpr(ctx, operand, loc),
    alignofType: (type, loc) => alignofType(ctx, type, loc),
    statementExpression: (body, loc) => statementExpression(ctx, body, loc),
    generic: (control, associations, loc) => generic(ctx, control, associations, loc),
    labelAddress: (label, loc) => {
      ctx.error('computed-goto', loc, `the address of label '${label}' cannot be taken: BPF has no indirect jumps`);
      return errorExpr(loc);
    },

    expressionStatement: (expr) => expressionStatement(ctx, expr),
    condition: (expr, loc) => condition(ctx, expr, loc),
    beginSwitch: (value, loc) => beginSwitch(ctx, value, loc),
    caseLabel: (low, high, loc) => caseLabel(ctx, low, high, loc),
    finishSwitch: () => finishSwitch(ctx),
    returnValue: (value, loc) => returnValue(ctx, value, loc),
    asm: (asm) => asmStatement(ctx, asm),
    asmOutput: (expr, constraint, name) => asmOutput(ctx, expr, constraint, name),
    constant: (expr, what) => constant(ctx, expr, what),

    finish: () => finishUnit(ctx),
  };
  ctx.connect(sema);
  return sema;
}

function finishUnit(ctx: Context): TranslationUnit {
  finishVariables(ctx);
  let license: string | undefined;
  for (const v of ctx.variables) {
    if (v.attributes.length === 0 || stringArg(findAttribute(v.attributes, 'section')) !== 'license') continue;
    if (v.init?.kind === 'string') license = new TextDecoder().decode(v.init.bytes).replace(/\0.*$/s, '');
  }
  // Helpers are called by number: the pointers that declare them are no objects.
  const variables = ctx.variables.filter((v) => !helperOf(ctx, v));
  return { functions: ctx.functions, variables, records: [...declaredRecords(ctx)], license, asides: ctx.asides };
}

function* declaredRecords(ctx: Context): Generator<TranslationUnit['records'][number]> {
  for (const type of ctx.scopes.visibleTags())
    if (type.kind === 'record' && type.origin === 'text' && type.fields !== undefined) yield { type, quals: 0, loc: type.loc };
  for (const symbol of ctx.scopes.visible()) {
    if (symbol.kind !== 'typedef') continue;
    const { type } = symbol.type;
    if (type.kind === 'record' && type.name === '' && type.fields !== undefined)
      yield { ...symbol.type, alias: symbol.name, loc: symbol.loc };
  }
}
