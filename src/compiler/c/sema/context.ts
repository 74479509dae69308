/**
 * What the parts of semantic analysis share: the facts, the scopes, the function and switch they are in, and the unit
 * that grows. One per compilation.
 */
import type { Diagnostic, Diagnostics, Loc } from '../../diagnostics.ts';
import type { Dialect, DialectContext } from '../../dialect/dialect.ts';
import type { TargetFacts } from '../../target-facts.ts';
import type { UsdtProgram } from '../../usdt.ts';
import type { Asides, FunctionDecl, VarDecl } from '../ast.ts';
import type { QualType } from '../types.ts';
import type { Actions } from './actions.ts';
import { BtfTypes } from './btf-types.ts';
import type { SemaCode } from './codes.ts';
import type { ScopeSymbol } from './scopes.ts';
import { Scopes } from './scopes.ts';
import type { SwitchState } from './statements.ts';

/** Parses declarations at file scope through the same `Actions`: text that a dialect gives for a name. */
export type TextParser = (text: string, file: string) => void;

/** The function whose body is being read. */
export interface FunctionState {
  readonly decl: FunctionDecl;
  readonly returns: QualType;
  /** Depth of the scope that holds the parameters. */
  readonly depth: number;
  /** How many static locals have a name. */
  readonly statics: Map<string, number>;
}

type Notes = Diagnostic['notes'];

export class Context {
  readonly facts: TargetFacts;
  readonly dialect: Dialect | undefined;
  readonly diagnostics: Diagnostics;
  readonly scopes = new Scopes();
  readonly maps = new Map<string, VarDecl>();
  /** Everything declared at file scope and static locals, in order. */
  readonly functions: FunctionDecl[] = [];
  readonly variables: VarDecl[] = [];
  readonly asides: Asides = { referenced: new WeakSet(), parenthesized: new WeakSet(), compared: new WeakMap() };
  function: FunctionState | undefined = undefined;
  switches: SwitchState[] = [];
  /** Names found outside of the text, or not: asked once. */
  readonly targetTypedefs = new Map<string, ScopeSymbol | undefined>();
  readonly targetEnumerators = new Map<string, ScopeSymbol | undefined>();
  /** Names for which the dialect was asked for text. */
  readonly asked = new Set<string>();
  parseText: TextParser | undefined = undefined;
  /** As before C99; see `SemaOptions`. */
  readonly implicitFunctions: boolean;
  /** For names of compound literals. */
  literals = 0;
  private readonly functionTexts = new Map<string, string | undefined>();
  private sharedContext: DialectContext | undefined = undefined;
  private theActions: Actions | undefined = undefined;
  private kernelTypes: BtfTypes | undefined = undefined;
  private readonly portable: boolean;
  private readonly usdt: readonly UsdtProgram[] | undefined;

  constructor(
    facts: TargetFacts,
    dialect: Dialect | undefined,
    diagnostics: Diagnostics,
    options: { readonly portable?: boolean; readonly implicitFunctions?: boolean; readonly usdt?: readonly UsdtProgram[] | undefined },
  ) {
    this.facts = facts;
    this.dialect = dialect;
    this.diagnostics = diagnostics;
    this.portable = options.portable ?? false;
    this.usdt = options.usdt;
    this.implicitFunctions = options.implicitFunctions ?? false;
  }

  /** The target's types. Read when first asked for: many programs need none, and a kernel has 5 MB of them. */
  get kernel(): BtfTypes | undefined {
    if (this.kernelTypes) return this.kernelTypes;
    const { btf } = this.facts;
    return btf && (this.kernelTypes = new BtfTypes(btf, this.portable));
  }

  /** What the dialect declares a function with; asked once. */
  functionText(name: string): string | undefined {
    let text = this.functionTexts.get(name);
    if (text === undefined && !this.functionTexts.has(name)) {
      text = this.dialect?.functionText(name, this.dialectContext);
      this.functionTexts.set(name, text);
    }
    return text;
  }

  connect(actions: Actions): void {
    this.theActions = actions;
    const ctx = this;
    this.sharedContext = {
      facts: this.facts,
      actions,
      diagnostics: this.diagnostics,
      maps: this.maps,
      usdt: this.usdt,
      get currentFunction() {
        return ctx.function?.decl;
      },
    };
  }

  get actions(): Actions {
    if (!this.theActions) throw new Error('sema is not connected');
    return this.theActions;
  }

  get dialectContext(): DialectContext {
    if (!this.sharedContext) throw new Error('sema is not connected');
    return this.sharedContext;
  }

  error(code: SemaCode, loc: Loc, message: string, notes?: Notes): void {
    this.diagnostics.error(code, loc, message, notes);
  }

  warn(code: SemaCode, loc: Loc, message: string, notes?: Notes): void {
    this.diagnostics.warn(code, loc, message, notes);
  }

  /**
   * Lets the dialect declare a name by C text, once. True if it did: then look the name up again.
   * `key` tells names of different kinds apart.
   */
  declareByText(key: string, text: () => string | undefined): boolean {
    if (!this.dialect || this.asked.has(key)) return false;
    this.asked.add(key);
    const source = text();
    if (source === undefined) return false;
    const parse = this.parseText;
    if (!parse) throw new Error(`no parser is set for the text of ${key}`);
    const outer = { function: this.function, switches: this.switches };
    this.function = undefined;
    this.switches = [];
    try {
      this.scopes.atFileScope(() => parse(source, `<${key}>`));
    } finally {
      this.function = outer.function;
      this.switches = outer.switches;
    }
    return true;
  }
}

/** "declared here", where there is such a place. */
export function noteAt(message: string, loc: Loc): Notes {
  return loc === 0 ? undefined : [{ message, loc }];
}
