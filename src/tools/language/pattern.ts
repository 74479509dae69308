/**
 * Patterns of `funccount`, `stackcount` and their kin: a probe whose last part is a glob, or with -r a regular
 * expression. A regular expression may hold anything, ':' as well, so with it only a known kind in front splits.
 */
import { Cursor } from './cursor.ts';
import { type Probe, parseProbe } from './probe.ts';

export interface Pattern {
  readonly probe: Probe;
  /** The last part, to match whole names. */
  readonly matches: RegExp;
  /** True where the last part is a name and no pattern. */
  readonly exact: boolean;
}

const PART = /[^:\s]/;

export function parsePattern(text: string, regexp: boolean): Pattern {
  const cursor = new Cursor(text);
  cursor.skipSpace();
  if (cursor.done) throw cursor.expected("a function, or a pattern as 'vfs_*'");
  const probe = parseProbe(cursor, { part: regexp ? /[^:]/ : PART, offsets: false });
  cursor.skipSpace();
  if (!cursor.done) throw cursor.expected('the end of the pattern');
  if (probe.kind === 'r') throw cursor.error("calls are counted at the entry of a function: 'p', 't' or 'u'", 0);
  if (!regexp) return { probe, matches: globToRegExp(probe.name), exact: !probe.name.includes('*') };
  try {
    // As BCC does: the expression must match from the start of the name; '^' and '$' may say so.
    return { probe, matches: new RegExp(`^(?:${probe.name})`), exact: /^\w+$/.test(probe.name) };
  } catch (error) {
    throw cursor.error(`not a regular expression: ${(error as Error).message}`, probe.start);
  }
}

/** '*' is any text; all else stands for itself. */
export function globToRegExp(glob: string): RegExp {
  const pieces = glob.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('.*')}$`);
}
