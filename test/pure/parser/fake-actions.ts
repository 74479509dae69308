/**
 * `Actions` without meaning: every expression becomes its fully parenthesised text, every type its description in
 * English, every declaration a line of the log. What the parser recognised can be read off directly.
 */
import type {
  Asm,
  AsmOperand,
  Attribute,
  CaseLabel,
  Compound,
  Expr,
  FunctionDecl,
  Stmt,
  TranslationUnit,
  VarDecl,
} from '../../../src/compiler/c/ast.ts';
import { parse } from '../../../src/compiler/c/parser/parse.ts';
import type { Actions, BuiltinArg, DeclSpec, FieldSpec, Meaning, ParsedInit } from '../../../src/compiler/c/sema/actions.ts';
import type { CType, EnumType, FunctionType, IntType, ParamType, QualType, RecordType } from '../../../src/compiler/c/types.ts';
import { QUAL } from '../../../src/compiler/c/types.ts';
import type { Diagnostic, Loc } from '../../../src/compiler/diagnostics.ts';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { tinyLexer } from './tiny-lexer.ts';

const INT: IntType = { kind: 'int', name: 'int', size: 4, signed: true, rank: 3 };

const expr = (text: string, loc: Loc): Expr => ({
  kind: 'builtin',
  name: text,
  args: [],
  type: { type: INT, quals: 0 },
  loc,
  lvalue: false,
});

export function show(e: Expr | undefined): string {
  if (e === undefined) return '';
  return e.kind === 'builtin' ? e.name : e.kind === 'string' ? JSON.stringify(new TextDecoder().decode(e.bytes.subarray(0, -1))) : e.kind;
}

export function describeType(t: QualType): string {
  const words: string[] = [];
  const { quals } = t;
  if (quals & QUAL.CONST) words.push('const');
  if (quals & QUAL.VOLATILE) words.push('volatile');
  if (quals & QUAL.RESTRICT) words.push('restrict');
  if (quals & QUAL.ATOMIC) words.push('atomic');
  for (const tag of t.tags ?? []) words.push(`tag(${tag})`);
  return [...words, describeBare(t.type)].join(' ');
}

function describeBare(type: CType): string {
  switch (type.kind) {
    case 'void':
      return 'void';
    case 'int':
    case 'float':
      return type.name;
    case 'pointer':
      return `pointer to ${describeType(type.to)}`;
    case 'array':
      return `array${type.length === undefined ? '' : ` ${type.length}`} of ${describeType(type.of)}`;
    case 'record':
      return `${type.tag} ${type.name}`.trim();
    case 'enum':
      return `enum ${type.name}`.trim();
    case 'function': {
      const params = type.params.map(
        (p) => (p.name === undefined ? '' : `${p.name}: `) + describeType(p.type) + (p.tags === undefined ? '' : ` {${p.tags.join()}}`),
      );
      if (type.variadic) params.push('...');
      if (!type.prototype) params.push('?');
      return `function(${params.join(', ')}) returning ${describeType(type.returns)}`;
    }
    default: {
      const never: never = type;
      return never;
    }
  }
}

/** Good enough for what tests look at: octal and other escapes that JSON lacks stay as they are. */
function unquoted(spelling: string): string {
  const quoted = spelling.slice(spelling.indexOf('"'));
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

const showAttributes = (attributes: readonly Attribute[]): string =>
  attributes
    .map(({ name, args }) => {
      const shown = args.map((a) =>
        a.kind === 'string'
          ? JSON.stringify(a.value)
          : a.kind === 'int'
            ? `${a.value}`
            : a.kind === 'ident'
              ? a.name
              : `<${describeType(a.type)}>`,
      );
      return ` @${name}${shown.length > 0 ? `(${shown.join(', ')})` : ''}`;
    })
    .join('');

const showInit = (init: ParsedInit): string =>
  init.kind === 'expr'
    ? show(init.expr)
    : `{${init.items.map(({ designators, value }) => designators.map((d) => (d.kind === 'field' ? `.${d.name}` : `[${show(d.low)}${d.high === undefined ? '' : `...${show(d.high)}`}]`)).join('') + (designators.length > 0 ? '=' : '') + showInit(value)).join(', ')}}`;

/** Statements on one line. */
export function showStatement(s: Stmt | undefined): string {
  if (s === undefined) return '';
  switch (s.kind) {
    case 'compound':
      return `{${s.body.map(showStatement).join(' ')}}`;
    case 'expr':
      return `${show(s.expr)};`;
    case 'decl':
      return `var ${s.vars.map((v) => v.name).join()};`;
    case 'if':
      return `if ${show(s.cond)} ${showStatement(s.then)}${s.else ? ` else ${showStatement(s.else)}` : ''}`;
    case 'loop':
      return `${s.unroll === undefined ? '' : `unroll=${s.unroll} `}${s.form}[${showStatement(s.init)}|${show(s.cond)}|${show(s.step)}] ${showStatement(s.body)}`;
    case 'switch':
      return `switch ${show(s.value)} ${showStatement(s.body)}`;
    case 'case':
      return `${s.low === undefined ? 'default' : `case ${s.low}${s.high === s.low ? '' : `...${s.high}`}`}: ${showStatement(s.body)}`;
    case 'label':
      return `${s.name}: ${showStatement(s.body)}`;
    case 'goto':
      return `goto ${s.label};`;
    case 'break':
    case 'continue':
      return `${s.kind};`;
    case 'return':
      return `return ${show(s.value)};`;
    case 'empty':
      return ';';
    case 'asm':
      return `asm${s.volatile ? ' volatile' : ''} ${JSON.stringify(s.text)} ${[s.outputs, s.inputs].map((ops) => ops.map((o) => `${o.name ?? ''}${o.constraint}(${show(o.expr)})`).join()).join(':')}:${s.clobbers.join()}:${s.labels.join()};`;
    default: {
      const never: never = s;
      return never;
    }
  }
}

export class FakeActions implements Actions {
  readonly diagnostics: Diagnostics;
  readonly log: string[] = [];
  /** `classify` calls: the parser should not ask more than it must. */
  asked = 0;
  depth = 0;
  readonly methods = new Set(['lookup', 'update', 'delete']);
  private readonly scopes: Map<string, QualType | 'value'>[] = [new Map()];
  private switches = 0;
  open = 0;

  constructor(diagnostics: Diagnostics) {
    this.diagnostics = diagnostics;
    this.scopes[0]?.set('u32', { type: { ...INT, name: 'u32' }, quals: 0 });
  }

  private declare(name: string, what: QualType | 'value'): void {
    this.scopes.at(-1)?.set(name, what);
  }
  private find(name: string): QualType | 'value' | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  pushScope(): void {
    this.depth++;
    this.scopes.push(new Map());
  }
  popScope(): void {
    this.depth--;
    this.scopes.pop();
  }
  classify(name: string): Meaning {
    this.asked++;
    const found = this.find(name);
    return found === undefined ? undefined : found === 'value' ? 'value' : 'type';
  }
  typedefType(name: string, loc: Loc): QualType {
    const found = this.find(name);
    if (found !== undefined && found !== 'value') return found;
    this.diagnostics.error('unknown-type-name', loc, `unknown type name '${name}'`);
    return { type: INT, quals: 0 };
  }

  basicType(words: readonly string[]): CType {
    const name = words.join(' ');
    if (name === 'void') return { kind: 'void' };
    return name === 'double' || name === 'float' ? { kind: 'float', name, size: 8 } : { ...INT, name };
  }
  pointerTo(to: QualType, quals: number, attributes: readonly Attribute[]): QualType {
    return this.qualify({ type: { kind: 'pointer', to }, quals }, 0, attributes);
  }
  arrayOf(of: QualType, length: Expr | undefined): QualType {
    const n = length === undefined ? undefined : Number(show(length));
    return { type: { kind: 'array', of, length: n }, quals: 0 };
  }
  functionOf(returns: QualType, params: readonly ParamType[], variadic: boolean, prototype: boolean): QualType {
    return { type: { kind: 'function', returns, params, variadic, prototype }, quals: 0 };
  }
  qualify(type: QualType, quals: number, attributes: readonly Attribute[]): QualType {
    const tags = [...(type.tags ?? []), ...attributes.map((a) => showAttributes([a]).slice(2))];
    const result = { ...type, quals: type.quals | quals };
    return tags.length > 0 ? { ...result, tags } : result;
  }
  private record(tag: 'struct' | 'union', name: string, loc: Loc): RecordType {
    return { kind: 'record', tag, name, fields: undefined, size: 0, align: 1, packed: false, preserveAccessIndex: false, loc };
  }
  recordReference(tag: 'struct' | 'union', name: string, loc: Loc, declares: boolean): RecordType {
    if (declares) this.log.push(`forward ${tag} ${name}`);
    return this.record(tag, name, loc);
  }
  beginRecord(tag: 'struct' | 'union', name: string | undefined, loc: Loc): RecordType {
    this.open++;
    return this.record(tag, name ?? '', loc);
  }
  finishRecord(record: RecordType, fields: readonly FieldSpec[], attributes: readonly Attribute[]): void {
    this.open--;
    this.log.push(
      `${record.tag} ${record.name || '-'} {${fields.map((f) => `${f.name ?? ''}: ${describeType(f.type)}${f.width ? ` : ${show(f.width)}` : ''}${f.alignas === undefined ? '' : ` alignas ${f.alignas}`}${showAttributes(f.attributes)}`).join('; ')}}${showAttributes(attributes)}`,
    );
  }
  private enumType(name: string, loc: Loc): EnumType {
    return { kind: 'enum', name, values: [], underlying: INT, loc };
  }
  enumReference(name: string, loc: Loc): EnumType {
    return this.enumType(name, loc);
  }
  private enumerators: string[] = [];
  beginEnum(name: string | undefined, loc: Loc, underlying?: QualType): EnumType {
    this.open++;
    this.enumerators = underlying === undefined ? [] : [`: ${describeType(underlying)}`];
    return this.enumType(name ?? '', loc);
  }
  enumerator(_type: EnumType, name: string, value: Expr | undefined): void {
    this.enumerators.push(value === undefined ? name : `${name}=${show(value)}`);
    this.declare(name, 'value');
  }
  finishEnum(type: EnumType, attributes: readonly Attribute[]): void {
    this.open--;
    this.log.push(`enum ${type.name || '-'} {${this.enumerators.join(' ')}}${showAttributes(attributes)}`);
  }
  typeofExpr(operand: Expr, loc: Loc): QualType {
    return { type: this.record('struct', `typeof(${show(operand)})`, loc), quals: QUAL.CONST };
  }

  declareTypedef(name: string, type: QualType, attributes: readonly Attribute[]): void {
    this.declare(name, type);
    this.log.push(`typedef ${name}: ${describeType(type)}${showAttributes(attributes)}`);
  }
  declareVariable(name: string, type: QualType, spec: DeclSpec, attributes: readonly Attribute[], loc: Loc): VarDecl {
    this.declare(name, 'value');
    const local = this.depth > 0;
    const all = [...spec.attributes, ...attributes];
    const storage = spec.storage === 'none' || spec.storage === 'typedef' ? (local ? 'auto' : 'global') : spec.storage;
    this.log.push(
      `${storage} ${name}: ${describeType(type)}${spec.alignas === undefined ? '' : ` alignas ${spec.alignas}`}${showAttributes(all)}`,
    );
    return { kind: 'var', name, type, storage, scope: local ? 'local' : 'file', attributes: all, loc };
  }
  initVariable(variable: VarDecl, init: ParsedInit): void {
    this.log.push(`init ${variable.name} = ${showInit(init)}`);
  }
  finishVariable(): void {
    /* nothing to complete */
  }
  declareFunction(name: string, type: QualType, spec: DeclSpec, attributes: readonly Attribute[], loc: Loc): FunctionDecl {
    this.declare(name, 'value');
    const storage = spec.storage === 'static' || spec.storage === 'extern' ? spec.storage : 'global';
    this.log.push(
      `${storage}${spec.inline ? ' inline' : ''}${spec.noreturn ? ' noreturn' : ''} ${name}: ${describeType(type)}${showAttributes([...spec.attributes, ...attributes])}`,
    );
    return {
      kind: 'function',
      name,
      type: type.type as FunctionType,
      params: [],
      storage,
      inline: spec.inline,
      attributes: [...attributes],
      loc,
      end: loc,
    };
  }
  beginFunction(fn: FunctionDecl): void {
    this.open++;
    this.pushScope();
    for (const p of fn.type.params) if (p.name !== undefined) this.declare(p.name, 'value');
  }
  finishFunction(fn: FunctionDecl, body: Compound): void {
    this.open--;
    this.popScope();
    this.log.push(`body ${fn.name} ${showStatement(body)}`);
  }
  staticAssert(condition: Expr, message: string | undefined): void {
    this.log.push(`assert ${show(condition)} ${message ?? ''}`.trim());
  }
  emptyDeclaration(spec: DeclSpec): void {
    this.log.push(`empty ${describeType(spec.type)}`);
  }
  fileAsm(text: string): void {
    this.log.push(`asm ${text}`);
  }

  intLiteral(spelling: string, loc: Loc): Expr {
    return expr(spelling, loc);
  }
  charLiteral(spelling: string, loc: Loc): Expr {
    return expr(spelling, loc);
  }
  stringLiteral(spellings: readonly string[], loc: Loc): Expr {
    const text = spellings.map((s) => unquoted(s)).join('');
    return { kind: 'string', bytes: new TextEncoder().encode(`${text}\0`), type: { type: INT, quals: 0 }, loc, lvalue: true };
  }
  identifier(name: string, loc: Loc): Expr {
    return expr(name, loc);
  }
  calleeIdentifier(name: string, loc: Loc): Expr {
    return expr(name, loc);
  }
  isBuiltin(name: string): boolean {
    return name.startsWith('__builtin_');
  }
  builtinCall(name: string, args: readonly BuiltinArg[], loc: Loc): Expr {
    return expr(
      `${name}<${args.map((a) => (a.kind === 'expr' ? show(a.expr) : a.kind === 'type' ? describeType(a.type) : a.path.map((x) => (typeof x === 'string' ? `.${x}` : `[${show(x)}]`)).join(''))).join(', ')}>`,
      loc,
    );
  }
  unary(op: string, operand: Expr, loc: Loc): Expr {
    return expr(`(${op}${show(operand)})`, loc);
  }
  postfix(op: string, operand: Expr, loc: Loc): Expr {
    return expr(`(${show(operand)}${op})`, loc);
  }
  binary(op: string, left: Expr, right: Expr, loc: Loc): Expr {
    return expr(`(${show(left)} ${op} ${show(right)})`, loc);
  }
  assign(op: string, target: Expr, value: Expr, loc: Loc): Expr {
    return expr(`(${show(target)} ${op} ${show(value)})`, loc);
  }
  conditional(cond: Expr, then: Expr | undefined, otherwise: Expr, loc: Loc): Expr {
    return expr(`(${show(cond)} ? ${show(then)} : ${show(otherwise)})`, loc);
  }
  index(base: Expr, at: Expr, loc: Loc): Expr {
    return expr(`${show(base)}[${show(at)}]`, loc);
  }
  member(base: Expr, name: string, arrow: boolean, loc: Loc): Expr {
    return expr(`${show(base)}${arrow ? '->' : '.'}${name}`, loc);
  }
  isMethod(_base: Expr, name: string): boolean {
    return this.methods.has(name);
  }
  methodCall(base: Expr, name: string, args: readonly Expr[], loc: Loc): Expr {
    return expr(`${show(base)}::${name}(${args.map(show).join(', ')})`, loc);
  }
  call(callee: Expr, args: readonly Expr[], loc: Loc): Expr {
    return expr(`${show(callee)}(${args.map(show).join(', ')})`, loc);
  }
  cast(type: QualType, operand: Expr, loc: Loc): Expr {
    return expr(`<${describeType(type)}>${show(operand)}`, loc);
  }
  compoundLiteral(type: QualType, init: ParsedInit, loc: Loc): Expr {
    return expr(`<${describeType(type)}>${showInit(init)}`, loc);
  }
  sizeofType(type: QualType, loc: Loc): Expr {
    return expr(`sizeof<${describeType(type)}>`, loc);
  }
  sizeofExpr(operand: Expr, loc: Loc): Expr {
    return expr(`sizeof(${show(operand)})`, loc);
  }
  alignofType(type: QualType, loc: Loc): Expr {
    return expr(`alignof<${describeType(type)}>`, loc);
  }
  statementExpression(body: Compound, loc: Loc): Expr {
    return expr(`(${showStatement(body)})`, loc);
  }
  generic(control: Expr, associations: readonly { readonly type: QualType | undefined; readonly value: Expr }[], loc: Loc): Expr {
    return expr(
      `generic(${show(control)}; ${associations.map((a) => `${a.type === undefined ? 'default' : describeType(a.type)}: ${show(a.value)}`).join(', ')})`,
      loc,
    );
  }
  labelAddress(label: string, loc: Loc): Expr {
    return expr(`&&${label}`, loc);
  }

  expressionStatement(e: Expr): Expr {
    return e;
  }
  condition(e: Expr): Expr {
    return e;
  }
  beginSwitch(value: Expr): Expr {
    this.switches++;
    this.open++;
    return value;
  }
  caseLabel(low: Expr | undefined, high: Expr | undefined, loc: Loc): CaseLabel {
    if (this.switches === 0) throw new Error('case outside a switch');
    const number = (e: Expr): bigint => (/^\d+$/.test(show(e)) ? BigInt(show(e)) : 0n);
    const value = low === undefined ? undefined : number(low);
    return { kind: 'case', low: value, high: high === undefined ? value : number(high), body: undefined, loc };
  }
  finishSwitch(): readonly CaseLabel[] {
    this.switches--;
    this.open--;
    return [];
  }
  returnValue(value: Expr | undefined): Expr | undefined {
    return value;
  }
  asm(asm: Omit<Asm, 'kind'>): Asm {
    return { kind: 'asm', ...asm };
  }
  asmOutput(e: Expr, constraint: string, name: string | undefined): AsmOperand {
    return { name, constraint, expr: e };
  }
  constant(e: Expr): bigint | undefined {
    return /^\d+$/.test(show(e)) ? BigInt(show(e)) : undefined;
  }
  finish(): TranslationUnit {
    return {
      functions: [],
      variables: [],
      records: [],
      license: undefined,
      asides: { referenced: new WeakSet(), parenthesized: new WeakSet(), compared: new WeakMap() },
    };
  }
}

export interface Parsed {
  readonly log: readonly string[];
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  readonly actions: FakeActions;
}

export function parseText(text: string, limit = 1000): Parsed {
  const diagnostics = new Diagnostics(limit);
  const actions = new FakeActions(diagnostics);
  parse(tinyLexer(text), actions, diagnostics);
  const { list } = diagnostics;
  return {
    log: actions.log,
    errors: list.filter((d) => d.severity === 'error'),
    warnings: list.filter((d) => d.severity === 'warning'),
    actions,
  };
}

/** The log of a text without a mistake. */
export function logOf(text: string): readonly string[] {
  const { log, errors } = parseText(text);
  if (errors.length > 0)
    throw new Error(`unexpected: ${errors.map((e) => `${e.message} at ${text.slice(e.loc - 1, e.loc + 20)}`).join('; ')}`);
  return log;
}

/** Body of `void f(void) { text }`. */
export function bodyOf(text: string): string {
  const line = logOf(`void f(void) { ${text} }`).find((l) => l.startsWith('body f '));
  return line?.slice('body f {'.length, -1) ?? '';
}

/** An expression, fully parenthesised. */
export function exprOf(text: string): string {
  return bodyOf(`${text};`).slice(0, -1);
}

/** `code@line:column message`, for errors and warnings. */
export function complaints(text: string): string[] {
  const { errors, warnings } = parseText(text);
  return [...errors, ...warnings].sort((a, b) => a.loc - b.loc).map((d) => `${d.code}@${position(text, d.loc)} ${d.message}`);
}

export function position(text: string, loc: Loc): string {
  const before = text.slice(0, loc - 1).split('\n');
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`;
}
