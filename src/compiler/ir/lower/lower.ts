/**
 * From the typed tree to IR.
 *
 *   TranslationUnit ──▶ IrModule          one function at a time, only what entry points reach
 *
 * The tree says everything (types, conversions, lvalues), so this stage decides only how to do it: each local is an
 * alloca, each record is memory, `&&` and `?:` are control flow. `mem2reg` and `sroa` make values of the memory later.
 * What BPF cannot do (floating point, 128-bit integers) is an error at its place here, not before: declaring a `double`
 * in a header is no mistake, computing with one is.
 *
 *   scalar.ts    expressions with a value in a register        place.ts     lvalues
 *   record.ts    expressions with a record as value            access.ts    loads and stores, bit-fields
 *   effect.ts    expressions for their effect alone            condition.ts expressions as control flow
 *   statement.ts call.ts builtins.ts asm.ts init.ts globals.ts what the names say
 */
import type { TranslationUnit, VarDecl } from '../../c/ast.ts';
import { findAttribute, stringArg } from '../../c/sema/decl/attributes.ts';
import { isIncomplete } from '../../c/sema/types/predicates.ts';
import type { IrModule } from '../ir.ts';
import { lowerFunction } from './function.ts';
import { globalFor } from './globals.ts';
import { type LowerOptions, ModuleState } from './state.ts';

export function lowerUnit(unit: TranslationUnit, options: LowerOptions): IrModule {
  const m = new ModuleState(options);
  for (const fn of unit.functions) {
    if (fn.program || options.roots?.includes(fn.name)) m.need(fn);
  }
  for (let fn = m.pending.shift(); fn; fn = m.pending.shift()) m.module.functions.set(fn.name, lowerFunction(m, fn));
  if (options.keepGlobals) for (const d of unit.variables) if (isFound(d)) globalFor(m, d);
  return m.module;
}

/** A variable that user space finds by its name: `const volatile int pid;`, whether a program reads it or not. */
function isFound(d: VarDecl): boolean {
  if (d.scope === 'local' || d.storage === 'static' || d.storage === 'extern' || isIncomplete(d.type.type)) return false;
  const section = stringArg(findAttribute(d.attributes, 'section'));
  return section === undefined || /^\.(?:data|rodata|bss)(?:\.|$)/.test(section);
}

export type { LowerOptions, TypeIds } from './state.ts';
