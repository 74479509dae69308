/**
 * Kernel constants as macros of last resort: names that no text defines, with a value from a table or the kernel's
 * configuration.
 *
 * Real headers would define them only where they are included; here they are always there. So a declaration of the
 * user's own must be able to take the name back. Without parsing, a declaration is known by what no use of a
 * constant can look like: the name right before a single `=`, or in the list of an `enum`. From there on the name is
 * the user's.
 */
import type { PpToken } from '../lexer.ts';
import type { Token } from '../token.ts';
import type { Preprocessor } from './preprocessor.ts';

export interface ConstantHook {
  /** Fast and without side effects: may `name` be one? */
  has(name: string): boolean;
  /** Its replacement text; undefined if it is none after all. */
  text(name: string): string | undefined;
}

/** A name behind one of these is a member's, a tag or a label. */
const NAMED_BY = new Set(['.', '->', 'struct', 'union', 'enum', 'goto']);

/** Where the stream stands in `enum [name] { … }`. */
type EnumState = 'outside' | 'head' | 'body';

export class ConstantNames {
  private readonly hook: ConstantHook;
  private state: EnumState = 'outside';
  private last: Token | undefined;
  /** In a declaration that says `extern`. */
  private external = false;

  constructor(hook: ConstantHook) {
    this.hook = hook;
  }

  text(name: string): string | undefined {
    return this.hook.has(name) ? this.hook.text(name) : undefined;
  }

  /** Sees every token that leaves the preprocessor. */
  watch(token: PpToken): PpToken {
    this.last = token;
    if (this.external && token.kind === 'punct' && (token.text === ';' || token.text === '{')) this.external = false;
    if (token.kind === 'ident') {
      if (token.text === 'enum') this.state = 'head';
      else if (token.text === 'extern') this.external = true;
    } else if (this.state !== 'outside' && token.kind === 'punct') {
      if (token.text === '{') this.state = this.state === 'head' ? 'body' : 'outside';
      else if (token.text === '}' || token.text === ';') this.state = 'outside';
      else if (this.state === 'head' && (token.text === '=' || token.text === ',' || token.text === ')' || token.text === '*'))
        this.state = 'outside';
    }
    return token;
  }

  /**
   * Is this use of a constant's name no use of the constant: a member, a tag, or its declaration by the user? After a
   * declaration it is no constant any more.
   */
  isDeclared(pp: Preprocessor, token: PpToken): boolean {
    // Names of a dialect's own stand for members too: `ctx->__skep_rc` is a register of the architecture.
    if (token.text.startsWith('__skep_')) return false;
    if (!pp.inArgument && NAMED_BY.has(this.last?.text ?? '')) return true;
    const next = pp.peek();
    // `extern int CONFIG_HZ __kconfig;`: the loader will fill it in.
    if (this.external && token.text.startsWith('CONFIG_') && !pp.inArgument) {
      pp.macros.set(token.text, null);
      return true;
    }
    const enumerator = this.state === 'body' && (this.last?.text === '{' || this.last?.text === ',');
    if (!enumerator && (!next.startsWith('=') || next.startsWith('=='))) return false;
    pp.macros.set(token.text, null);
    return true;
  }
}
