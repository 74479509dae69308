/**
 * The state that the parts of the parser share: the cursor, the actions, and what encloses the current token.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Actions } from '../sema/actions.ts';
import type { TokenSource } from '../token.ts';
import type { Cleanup } from './cleanups.ts';
import { Cursor, Unwind } from './cursor.ts';
import type { FunctionLabels, JumpContext } from './labels.ts';
import { PragmaState } from './pragmas.ts';
import { STARTS_SPECIFIER, STARTS_TYPE_NAME, T } from './token-codes.ts';

/** What a construct restores when it recovers from an error inside. */
export interface Mark {
  readonly depth: number;
  readonly scopes: number;
  readonly loops: number;
  readonly switches: number;
  readonly jumps: JumpContext | undefined;
  readonly labelScopes: number;
  readonly cleanups: number;
}

export class Parser extends Cursor {
  readonly actions: Actions;
  readonly pragmaState = new PragmaState();
  /** Labels of the function whose body is being parsed; undefined at file scope. */
  labels: FunctionLabels | undefined;
  functionName = '';
  /** Loops and switches around the current token (inside the function). */
  loops = 0;
  switches = 0;
  /** The innermost statement expression: no jump leads into one. */
  jumps: JumpContext | undefined;
  /** Variables with cleanup functions in scope, innermost last. */
  readonly cleanups: Cleanup[] = [];
  private scopes = 0;

  constructor(source: TokenSource, actions: Actions, diagnostics: Diagnostics) {
    super(source, diagnostics);
    this.actions = actions;
  }

  pushScope(): void {
    this.scopes++;
    this.actions.pushScope();
  }

  popScope(): void {
    this.scopes--;
    this.actions.popScope();
  }

  mark(): Mark {
    return {
      depth: this.depth,
      scopes: this.scopes,
      loops: this.loops,
      switches: this.switches,
      jumps: this.jumps,
      labelScopes: this.labels?.localScopes ?? 0,
      cleanups: this.cleanups.length,
    };
  }

  /** Back to where the mark was taken, if it was a syntax error that came flying; anything else flies on. */
  recover(thrown: unknown, mark: Mark): void {
    if (!(thrown instanceof Unwind)) throw thrown;
    this.depth = mark.depth;
    while (this.scopes > mark.scopes) this.popScope();
    this.loops = mark.loops;
    this.switches = mark.switches;
    this.jumps = mark.jumps;
    this.labels?.leaveLocalScopes(mark.labelScopes);
    this.cleanups.length = mark.cleanups;
  }

  /** Does the n-th token after the current one (0: the current one) start a type name? */
  startsTypeName(n = 0): boolean {
    const code = n === 0 ? this.code : this.peekCode(n);
    if (code === T.IDENT) return this.actions.classify((n === 0 ? this.tok : this.peek(n)).text) === 'type';
    return STARTS_TYPE_NAME[code] === 1;
  }

  /** Does the current token start declaration specifiers? */
  startsDeclaration(): boolean {
    if (this.code === T.IDENT) return this.actions.classify(this.tok.text) === 'type';
    return STARTS_SPECIFIER[this.code] === 1 || this.code === T.ATTRIBUTE || this.atBracketAttribute();
  }

  /** `[[` */
  atBracketAttribute(): boolean {
    return this.code === T.LBRACKET && this.peekCode() === T.LBRACKET;
  }
}
