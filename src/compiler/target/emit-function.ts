/**
 * The back end: an IR function becomes BPF instructions.
 *
 *   IrFunction ─▶ select ─▶ rewrite ─▶ allocate ─▶ rewrite ─▶ clean, lay out blocks and stack ─▶ emit ─▶ FunctionSpec
 *
 * Given: a function that `ir/verify.ts` accepts, after the passes (no accesses to kernel or user memory left, calls of
 * at most five arguments). Promised: instructions that do the same, for the instruction set asked for; a diagnostic for
 * what BPF cannot do (too much stack, indirect calls); never an exception. The same function gives the same bytes.
 *
 * What the verifier should see is kept in sight of it: a value that is compared stays in the register that is used;
 * pointers are not made twice; a spilled register goes to eight aligned bytes.
 */
import type { FunctionSpec } from '../../object/spec.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { IrFunction, IrModule } from '../ir/ir.ts';
import { allocate } from './allocate.ts';
import { reuseAvailable } from './available.ts';
import { propagateCopies } from './copies.ts';
import { removeDeadCode, removeDeadMoves } from './dead-code.ts';
import type { LocResolver } from './emit.ts';
import { emitCode, lineTable } from './emit.ts';
import type { GlobalLayout } from './globals.ts';
import { layoutGlobals } from './globals.ts';
import { cleanBlocks, layoutBlocks } from './layout.ts';
import { mergeTails } from './merge-tails.ts';
import { applyWindows } from './rewrites/windows.ts';
import { selectFunction } from './select/select.ts';
import { layoutStack } from './stack.ts';

export interface EmitOptions {
  readonly cpu: 1 | 2 | 3 | 4;
  readonly resolve: LocResolver;
  readonly diagnostics: Diagnostics;
  /** Where globals are; computed from the module when not given. Give it when emitting many functions. */
  readonly globals?: GlobalLayout;
}

export function emitFunction(fn: IrFunction, module: IrModule, options: EmitOptions): FunctionSpec {
  const { diagnostics, cpu } = options;
  const { places } = options.globals ?? layoutGlobals(module);
  const machine = selectFunction(fn, module, { cpu, diagnostics, places });
  cleanBlocks(machine);
  removeDeadCode(machine);
  applyWindows(machine);
  allocate(machine);
  cleanBlocks(machine);
  // Ends that are alike first, then what is left over of them.
  mergeTails(machine);
  reuseAvailable(machine);
  propagateCopies(machine);
  removeDeadMoves(machine);
  applyWindows(machine);
  mergeTails(machine);
  const stack = layoutStack(machine, diagnostics, fn.loc);
  mergeTails(machine, true);
  layoutBlocks(machine);
  const code = emitCode(machine, diagnostics);
  return {
    name: fn.name,
    linkage: fn.linkage,
    insns: code.insns,
    refs: code.refs,
    lines: lineTable(code, options.resolve, fn.loc),
    ...(fn.btfFunc === undefined ? {} : { btfFunc: fn.btfFunc }),
    core: code.core,
    stack,
  };
}
