/**
 * What the parts of lowering share: the module that grows, and for each function the builder, the places of its
 * variables and where `break`, `continue` and labels lead.
 */

import type { CoreKind } from '../../../object/spec.ts';
import type { CaseLabel, Expr, FunctionDecl, ParamDecl, VarDecl } from '../../c/ast.ts';
import type { QualType, RecordType } from '../../c/types.ts';
import type { Diagnostics, Loc } from '../../diagnostics.ts';
import { Builder } from '../builder.ts';
import type { Block, CoreRef, IrFunction, IrModule, Value } from '../ir.ts';

/** Ids of types in the object's BTF; made as they are asked for. */
export interface TypeIds {
  typeId(type: QualType): number;
  /** FUNC type of a function with a body. */
  functionId(fn: FunctionDecl): number;
}

export interface LowerOptions {
  readonly diagnostics: Diagnostics;
  readonly types: TypeIds;
  /** Every function with a body is inlined where it is called (BCC). */
  readonly inlineAll: boolean;
  /** Global variables that nobody uses are made, too. */
  readonly keepGlobals?: boolean;
  /** Functions to keep besides programs. */
  readonly roots?: readonly string[];
}

export class ModuleState {
  readonly options: LowerOptions;
  readonly diagnostics: Diagnostics;
  readonly module: IrModule = { functions: new Map(), globals: new Map() };
  /** Globals by declaration, so that each is made once and only if used. */
  readonly globalNames = new Map<VarDecl, string>();
  readonly strings = new Map<string, string>();
  /** Functions that were mentioned and are still to be lowered. */
  readonly pending: FunctionDecl[] = [];
  readonly seen = new Set<FunctionDecl>();
  private readonly reported = new Set<string>();

  constructor(options: LowerOptions) {
    this.options = options;
    this.diagnostics = options.diagnostics;
  }

  /** Says one thing about one place once. */
  error(code: string, loc: Loc, message: string): void {
    const key = `${code} ${loc}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.diagnostics.error(code, loc, message);
  }

  need(fn: FunctionDecl): void {
    if (this.seen.has(fn) || !fn.body) return;
    this.seen.add(fn);
    this.pending.push(fn);
  }
}

/** Bit position and width within a place, as `Field.bit`. */
export interface BitRange {
  readonly offset: number;
  readonly width: number;
}

/** Where an lvalue is: pointer plus constant offset, and what accesses must respect. */
export interface Place {
  readonly ptr: Value;
  readonly offset: number;
  readonly align: number;
  readonly volatile: boolean;
  /** Bit-field: counted from `offset`. */
  readonly bit?: BitRange;
  /** Bytes from `offset` back to the start and on to the end of the record a bit-field lies in. */
  readonly before?: number;
  readonly after?: number;
  /** The offset depends on the target's types: `offset` is without what `core` adds. */
  readonly core?: CorePath;
  /** Of a place whose path was settled already (bit-fields): for questions about the field. */
  readonly corePath?: CorePath;
  /** The outermost union with several members on the way here, and bytes from its start. */
  readonly union?: { readonly record: RecordType; readonly at: number };
}

/** A path of member indices from a record: what .BTF.ext calls an access string. */
export interface CorePath {
  readonly root: QualType;
  readonly path: readonly number[];
  readonly local: number;
}

export class FunctionState {
  readonly m: ModuleState;
  readonly b: Builder;
  readonly fn: IrFunction;
  readonly decl: FunctionDecl;
  readonly locals = new Map<VarDecl | ParamDecl, Place>();
  readonly labels = new Map<string, Block>();
  readonly cases = new Map<CaseLabel, Block>();
  breakTo: Block | undefined;
  continueTo: Block | undefined;
  /** Inside `__builtin_preserve_access_index`: every member access is relocatable. */
  preserve = 0;
  /** Where a returned record is written. */
  returnInto: Value | undefined;

  constructor(m: ModuleState, fn: IrFunction, decl: FunctionDecl) {
    this.m = m;
    this.fn = fn;
    this.decl = decl;
    this.b = new Builder(fn);
  }

  error(code: string, e: { readonly loc: Loc } | Expr, message: string): void {
    this.m.error(code, e.loc, message);
  }

  label(name: string): Block {
    let block = this.labels.get(name);
    if (!block) this.labels.set(name, (block = this.b.newBlock()));
    return block;
  }
}

export function coreRef(kind: CoreKind, m: ModuleState, core: CorePath): CoreRef {
  return { kind, type: m.options.types.typeId(core.root), access: core.path.join(':'), local: BigInt(core.local) };
}
