/**
 * Pragmas that mean something to the parser: loop unrolling (returned, for the loop that follows), packing and
 * pushed attributes (kept, for the records that follow). Those of compilers' warning machinery are ignored; any
 * other is named once in a warning.
 *
 *   unroll | unroll(N) | unroll N | nounroll | GCC unroll N | clang loop unroll(full|enable|disable) unroll_count(N)
 *   pack(N) | pack() | pack(push[, N]) | pack(pop)
 *   clang attribute push (__attribute__((X)), apply_to = record) | clang attribute pop
 */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Attribute } from '../ast.ts';
import type { Token } from '../token.ts';

export type Unroll = 'full' | 'none' | number;

/** First words that need no word from us. */
const IGNORED = new Set([
  'GCC',
  'clang',
  'STDC',
  'once',
  'message',
  'region',
  'endregion',
  'push_macro',
  'pop_macro',
  'ident',
  'mark',
  'warning',
  'error',
  'omp',
]);

export class PragmaState {
  private pack = 0;
  private readonly packs: number[] = [];
  private readonly pushed: { readonly names: readonly string[] }[] = [];
  private readonly warned = new Set<string>();

  /** Attributes that pragmas give to a record defined here. */
  recordAttributes(loc: number): Attribute[] {
    const attributes: Attribute[] = [];
    for (const { names } of this.pushed) for (const name of names) attributes.push({ name, args: [], loc });
    if (this.pack > 0) attributes.push({ name: 'pragma_pack', args: [{ kind: 'int', value: BigInt(this.pack) }], loc });
    return attributes;
  }

  get givesRecordAttributes(): boolean {
    return this.pack > 0 || this.pushed.length > 0;
  }

  /** Takes note of a pragma; returns what it says about the loop behind it. */
  take(token: Token, diagnostics: Diagnostics): Unroll | undefined {
    const words = token.text.match(/\w+|"[^"]*"|\S/g) ?? [];
    const [first, second, third] = words;
    switch (first) {
      case 'unroll':
        return unrollCount(words.slice(1), token, diagnostics);
      case 'nounroll':
        return 'none';
      case 'pack':
        this.takePack(words.slice(1), token, diagnostics);
        return undefined;
      case 'GCC':
        return second === 'unroll' ? unrollCount(words.slice(2), token, diagnostics) : undefined;
      case 'clang':
        if (second === 'loop') return loopHint(words.slice(2), token, diagnostics);
        if (second === 'attribute') this.takeAttribute(third, words, token, diagnostics);
        return undefined;
      default:
        if (first !== undefined && !IGNORED.has(first) && !this.warned.has(first)) {
          this.warned.add(first);
          diagnostics.warn('unknown-pragma', token.loc, `#pragma ${first} is not known and is ignored`);
        }
        return undefined;
    }
  }

  private takePack(words: readonly string[], token: Token, diagnostics: Diagnostics): void {
    const args = words.filter((word) => word !== '(' && word !== ')' && word !== ',');
    if (args[0] === 'push') {
      this.packs.push(this.pack);
      args.shift();
    } else if (args[0] === 'pop') {
      const saved = this.packs.pop();
      if (saved === undefined) diagnostics.warn('pragma-pack', token.loc, '#pragma pack(pop) without a pack(push) before it');
      this.pack = saved ?? 0;
      return;
    } else if (args.length === 0) {
      this.pack = 0;
    }
    const value = args.at(-1);
    if (value === undefined) return;
    if (/^(0|1|2|4|8|16)$/.test(value)) this.pack = Number(value);
    else diagnostics.warn('pragma-pack', token.loc, `#pragma pack takes 1, 2, 4, 8 or 16; found '${value}'`);
  }

  private takeAttribute(verb: string | undefined, words: readonly string[], token: Token, diagnostics: Diagnostics): void {
    if (verb === 'pop') {
      if (this.pushed.pop() === undefined)
        diagnostics.warn('pragma-attribute', token.loc, '#pragma clang attribute pop without a push before it');
      return;
    }
    if (verb !== 'push') return;
    const comma = words.indexOf('apply_to');
    const forRecords = comma >= 0 && words.slice(comma).includes('record');
    const names = words
      .slice(3, comma < 0 ? undefined : comma)
      .filter((word) => /^\w+$/.test(word) && word !== '__attribute__')
      .map((word) => word.replace(/^__|__$/g, ''));
    this.pushed.push({ names: forRecords ? names : [] });
    if (!forRecords && comma >= 0)
      diagnostics.warn('pragma-attribute', token.loc, '#pragma clang attribute is supported for records only; this one is ignored');
  }
}

/** `(N)`, `N`, or nothing: all of it. */
function unrollCount(words: readonly string[], token: Token, diagnostics: Diagnostics): Unroll | undefined {
  const args = words.filter((word) => word !== '(' && word !== ')');
  const [count] = args;
  if (count === undefined || count === 'full' || count === 'enable') return 'full';
  if (count === 'disable') return 'none';
  const value = Number(count);
  if (args.length === 1 && Number.isSafeInteger(value) && value >= 0 && value <= 65536) return value <= 1 ? 'none' : value;
  diagnostics.warn('pragma-unroll', token.loc, `#pragma unroll takes a number from 0 to 65536; found '${args.join(' ')}'`);
  return undefined;
}

function loopHint(words: readonly string[], token: Token, diagnostics: Diagnostics): Unroll | undefined {
  let unroll: Unroll | undefined;
  for (const [i, word] of words.entries()) {
    if (word !== 'unroll' && word !== 'unroll_count') continue;
    const close = words.indexOf(')', i);
    unroll = unrollCount(words.slice(i + 1, close < 0 ? undefined : close), token, diagnostics);
  }
  return unroll;
}
