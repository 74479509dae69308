/**
 * The compiler as a whole: C text in, ObjectSpec out.
 *
 *   text ─▶ preprocessor ─▶ parser + sema (+ dialect) ─▶ typed tree ─▶ lower ─▶ passes ─▶ target ─▶ FunctionSpecs
 *                                                          │                                      + BTF, maps, variables
 *                                                          └─ types (type-ids.ts) ────────────────▶  = ObjectSpec
 *
 * Pure: facts about the kernel, headers and dialect come with the options. Nothing is thrown for a mistake in the text:
 * `spec` is undefined then and `diagnostics` say why. The same text, options and BTF give the same spec.
 */
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from '../object/spec.ts';
import type { TranslationUnit } from './c/ast.ts';
import { parse, parseDeclarations } from './c/parser/parse.ts';
import { type Absent, absentMacros, reportWhenUsed } from './c/preprocessor/absent.ts';
import type { Header, HeaderResolver } from './c/preprocessor/headers.ts';
import { virtualResolver } from './c/preprocessor/headers.ts';
import type { PreprocessorOptions } from './c/preprocessor/preprocessor.ts';
import { Preprocessor } from './c/preprocessor/preprocessor.ts';
import type { Snapshot } from './c/preprocessor/snapshot.ts';
import { snapshot } from './c/preprocessor/snapshot.ts';
import { preprocessToText } from './c/preprocessor/text.ts';
import { createSema } from './c/sema/sema.ts';
import type { SourceManager } from './c/source.ts';
import type { Token, TokenSource } from './c/token.ts';
import { warnings } from './c/warnings/warnings.ts';
import type { Diagnostic } from './diagnostics.ts';
import { Diagnostics, TooManyErrors } from './diagnostics.ts';
import type { Dialect } from './dialect/dialect.ts';
import { helperByNumber } from './dialect/helpers.ts';
import { headerWarning } from './dialect/kernel/headers.ts';
import type { IrFunction, IrGlobal, IrModule } from './ir/ir.ts';
import { lowerUnit } from './ir/lower/lower.ts';
import { isVariableName } from './ir/passes/constant-sizes.ts';
import { storeDataAddresses } from './ir/passes/data-addresses.ts';
import { optimize } from './ir/pipeline.ts';
import { dataSections, mapSpecs } from './object-maps.ts';
import { emitFunction } from './target/emit-function.ts';
import { layoutGlobals } from './target/globals.ts';
import type { TargetFacts } from './target-facts.ts';
import { CTypeIds } from './type-ids.ts';
import type { UsdtProgram } from './usdt.ts';

export interface CompileOptions {
  readonly facts: TargetFacts;
  /** Undefined: plain C, where only `roots` are kept. */
  readonly dialect?: Dialect | undefined;
  /** Name of the object, and of the text in messages. */
  readonly name?: string;
  readonly file?: string;
  /** Where `#include "…"` in the text looks first: its own folder, '' for the current one. */
  readonly folder?: string | undefined;
  /** As -D takes them: 'X', 'X=1'. */
  readonly defines?: readonly string[];
  /** Headers besides the dialect's, asked first. */
  readonly includes?: HeaderResolver;
  /** CO-RE relocations instead of the target's own layouts. */
  readonly portable?: boolean;
  /** Where the arguments of USDT probes are, for programs that read them with `bpf_usdt_readarg` (BCC's dialect). */
  readonly usdt?: readonly UsdtProgram[];
  /** Functions to keep besides programs. */
  readonly roots?: readonly string[];
  /** 0: no optimisation beyond what is needed. */
  readonly level?: 0 | 1 | 2;
  /** Check the IR after each pass: for tests. */
  readonly verify?: boolean;
  readonly trace?: (pass: string, fn: IrFunction) => void;
  readonly maxErrors?: number;
  /** Warn also about variables, values and functions that nobody uses, as clang does with -Wall. */
  readonly warnUnused?: boolean;
  /** Every function is inlined where it is called, as a dialect can ask for. */
  readonly inlineAll?: boolean;
  /** Addresses in static initialisers are stored by the entry points instead of refused: for running in the VM. */
  readonly storeAddresses?: boolean;
}

export interface Compiled {
  /** Undefined if there were errors. */
  readonly spec: ObjectSpec | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Resolves the positions of diagnostics. */
  readonly source: SourceManager;
  /** After the passes; for looking at. */
  readonly module: IrModule | undefined;
}

export function compile(text: string, options: CompileOptions): Compiled {
  const { dialect } = options;
  const { pp, ...first } = compileOnce(text, options);
  if (first.spec !== undefined || dialect?.macroHeaders === undefined) return first;
  const said = (name: string): boolean =>
    first.diagnostics.some(({ message }) => message.includes(`'${name}'`) || message.includes(`incomplete type 'struct ${name}'`));
  const absent = absentMacros(pp, dialect.macroHeaders, (path) => dialect.header(path), said);
  if (absent.size === 0) return first;
  const { pp: _, ...second } = compileOnce(text, options, absent);
  return second.diagnostics.some(({ code }) => code === 'missing-include') ? second : first;
}

function compileOnce(text: string, options: CompileOptions, absent?: Absent): Compiled & { readonly pp: Preprocessor } {
  const diagnostics = new Diagnostics(options.maxErrors);
  const front = new Front(options, diagnostics, absent);
  let module: IrModule | undefined;
  let spec: ObjectSpec | undefined;
  try {
    const unit = front.parse(text);
    if (diagnostics.errors === 0) {
      warnings(unit, front.pp.source, diagnostics, options.warnUnused === true);
      const types = new CTypeIds();
      module = lowerUnit(unit, {
        diagnostics,
        types,
        inlineAll: options.inlineAll ?? options.dialect?.inlineAll ?? false,
        keepGlobals: options.dialect?.keepsGlobals ?? false,
        ...(options.roots ? { roots: options.roots } : {}),
      });
      if (options.storeAddresses)
        storeDataAddresses(
          module,
          [...module.functions.values()].filter((fn) => fn.program || options.roots?.includes(fn.name)),
        );
      if (diagnostics.errors === 0) {
        optimize(module, {
          diagnostics,
          ...(options.level === undefined ? {} : { level: options.level }),
          ...(options.verify ? { verify: true } : {}),
          ...(options.trace ? { trace: options.trace } : {}),
          ...(options.roots ? { roots: options.roots } : {}),
        });
      }
      if (diagnostics.errors === 0) spec = assemble(unit, module, types, front.pp.source, diagnostics, options);
    }
  } catch (e) {
    if (!(e instanceof TooManyErrors)) throw e;
  }
  const { pp } = front;
  return { spec: diagnostics.errors === 0 ? spec : undefined, diagnostics: diagnostics.list, source: pp.source, module, pp };
}

/** What the parser would be given, as text (`cc -E`). */
export function preprocess(
  text: string,
  options: CompileOptions,
): { readonly text: string; readonly diagnostics: readonly Diagnostic[]; readonly source: SourceManager } {
  const diagnostics = new Diagnostics(options.maxErrors);
  const front = new Front(options, diagnostics);
  let out = '';
  try {
    front.enter(text);
    out = preprocessToText(front.pp);
  } catch (e) {
    if (!(e instanceof TooManyErrors)) throw e;
  }
  return { text: out, diagnostics: diagnostics.list, source: front.pp.source };
}

function warned(header: Header | undefined, path: string): Header | undefined {
  const warning = header && headerWarning(path);
  return header && warning !== undefined ? { ...header, warning } : header;
}

/** Text to typed tree. */
class Front {
  readonly pp: Preprocessor;
  private readonly options: CompileOptions;
  private readonly diagnostics: Diagnostics;
  private readonly shared: PreprocessorOptions;

  constructor(options: CompileOptions, diagnostics: Diagnostics, absent?: Absent) {
    this.options = options;
    this.diagnostics = diagnostics;
    const { dialect, facts, includes } = options;
    const own = virtualResolver((path) => dialect?.header(path));
    const resolve: HeaderResolver = (request) => includes?.(request) ?? warned(own(request), request.path);
    this.shared = {
      diagnostics,
      resolve,
      cpu: facts.cpu,
      ...(dialect ? { constants: { has: () => true, text: (name: string) => dialect.macro(name, facts) } } : {}),
    };
    this.pp = new Preprocessor({ ...this.shared, ...(dialect ? { from: preludeOf(dialect, facts.cpu, absent) } : {}) });
    diagnostics.placeOf = (loc) => this.pp.source.expansionLoc(loc);
    diagnostics.isSilent = (code, loc) => this.pp.silence.covers(code, loc);
    if (absent !== undefined) reportWhenUsed(this.pp, absent);
  }

  enter(text: string): void {
    const { dialect, defines = [], file = 'main.c', folder } = this.options;
    if (defines.length > 0) this.pp.enter('<command line>', defines.map(asDefine).join(''), { system: true });
    this.pp.enter(file, text, folder === undefined ? {} : { folder });
    if (dialect?.footer !== undefined) this.pp.enter(`<end of ${dialect.name}>`, dialect.footer, { system: true });
  }

  parse(text: string): TranslationUnit {
    const { dialect, facts, portable, usdt } = this.options;
    this.enter(text);
    const sema = createSema({ facts, dialect, diagnostics: this.diagnostics, portable: portable ?? false, usdt });
    sema.setTextParser((source, name) => {
      const inner = new Preprocessor(this.shared);
      inner.enter(name, source, { system: true });
      parseDeclarations(new Nowhere(inner), sema, this.diagnostics);
    });
    return parse(this.pp, sema, this.diagnostics);
  }
}

/** The dialect's own text has positions of its own, which mean nothing among the user's. */
class Nowhere implements TokenSource {
  private readonly tokens: TokenSource;
  constructor(tokens: TokenSource) {
    this.tokens = tokens;
  }
  next(): Token {
    return { ...this.tokens.next(), loc: 0 };
  }
}

function asDefine(d: string): string {
  const equals = d.indexOf('=');
  return equals < 0 ? `#define ${d} 1\n` : `#define ${d.slice(0, equals)} ${d.slice(equals + 1)}\n`;
}

/** Lexed once: every compilation begins where the prelude ends. */
const preludes = new Map<string, { readonly dialect: Dialect; readonly snapshot: Snapshot }>();

function preludeOf(dialect: Dialect, cpu: 1 | 2 | 3 | 4, absent?: Absent): Snapshot {
  const headers = [...new Set(absent?.values())].map((path) => `#include <${path}>\n`).join('');
  const key = `${dialect.name} ${cpu} ${headers}`;
  const known = preludes.get(key);
  if (known?.dialect === dialect) return known.snapshot;
  const made = snapshot({ diagnostics: new Diagnostics(), cpu, resolve: virtualResolver((path) => dialect.header(path)) }, [
    { name: `<${dialect.name}>`, text: dialect.prelude + headers },
  ]);
  preludes.set(key, { dialect, snapshot: made });
  return made;
}

function assemble(
  unit: TranslationUnit,
  module: IrModule,
  types: CTypeIds,
  source: SourceManager,
  diagnostics: Diagnostics,
  options: CompileOptions,
): ObjectSpec {
  for (const g of module.globals.values()) {
    const [reloc] = g.relocs ?? [];
    if (reloc && isMentioned(module, g.name))
      diagnostics.error(
        'address-in-initializer',
        g.loc,
        `'${g.name}' holds the address of '${reloc.name}', and no loader fills addresses into data: use it only where it folds away, or set it in the program`,
      );
  }
  reportMissing(module, diagnostics);
  if (options.portable !== true) reportNewHelpers(module, options.facts.kernelVersion, diagnostics);
  dropUnused(module, options.dialect?.keepsGlobals ?? false);
  const globals = layoutGlobals(module);
  const functions = new Map<string, FunctionSpec>();
  for (const d of unit.functions) {
    const fn = module.functions.get(d.name);
    if (fn) fn.btfFunc = types.functionId(d);
  }
  const resolve = (loc: number): { file: string; line: number; column: number } | undefined => source.filePosition(loc);
  for (const fn of module.functions.values())
    functions.set(fn.name, emitFunction(fn, module, { cpu: options.facts.cpu, resolve, diagnostics, globals }));

  declareKernelSymbols(unit, functions.values(), types);

  const programs: ProgramSpec[] = [];
  for (const d of unit.functions) {
    if (d.program && functions.has(d.name)) programs.push({ name: d.name, entry: d.name, ...d.program });
  }
  const maps = new Map<string, MapSpec>();
  for (const v of unit.variables) if (v.map) for (const m of mapSpecs(v.map, types)) maps.set(m.name, m);
  keepRecordTypes(unit, types, source);
  const variables = new Map<string, VariableSpec>();
  for (const m of dataSections(module, globals, types.btf, variables)) maps.set(m.name, m);
  const sources = source.userTexts();
  return {
    name: options.name ?? 'skep',
    license: unit.license ?? '',
    programs,
    functions,
    maps,
    variables,
    btf: types.finish(),
    sources,
  };
}

/** Maps through which records of any type go, so that their reader may name one. */
const RECORD_MAPS: ReadonlySet<string> = new Set(['perf_event_array', 'ringbuf', 'user_ringbuf']);

/** With such maps, all records that the user declared are in the object's BTF; the kernel's own, as a `vmlinux.h` has them, only where they are used. */
function keepRecordTypes(unit: TranslationUnit, types: CTypeIds, source: SourceManager): void {
  const maps = unit.variables.filter((v) => v.map);
  if (!maps.some((v) => v.map && RECORD_MAPS.has(v.map.type))) return;
  const described = new Set(maps.map((v) => v.type.type));
  for (const record of unit.records) {
    const { type } = record;
    const ofKernel = type.kind === 'record' && type.preserveAccessIndex;
    if (!ofKernel && !described.has(type) && source.fileOf(record.loc)?.system === false) types.typeId(record);
  }
}

/** Kernel functions and typed variables that code refers to stand in the object's BTF: loaders find them by their types. */
function declareKernelSymbols(unit: TranslationUnit, functions: Iterable<FunctionSpec>, types: CTypeIds): void {
  const used = new Set<string>();
  for (const { refs } of functions)
    for (const { to } of refs) if (to.kind === 'kfunc' || (to.kind === 'ksym' && to.typed)) used.add(to.name);
  if (used.size === 0) return;
  for (const d of unit.functions) if (used.delete(d.name)) types.functionId(d);
  for (const v of unit.variables) if (used.delete(v.name)) types.externalVariable(v);
}

/** Calls of functions that are only declared, in code that can run. */
function reportMissing(module: IrModule, diagnostics: Diagnostics): void {
  const seen = new Set<number>();
  for (const fn of module.functions.values()) {
    for (const b of fn.blocks) {
      for (const i of b.insts) {
        if (
          i.op !== 'call' ||
          i.callee.kind !== 'function' ||
          module.functions.has(i.callee.name) ||
          isVariableName(i.callee.name) ||
          seen.has(i.loc)
        )
          continue;
        seen.add(i.loc);
        diagnostics.error(
          'undefined-function',
          i.loc,
          `'${i.callee.name}' is declared but has no body here, and BPF programs have no linker for it`,
        );
      }
    }
  }
}

/** Helpers that the kernel for which this is compiled does not have yet: it would refuse the program. */
function reportNewHelpers(module: IrModule, kernelVersion: number, diagnostics: Diagnostics): void {
  const seen = new Set<number>();
  for (const fn of module.functions.values()) {
    for (const b of fn.blocks) {
      for (const i of b.insts) {
        if (i.op !== 'call' || i.callee.kind !== 'helper' || seen.has(i.loc)) continue;
        const helper = helperByNumber(i.callee.id);
        const [major = 0, minor = 0] = helper?.since.split('.').map(Number) ?? [];
        if (helper === undefined || (major << 16) + (minor << 8) <= kernelVersion) continue;
        seen.add(i.loc);
        diagnostics.warn(
          'helper-too-new',
          i.loc,
          `${helper.name}() exists since Linux ${helper.since}, and the program is compiled for ${kernelVersion >> 16}.${(kernelVersion >> 8) & 255}`,
        );
      }
    }
  }
}

function isMentioned(module: IrModule, name: string): boolean {
  for (const fn of module.functions.values()) {
    for (const b of fn.blocks) for (const i of b.insts) if (i.op === 'globaladdr' && i.global === name) return true;
  }
  return false;
}

/** Globals that no instruction mentions any more take no room, unless user space may want to find them. */
function dropUnused(module: IrModule, keepGlobals: boolean): void {
  const used = new Set<string>();
  for (const fn of module.functions.values()) {
    for (const b of fn.blocks) for (const i of b.insts) if (i.op === 'globaladdr') used.add(i.global);
  }
  // No loader fills addresses into data: what holds some is of no use to user space either.
  const found = (g: IrGlobal): boolean => keepGlobals && g.linkage === 'global' && (g.relocs ?? []).length === 0;
  for (const g of [...module.globals.values()]) if (!used.has(g.name) && !found(g)) module.globals.delete(g.name);
}
