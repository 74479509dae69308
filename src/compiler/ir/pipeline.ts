/**
 * The order of the passes.
 *
 *   lower ─▶ each function, callees first:  early ─▶ inline into callers
 *         ─▶ each function that is left:    scalars, values, memory to a fixpoint ─▶ spaces, probe reads
 *         ─▶ late: what only the end may do (wide copies, merged stores, initialised stack)
 *
 * `verify` checks the IR after each pass and throws at the first complaint, with the name of the pass: for tests.
 */
import type { Diagnostics } from '../diagnostics.ts';
import type { IrFunction, IrModule } from './ir.ts';
import { alignStackAccesses } from './passes/align-stack.ts';
import { cleanupCfg } from './passes/cleanup-cfg.ts';
import { combine } from './passes/combine.ts';
import { foldSizes, reportVariableSizes } from './passes/constant-sizes.ts';
import { removeDeadCode } from './passes/dce.ts';
import { removeDeadStores } from './passes/dse.ts';
import { expandMemory } from './passes/expand-memory.ts';
import { foldCoreOffsets } from './passes/fold-core.ts';
import { gvn } from './passes/gvn.ts';
import { resolveIndirectCalls } from './passes/indirect.ts';
import { initializeStack } from './passes/init-stack.ts';
import { inlineModule, removeUncalled } from './passes/inline.ts';
import { mem2reg } from './passes/mem2reg.ts';
import { mergeConditions } from './passes/merge-conditions.ts';
import { mergeStores } from './passes/merge-stores.ts';
import { insertProbeReads } from './passes/probe-reads.ts';
import { sinkLoads } from './passes/sink.ts';
import { sroa } from './passes/sroa.ts';
import { threadJumps } from './passes/thread-jumps.ts';
import { unrollLoops } from './passes/unroll.ts';
import { unsignedDivisions } from './passes/unsigned-division.ts';
import { printFunction } from './print.ts';
import { verifyFunction } from './verify.ts';

export interface PipelineOptions {
  readonly diagnostics: Diagnostics;
  /** 0: only what correctness needs. */
  readonly level?: 0 | 1 | 2;
  readonly verify?: boolean;
  /** Called after each pass, for looking on. */
  readonly trace?: (pass: string, fn: IrFunction) => void;
  readonly roots?: readonly string[];
}

type Pass = (fn: IrFunction, module: IrModule) => boolean;

class Runner {
  private readonly module: IrModule;
  private readonly options: PipelineOptions;

  constructor(module: IrModule, options: PipelineOptions) {
    this.module = module;
    this.options = options;
  }

  /** How often each function has changed, and how often it had when a pass last had nothing to do. */
  private readonly changes = new Map<IrFunction, number>();
  private readonly settled = new Map<IrFunction, Map<string, number>>();

  run(name: string, pass: Pass, fn: IrFunction): boolean {
    const version = this.changes.get(fn) ?? 0;
    let settled = this.settled.get(fn);
    if (!settled) this.settled.set(fn, (settled = new Map()));
    if (settled.get(name) === version) return false;
    const changed = this.check(name, pass, fn);
    if (changed) this.changes.set(fn, version + 1);
    // All passes here go to their own fixpoint, so one that has just run would find nothing.
    settled.set(name, changed ? version + 1 : version);
    return changed;
  }

  private check(name: string, pass: Pass, fn: IrFunction): boolean {
    const before = this.options.verify ? printFunction(fn) : '';
    const changed = pass(fn, this.module);
    if (this.options.verify) {
      const complaints = verifyFunction(fn);
      if (complaints.length > 0)
        throw new Error(`after ${name}: ${complaints.join('\n')}\nbefore:\n${before}\nafter:\n${printFunction(fn)}`);
    }
    this.options.trace?.(name, fn);
    return changed;
  }

  /** Something else has changed it. */
  touched(name: string, fn: IrFunction): void {
    this.changes.set(fn, (this.changes.get(fn) ?? 0) + 1);
    this.check(name, () => true, fn);
  }

  /** What makes a function small enough to be copied: values instead of variables. */
  early(fn: IrFunction): void {
    this.run('cleanup-cfg', cleanupCfg, fn);
    this.run('sroa', sroa, fn);
    this.run('mem2reg', mem2reg, fn);
    // Before combine makes shifts of signed divisions.
    this.run('unsigned-division', unsignedDivisions, fn);
    this.run('combine', combine, fn);
    this.run('cleanup-cfg', cleanupCfg, fn);
    this.run('dce', removeDeadCode, fn);
  }

  /** Callees have been copied in. */
  prepare(fn: IrFunction): void {
    this.touched('inline', fn);
    this.early(fn);
  }

  /** Passes that make work for each other, until none finds any. */
  middle(fn: IrFunction): void {
    for (let round = 0; round < 4; round++) {
      let changed = this.run('sroa', sroa, fn);
      if (this.run('mem2reg', mem2reg, fn)) changed = true;
      if (this.run('unsigned-division', unsignedDivisions, fn)) changed = true;
      if (this.run('combine', combine, fn)) changed = true;
      if (this.run('constant-sizes', foldSizes, fn)) changed = true;
      if (this.run('cleanup-cfg', cleanupCfg, fn)) changed = true;
      if (this.run('gvn', gvn, fn)) changed = true;
      if (this.run('thread-jumps', threadJumps, fn)) changed = true;
      if (this.run('merge-conditions', mergeConditions, fn)) changed = true;
      if (this.run('dse', removeDeadStores, fn)) changed = true;
      if (this.run('dce', removeDeadCode, fn)) changed = true;
      if (!changed) break;
    }
  }

  late(fn: IrFunction): void {
    this.run('expand-memory', expandMemory, fn);
    this.run('align-stack', alignStackAccesses, fn);
    this.middle(fn);
    this.run('sink', sinkLoads, fn);
    if (this.run('fold-core', foldCoreOffsets, fn)) this.run('dce', removeDeadCode, fn);
    this.run('init-stack', initializeStack, fn);
    this.run('merge-stores', mergeStores, fn);
  }
}

/** Runs everything; the module then is what the back end takes. Functions that grew too large are an error, and the end. */
export function optimize(module: IrModule, options: PipelineOptions): void {
  const r = new Runner(module, options);
  for (const fn of module.functions.values()) r.touched('lower', fn);
  inlineModule(module, {
    diagnostics: options.diagnostics,
    prepare: (fn) => r.prepare(fn),
    ...(options.roots ? { roots: options.roots } : {}),
  });
  if (options.diagnostics.errors > 0) return;
  // A pointer to a function becomes known when its caller is: then there is more to inline.
  for (let round = 0; round < 3; round++) {
    let found = false;
    for (const fn of module.functions.values())
      if (hasIndirect(fn)) {
        r.middle(fn);
        if (r.run('indirect', resolveIndirectCalls, fn)) found = true;
        // A table of functions that a loop goes through: each turn knows its own.
        if (hasIndirect(fn) && r.run('unroll', (f) => unrollLoops(f, options.diagnostics), fn)) {
          r.middle(fn);
          if (r.run('indirect', resolveIndirectCalls, fn)) found = true;
        }
      }
    if (!found) break;
    inlineModule(module, {
      diagnostics: options.diagnostics,
      prepare: (fn) => r.prepare(fn),
      ...(options.roots ? { roots: options.roots } : {}),
    });
    if (options.diagnostics.errors > 0) return;
  }
  if (options.level !== 0) {
    for (const fn of module.functions.values()) {
      r.middle(fn);
      if (r.run('unroll', (f) => unrollLoops(f, options.diagnostics), fn)) r.middle(fn);
    }
  }
  removeUncalled(module, options.roots);
  reportVariableSizes(module, options.diagnostics);
  const read = insertProbeReads(module, options.diagnostics);
  for (const fn of read) r.touched('probe-reads', fn);
  for (const fn of module.functions.values()) r.late(fn);
}

function hasIndirect(fn: IrFunction): boolean {
  return fn.blocks.some((b) => b.insts.some((i) => i.op === 'call' && i.callee.kind === 'indirect'));
}
