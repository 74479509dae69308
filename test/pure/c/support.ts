/**
 * Shared by the tests of the C front end: text → preprocessor → parser and sema → typed tree, and clang beside it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { BtfReader } from '../../../src/btf/read.ts';
import type { BtfSource } from '../../../src/btf/types.ts';
import type { Expr, FunctionDecl, Stmt, TranslationUnit, VarDecl } from '../../../src/compiler/c/ast.ts';
import { parse, parseDeclarations } from '../../../src/compiler/c/parser/parse.ts';
import type { PreprocessorOptions } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import { Preprocessor } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import type { SemaOptions } from '../../../src/compiler/c/sema/sema.ts';
import { createSema } from '../../../src/compiler/c/sema/sema.ts';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import type { Diagnostic } from '../../../src/compiler/diagnostics.ts';
import { Diagnostics, TooManyErrors } from '../../../src/compiler/diagnostics.ts';
import type { Dialect } from '../../../src/compiler/dialect/dialect.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';

export function facts(btf?: BtfSource): TargetFacts {
  return {
    arch: 'x86_64',
    kernelVersion: 0x060100,
    btf,
    cpu: 3,
    kconfig: () => undefined,
    tracepointFormat: () => undefined,
    similarTracepoints: () => [],
    cpus: 4,
    possibleCpus: 4,
  };
}

/** A dialect that adds nothing, to be spread into one that does. */
export const EMPTY_DIALECT: Dialect = {
  name: 'libbpf',
  prelude: '',
  header: () => undefined,
  macro: () => undefined,
  typeText: () => undefined,
  functionText: () => undefined,
  mapOf: () => undefined,
  isMethod: () => false,
  methodCall: () => {
    throw new Error('no methods');
  },
  builtinCall: () => undefined,
  program: () => undefined,
  inlineAll: false,
};

export interface Compiled {
  readonly unit: TranslationUnit | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** `error code line:column message`, with notes indented below. */
  readonly messages: readonly string[];
  readonly errors: readonly string[];
  function(name: string): FunctionDecl;
  variable(name: string): VarDecl;
}

export interface CompileOptions extends Partial<SemaOptions> {
  readonly btf?: BtfSource;
  readonly preprocessor?: Partial<PreprocessorOptions>;
  readonly limit?: number;
}

export function compile(text: string, options: CompileOptions = {}): Compiled {
  const diagnostics = new Diagnostics(options.limit ?? 1000);
  const sema = createSema({ facts: facts(options.btf), dialect: undefined, diagnostics, ...options });
  const pp = new Preprocessor({ diagnostics, ...options.preprocessor });
  sema.setTextParser((source, file) => {
    const inner = new Preprocessor({ diagnostics, ...options.preprocessor });
    inner.enter(file, source, { system: true });
    parseDeclarations(inner, sema, diagnostics);
  });
  pp.enter('t.c', text);
  let unit: TranslationUnit | undefined;
  try {
    unit = parse(pp, sema, diagnostics);
  } catch (thrown) {
    if (!(thrown instanceof TooManyErrors)) throw thrown;
  }
  const at = (loc: number): string => {
    const p = pp.source.resolve(loc);
    return p ? `${p.file === 't.c' ? '' : `${p.file}:`}${p.line}:${p.column}` : '-';
  };
  const messages = diagnostics.list.map((d) =>
    [`${d.severity} ${d.code} ${at(d.loc)} ${d.message}`, ...(d.notes ?? []).map((n) => `  ${at(n.loc)} ${n.message}`)].join('\n'),
  );
  const find = <T extends { readonly name: string }>(list: readonly T[] | undefined, name: string): T => {
    const found = list?.find((x) => x.name === name);
    if (!found) throw new Error(`no '${name}' in the unit; ${messages.join('\n')}`);
    return found;
  };
  return {
    unit,
    diagnostics: diagnostics.list,
    messages,
    errors: messages.filter((_m, i) => diagnostics.list[i]?.severity === 'error'),
    function: (name) => find(unit?.functions, name),
    variable: (name) => find(unit?.variables, name),
  };
}

/* ---------- the tree as text ---------- */

const OPS: Readonly<{ [op: string]: string }> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  neg: '-',
  not: '~',
  lnot: '!',
  pointerAdd: '+',
  pointerSub: '-',
};

/** An expression with all its conversions: `(+:int load(x:char)→int 1:int)`. */
export function show(e: Expr): string {
  const type = formatType(e.type);
  switch (e.kind) {
    case 'int':
      return `${e.value}:${type}`;
    case 'string':
      return JSON.stringify(new TextDecoder('latin1').decode(e.bytes));
    case 'ref':
      return e.decl.name;
    case 'unary':
      return `(${OPS[e.op]}:${type} ${show(e.operand)})`;
    case 'binary':
      return `(${OPS[e.op]}:${type} ${show(e.left)} ${show(e.right)})`;
    case 'logical':
      return `(${e.op === 'and' ? '&&' : '||'} ${show(e.left)} ${show(e.right)})`;
    case 'pointerArith':
      return `(ptr${OPS[e.op]}${e.elementSize} ${show(e.pointer)} ${show(e.index)})`;
    case 'pointerDiff':
      return `(ptrdiff${e.elementSize} ${show(e.left)} ${show(e.right)})`;
    case 'comma':
      return `(, ${show(e.left)} ${show(e.right)})`;
    case 'assign':
      return `(= ${show(e.target)} ${show(e.value)})`;
    case 'compoundAssign':
      return `(${e.post ? 'post' : ''}${OPS[e.op]}=:${formatType(e.computeType)}${e.elementSize || ''} ${show(e.target)} ${show(e.value)})`;
    case 'cond':
      return `(?:${type} ${show(e.cond)} ${e.then ? show(e.then) : '-'} ${show(e.else)})`;
    case 'call':
      return `${show(e.callee)}(${e.args.map(show).join(', ')}):${type}`;
    case 'deref':
      return `*${show(e.pointer)}`;
    case 'addressOf':
      return `&${show(e.operand)}`;
    case 'member':
      return `${show(e.base)}.${e.field.name || '<anonymous>'}`;
    case 'cast':
      return `${e.cast}(${show(e.operand)})${e.cast === 'load' || e.cast === 'toVoid' ? '' : `→${type}`}`;
    case 'compoundLiteral':
      return `(${type}){…}`;
    case 'stmtExpr':
      return `({${e.body.body.length} ${e.result ? show(e.result) : ''}})`;
    case 'builtin':
      return `@${e.name}(${[...e.args.map(show), ...(e.types ?? []).map((t) => formatType(t)), ...(e.info === undefined ? [] : [`${e.info}`])].join(', ')}):${type}`;
    case 'mapAddress':
      return `map ${e.map.name}`;
    default:
      return e satisfies never;
  }
}

/** Every expression statement and return of a function's body, in order, nested blocks included. */
export function expressions(fn: FunctionDecl): string[] {
  const out: string[] = [];
  const visit = (s: Stmt): void => {
    switch (s.kind) {
      case 'compound':
        s.body.forEach(visit);
        break;
      case 'expr':
        out.push(show(s.expr));
        break;
      case 'return':
        out.push(`return ${s.value ? show(s.value) : ''}`.trim());
        break;
      case 'label':
        visit(s.body);
        break;
      case 'if':
        out.push(`if ${show(s.cond)}`);
        visit(s.then);
        if (s.else) visit(s.else);
        break;
      default:
        out.push(s.kind);
    }
  };
  if (fn.body) visit(fn.body);
  return out;
}

/** The expressions of `body` compiled as the body of a function behind `declarations`. Fails on any error. */
export function typed(declarations: string, body: string, options: CompileOptions = {}): string[] {
  const c = compile(`${declarations}\nvoid test(void) { ${body} }`, options);
  if (c.errors.length > 0) throw new Error(c.errors.join('\n'));
  return expressions(c.function('test'));
}

/* ---------- peers ---------- */

export const CLANG = 'clang-19';

export const hasClang = spawnSync(CLANG, ['--version']).status === 0;

/** Messages of clang for that text; empty if it has nothing to say. */
export function clangErrors(text: string, ...flags: readonly string[]): string {
  const run = spawnSync(CLANG, ['-target', 'bpf', '-fsyntax-only', '-w', '-x', 'c', ...flags, '-'], {
    input: text,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return run.stderr;
}

const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
let kernel: BtfReader | undefined;

/** The running kernel's types; undefined where there are none to read. */
export function kernelBtf(): BtfReader | undefined {
  if (!kernel && existsSync(KERNEL_BTF)) kernel = new BtfReader(readFileSync(KERNEL_BTF));
  return kernel;
}
