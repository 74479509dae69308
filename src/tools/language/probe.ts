/**
 * What a probe is on: the head that all four languages share.
 *
 *   head ::= function | library ':' function | [kind] ':' library ':' function | 't' ':' category ':' event
 *          | 'u' ':' library [':' provider] ':' probe
 *   kind ::= 'p' (entry, the default) | 'r' (return) | 't' (tracepoint) | 'u' (USDT)
 *
 * An empty library is the kernel. Facts: bcc.md §3.3, the manual pages of BCC's tools.
 */
import type { Cursor, Words } from './cursor.ts';

export type ProbeKind = 'p' | 'r' | 't' | 'u';

export interface Probe {
  readonly kind: ProbeKind;
  /** Functions and USDT probes: a path, or a name as in `c` and `bash`; '' is the kernel. */
  readonly library: string;
  /** Tracepoints. */
  readonly category: string;
  /** USDT: '' where it is not said. */
  readonly provider: string;
  /** Function, event or probe; may be a pattern where the language has them. */
  readonly name: string;
  /** Where the name begins in the text. */
  readonly start: number;
  /** Bytes behind the start of the function. */
  readonly offset: number;
}

const KINDS: Readonly<Record<string, { readonly kind: ProbeKind; readonly middle: string; readonly last: string }>> = {
  '': { kind: 'p', middle: 'a library (empty for the kernel)', last: 'a function' },
  p: { kind: 'p', middle: 'a library (empty for the kernel)', last: 'a function' },
  r: { kind: 'r', middle: 'a library (empty for the kernel)', last: 'a function' },
  t: { kind: 't', middle: "a category, as in 't:sched:sched_switch'", last: 'an event' },
  u: { kind: 'u', middle: "a library or program, as in 'u:pthread:pthread_create'", last: 'a USDT probe' },
};

/** Reads the head; it ends where `PART` ends: at white space, '(' or '"'. */
export function parseProbe(cursor: Cursor, options: { readonly part: RegExp; readonly offsets: boolean }): Probe {
  const parts: Words[] = [cursor.run(options.part)];
  while (cursor.take(':')) parts.push(cursor.run(options.part));
  const [first = { text: '', start: cursor.at }] = parts;
  const last = parts[parts.length - 1] ?? first;
  const row = parts.length < 3 ? KINDS['p'] : KINDS[first.text];
  if (!row) throw cursor.error(`a probe is of kind p, r, t or u, not '${first.text}'`, first.start);
  if (last.text === '') throw cursor.error(`expected ${row.last}`, last.start);
  const middle = parts.length < 3 ? parts.slice(0, -1) : parts.slice(1, -1);
  const [library = { text: '', start: first.start }, provider, extra] = middle;
  const { kind } = row;
  if (extra || (provider && kind !== 'u')) throw cursor.error("there is a ':' too many", (extra ?? provider ?? last).start - 1);
  if (library.text === '' && (kind === 't' || kind === 'u')) throw cursor.error(`expected ${row.middle}`, library.start);
  const { name, offset } = options.offsets ? splitOffset(cursor, last) : { name: last.text, offset: 0 };
  if (offset !== 0 && kind !== 'p') throw cursor.error('only a probe at the entry of a function takes an offset', last.start + name.length);
  return {
    kind,
    library: kind === 't' ? '' : library.text,
    category: kind === 't' ? library.text : '',
    provider: provider?.text ?? '',
    name,
    start: last.start,
    offset,
  };
}

function splitOffset(cursor: Cursor, { text, start }: Words): { name: string; offset: number } {
  const plus = text.indexOf('+');
  if (plus < 0) return { name: text, offset: 0 };
  const digits = text.slice(plus + 1);
  if (!/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(digits)) throw cursor.error('expected an offset, decimal or as 0x38', start + plus + 1);
  return { name: text.slice(0, plus), offset: Number(digits) };
}

/** How the probe is written back: 'vfs_read', 'c:malloc', 'sched:sched_switch'. */
export function probeName({ kind, library, category, provider, name }: Probe): string {
  switch (kind) {
    case 't':
      return `${category}:${name}`;
    case 'u':
      return [library, provider, name].filter((part) => part !== '').join(':');
    case 'p':
    case 'r':
      return library === '' ? name : `${library}:${name}`;
    default:
      return kind satisfies never;
  }
}
