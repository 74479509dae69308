/**
 * Labels of one function: a label may be used before it is defined, so what is wrong shows at the function's end.
 *
 * GNU local labels (`__label__ out;`, the way macros use goto more than once in a function) get unique names in the
 * tree; nothing after the parser knows of them.
 */
import type { Diagnostics, Loc } from '../../diagnostics.ts';
import type { Cleanup } from './cleanups.ts';

/** A statement expression: control may leave it by goto, but not enter. */
export interface JumpContext {
  readonly parent: JumpContext | undefined;
}

interface LabelEntry {
  /** As the user wrote it, and as the tree calls it. */
  readonly name: string;
  readonly unique: string;
  readonly declared: Loc;
  defined: Loc | undefined;
  context: JumpContext | undefined;
  readonly uses: { readonly loc: Loc; readonly context: JumpContext | undefined; readonly cleanups: readonly Cleanup[] }[];
  /** Cleanups whose scopes it is in. */
  cleanups: readonly Cleanup[];
  readonly waiting: ((cleanups: readonly Cleanup[]) => void)[];
  /** `__attribute__((unused))`. */
  quiet: boolean;
}

export class FunctionLabels {
  private readonly diagnostics: Diagnostics;
  private readonly named = new Map<string, LabelEntry>();
  private readonly local: Map<string, LabelEntry>[] = [];
  private readonly all: LabelEntry[] = [];

  constructor(diagnostics: Diagnostics) {
    this.diagnostics = diagnostics;
  }

  get localScopes(): number {
    return this.local.length;
  }

  /** For a block that starts with `__label__`. */
  enterLocalScope(): void {
    this.local.push(new Map());
  }

  leaveLocalScopes(depth: number): void {
    this.local.length = depth;
  }

  /** `__label__ name;` */
  declare(name: string, loc: Loc): void {
    const scope = this.local.at(-1);
    if (scope === undefined) return;
    const before = scope.get(name);
    if (before !== undefined) {
      this.diagnostics.error('duplicate-label', loc, `local label '${name}' is declared twice`, [
        { message: 'first declared here', loc: before.declared },
      ]);
      return;
    }
    scope.set(name, this.make(name, `${name}.${this.all.length}`, loc));
  }

  /** Returns the name to use in the tree. */
  define(name: string, loc: Loc, context: JumpContext | undefined, quiet: boolean, cleanups: readonly Cleanup[]): string {
    const entry = this.find(name, loc);
    if (entry.defined !== undefined) {
      this.diagnostics.error('duplicate-label', loc, `label '${name}' is defined twice in this function`, [
        { message: 'first defined here', loc: entry.defined },
      ]);
      return entry.unique;
    }
    entry.defined = loc;
    entry.context = context;
    entry.cleanups = [...cleanups];
    entry.quiet ||= quiet;
    return entry.unique;
  }

  use(name: string, loc: Loc, context: JumpContext | undefined, cleanups: readonly Cleanup[] = []): string {
    const entry = this.find(name, loc);
    entry.uses.push({ loc, context, cleanups: [...cleanups] });
    return entry.unique;
  }

  /** Calls back at the function's end with the cleanups whose scopes the label is in. */
  whenDefined(name: string, loc: Loc, then: (cleanups: readonly Cleanup[]) => void): void {
    this.find(name, loc).waiting.push(then);
  }

  /** At the end of the function. */
  finish(): void {
    for (const { name, declared, defined, uses, context, quiet, cleanups, waiting } of this.all) {
      for (const then of waiting) then(cleanups);
      const first = uses[0];
      if (defined === undefined) {
        if (first !== undefined)
          this.diagnostics.error('undefined-label', first.loc, `label '${name}' is used but not defined in this function`);
        continue;
      }
      if (first === undefined && !quiet) this.diagnostics.warn('unused-label', defined, `label '${name}' is defined but not used`);
      for (const use of uses) {
        if (!encloses(context, use.context)) {
          this.diagnostics.error('jump-into-statement-expression', use.loc, `goto '${name}' jumps into a statement expression`, [
            { message: 'the label is here', loc: defined ?? declared },
          ]);
        } else if (cleanups.some((c, i) => use.cleanups[i] !== c)) {
          this.diagnostics.error('jump-into-cleanup', use.loc, `goto '${name}' jumps past a variable that has a cleanup function`, [
            { message: 'the label is here', loc: defined },
          ]);
        }
      }
    }
  }

  private find(name: string, loc: Loc): LabelEntry {
    for (let i = this.local.length - 1; i >= 0; i--) {
      const entry = this.local[i]?.get(name);
      if (entry !== undefined) return entry;
    }
    let entry = this.named.get(name);
    if (entry === undefined) {
      entry = this.make(name, name, loc);
      this.named.set(name, entry);
    }
    return entry;
  }

  private make(name: string, unique: string, declared: Loc): LabelEntry {
    const entry: LabelEntry = {
      name,
      unique,
      declared,
      defined: undefined,
      context: undefined,
      uses: [],
      quiet: false,
      cleanups: [],
      waiting: [],
    };
    this.all.push(entry);
    return entry;
  }
}

function encloses(outer: JumpContext | undefined, inner: JumpContext | undefined): boolean {
  if (outer === undefined) return true;
  for (let at = inner; at !== undefined; at = at.parent) if (at === outer) return true;
  return false;
}
