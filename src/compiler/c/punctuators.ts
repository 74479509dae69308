/**
 * The punctuators of C, found by a table over their first two characters.
 */

const PAIRS = [
  '->',
  '--',
  '-=',
  '++',
  '+=',
  '&&',
  '&=',
  '||',
  '|=',
  '*=',
  '/=',
  '^=',
  '!=',
  '==',
  '##',
  '::',
  '<<',
  '<=',
  '>>',
  '>=',
  '%=',
];
const DIGRAPHS = ['<:', ':>', '<%', '%>', '%:'];
const DIGRAPH_MEANING = ['[', ']', '{', '}', '#'];
const SINGLES = '.-+&|*/^!=:#<>%(),;?[]{}~';

/** What `#` makes of a token that was written as a digraph. */
export const DIGRAPH_SPELLING: ReadonlyMap<string, string> = new Map([
  ...DIGRAPHS.map((d, i) => [DIGRAPH_MEANING[i]!, d] as const),
  ['##', '%:%:'],
]);

/** By two characters: 0, or 1 + index in PAIRS, or 1 + PAIRS.length + index in DIGRAPHS. */
const PAIR_OF = new Uint8Array(128 * 128);
[...PAIRS, ...DIGRAPHS].forEach((pair, i) => {
  PAIR_OF[pair.charCodeAt(0) * 128 + pair.charCodeAt(1)] = i + 1;
});
const SINGLE: (string | undefined)[] = Array.from({ length: 128 }, (_, c) =>
  SINGLES.includes(String.fromCharCode(c)) ? String.fromCharCode(c) : undefined,
);

/** The longest punctuator at `pos`, whose character is `c`, as it is written; undefined if none begins so. */
export function punctuatorAt(text: string, pos: number, c: number): string | undefined {
  const d = text.charCodeAt(pos + 1);
  if (c === 46) return d === 46 && text.charCodeAt(pos + 2) === 46 ? '...' : '.';
  const pair = d < 128 ? PAIR_OF[c * 128 + d]! : 0;
  if (pair === 0) return SINGLE[c];
  if (pair > PAIRS.length) return d === 58 && c === 37 && text.startsWith('%:', pos + 2) ? '%:%:' : DIGRAPHS[pair - 1 - PAIRS.length];
  if (c === d && (c === 60 || c === 62) && text.charCodeAt(pos + 2) === 61) return c === 60 ? '<<=' : '>>=';
  return PAIRS[pair - 1];
}

const MEANING: ReadonlyMap<string, string> = new Map([...DIGRAPHS.map((d, i) => [d, DIGRAPH_MEANING[i]!] as const), ['%:%:', '##']]);

/** What a digraph stands for; undefined for every other punctuator. */
export function digraphMeaning(written: string): string | undefined {
  const c = written.charCodeAt(0);
  if (written.length === 1 || (c !== 37 && c !== 58 && c !== 60)) return undefined;
  return MEANING.get(written);
}
