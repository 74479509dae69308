/**
 * A dialect: what BCC or libbpf adds to C, as data and a few hooks. The front end itself knows neither.
 *
 *   prelude + virtual headers ──▶ preprocessor
 *   macros that need knowledge ─▶ attributes (`skep_map`, `skep_probe`, …) that the hooks below read
 *   table.method()             ─▶ methodCall
 *   functions with a body      ─▶ program
 */

import type { Expr, FunctionDecl, MapDecl, ProgramDecl, VarDecl } from '../c/ast.ts';
import type { Actions } from '../c/sema/actions.ts';
import type { CType, QualType } from '../c/types.ts';
import type { Diagnostics, Loc } from '../diagnostics.ts';
import type { TargetFacts } from '../target-facts.ts';
import type { UsdtProgram } from '../usdt.ts';

export interface DialectContext {
  readonly facts: TargetFacts;
  readonly actions: Actions;
  readonly diagnostics: Diagnostics;
  /** Reports each name once. */
  readonly maps: ReadonlyMap<string, VarDecl>;
  /** Where arguments of USDT probes are, for the programs that read them. */
  readonly usdt?: readonly UsdtProgram[] | undefined;
  /** The function whose body is being read. */
  readonly currentFunction?: FunctionDecl | undefined;
}

export interface Dialect {
  readonly name: 'bcc' | 'libbpf';
  /** Text included before the first line of the user's (as file `<name>`). */
  readonly prelude: string;
  /** Text included after the user's last line; none if undefined. */
  readonly footer?: string;
  /** Text of a header that `#include` names, undefined if there is none. Kernel headers give an empty text: BTF has their types. */
  header(path: string): string | undefined;
  /** Headers whose macros are missed where nobody includes them. */
  readonly macroHeaders?: readonly string[];
  /** Value of an object-like macro that kernel headers would define (constants table, CONFIG_*), as replacement text. */
  macro(name: string, facts: TargetFacts): string | undefined;
  /** Names for which `typeText` is asked at once: BTF, which is large, is not looked at. */
  ownsType?(tag: 'struct' | 'union', name: string): boolean;
  /** A type that neither the text nor BTF has, such as `struct tracepoint__block__block_rq_issue`: its C text, to be parsed in file scope. */
  typeText(tag: 'struct' | 'union' | 'enum' | 'typedef', name: string, context: DialectContext, loc?: Loc): string | undefined;
  /** Declares a function that no text declares (helpers by name): its C prototype text and helper number. */
  functionText(name: string, context: DialectContext): string | undefined;
  /** Names that `functionText` and `builtinCall` know, for "did you mean". */
  functionNames?(): Iterable<string>;
  /** Constants with this beginning that `macro` knows or the kernel's types have, for "did you mean". */
  constantNames?(beginning: string, facts: TargetFacts): Iterable<string>;
  /** What a member of a record that the dialect's macros declare is to the user: 'the value of table 'h''. */
  memberWords?(record: string, member: string): string | undefined;
  /** Does this variable stand for a map? Called from `finishVariable` at file scope. */
  mapOf(variable: VarDecl, context: DialectContext): MapDecl | undefined;
  /** Is `base.name(…)` a method of the dialect? */
  isMethod(base: Expr, name: string): boolean;
  methodCall(base: Expr, name: string, args: readonly Expr[], loc: Loc, context: DialectContext): Expr;
  /** A member that is no memory access of C's (fields of packet headers); undefined for all others. */
  member?(base: Expr, name: string, arrow: boolean, loc: Loc, context: DialectContext): Expr | undefined;
  /** An assignment to such a member; undefined for all others. */
  assign?(op: string, target: Expr, value: Expr, loc: Loc, context: DialectContext): Expr | undefined;
  /** `&` of such a member; undefined for all others. */
  addressOf?(operand: Expr, loc: Loc, context: DialectContext): Expr | undefined;
  /** A call of a function that the dialect implements itself (`bpf_trace_printk`, `bpf_usdt_readarg`); undefined for all others. */
  builtinCall(name: string, args: readonly Expr[], loc: Loc, context: DialectContext): Expr | undefined;
  /**
   * Called when a function's body is complete: is it an entry point, and of which kind? May rewrite `params` and
   * `body` (arguments that come from registers become locals).
   */
  program(fn: FunctionDecl, context: DialectContext): ProgramDecl | undefined;
  /** Whether calls of this function are always inlined (BCC: all). */
  inlineAll: boolean;
  /** Whether global variables stay that no program uses: user space may look for them by name. */
  keepsGlobals?: boolean;
}

export type { CType, QualType };
