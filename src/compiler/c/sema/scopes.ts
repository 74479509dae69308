/**
 * Scopes: what a name means here. Two name spaces, as C has them: ordinary identifiers and tags.
 */
import type { Loc } from '../../diagnostics.ts';
import type { ValueDecl } from '../ast.ts';
import type { EnumType, QualType } from '../types.ts';
import type { Enum, Record } from './types/record.ts';

export interface TypedefSymbol {
  readonly kind: 'typedef';
  readonly name: string;
  readonly type: QualType;
  readonly loc: Loc;
}

export interface EnumeratorSymbol {
  readonly kind: 'enumerator';
  readonly name: string;
  readonly value: bigint;
  /** Type of the constant: int where it fits. */
  type: QualType;
  readonly of: EnumType;
  readonly loc: Loc;
}

export type ScopeSymbol = ValueDecl | TypedefSymbol | EnumeratorSymbol;

class Scope {
  /** Made when first written to: most blocks declare nothing. */
  names: Map<string, ScopeSymbol> | undefined = undefined;
  tags: Map<string, Record | Enum> | undefined = undefined;
}

export class Scopes {
  private stack: Scope[] = [new Scope()];

  /** 0 at file scope. */
  get depth(): number {
    return this.stack.length - 1;
  }

  push(): void {
    this.stack.push(new Scope());
  }

  pop(): void {
    if (this.stack.length > 1) this.stack.pop();
  }

  /** Does something as if at file scope: what is declared meanwhile is global. */
  atFileScope<T>(work: () => T): T {
    const saved = this.stack;
    this.stack = [saved[0] as Scope];
    try {
      return work();
    } finally {
      this.stack = saved;
    }
  }

  lookup(name: string): ScopeSymbol | undefined {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const found = (this.stack[i] as Scope).names?.get(name);
      if (found) return found;
    }
    return undefined;
  }

  /** Only in the innermost scope. */
  lookupHere(name: string): ScopeSymbol | undefined {
    return this.lookupAt(name, this.depth);
  }

  lookupAt(name: string, depth: number): ScopeSymbol | undefined {
    return this.stack[depth]?.names?.get(name);
  }

  declare(name: string, symbol: ScopeSymbol, depth = this.depth): void {
    const scope = this.stack[depth] as Scope;
    (scope.names ??= new Map()).set(name, symbol);
  }

  lookupTag(name: string): Record | Enum | undefined {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const found = (this.stack[i] as Scope).tags?.get(name);
      if (found) return found;
    }
    return undefined;
  }

  lookupTagHere(name: string): Record | Enum | undefined {
    return (this.stack[this.depth] as Scope).tags?.get(name);
  }

  declareTag(name: string, type: Record | Enum, depth = this.depth): void {
    const scope = this.stack[depth] as Scope;
    (scope.tags ??= new Map()).set(name, type);
  }

  *visible(): Generator<ScopeSymbol & { readonly name: string }> {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const names = (this.stack[i] as Scope).names;
      if (names) yield* names.values();
    }
  }

  *visibleTags(): Generator<Record | Enum> {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const tags = (this.stack[i] as Scope).tags;
      if (tags) yield* tags.values();
    }
  }
}
