/**
 * A preprocessor's state after a prelude, to begin others from: its macros, its files, and the tokens it gave.
 * Forking copies tables; nothing is lexed again.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { SourceManager } from '../source.ts';
import type { Token } from '../token.ts';
import type { Macro } from './macro.ts';
import type { PreprocessorOptions } from './preprocessor.ts';
import { Preprocessor } from './preprocessor.ts';

export interface Snapshot {
  readonly source: SourceManager;
  readonly macros: ReadonlyMap<string, Macro | null>;
  readonly once: ReadonlySet<string>;
  readonly entered: ReadonlySet<string>;
  readonly guards: ReadonlyMap<string, string>;
  readonly poisoned: ReadonlySet<string> | undefined;
  readonly counter: number;
  /** Without the `eof`. A preprocessor that begins here gives them first. */
  readonly tokens: readonly Token[];
}

/**
 * Reads `texts` to their end and keeps what they did. What the constants hook said is not kept: it may speak of
 * another kernel next time.
 */
export function snapshot(
  options: PreprocessorOptions & { readonly diagnostics: Diagnostics },
  texts: readonly { readonly name: string; readonly text: string }[],
): Snapshot {
  const pp = new Preprocessor(options);
  for (const { name, text } of texts) pp.enter(name, text, { system: true });
  const tokens: Token[] = [];
  for (let token = pp.next(); token.kind !== 'eof'; token = pp.next()) tokens.push(token);
  const macros = new Map<string, Macro | null>();
  for (const [name, macro] of pp.macros) {
    if (macro === null ? pp.undefined.has(name) : macro.origin !== 'constant') macros.set(name, macro);
  }
  return {
    source: pp.source,
    macros,
    once: pp.once,
    entered: pp.entered,
    guards: pp.guards,
    poisoned: pp.poisoned,
    counter: pp.counter,
    tokens,
  };
}
