/**
 * The language of `argdist`:
 *
 *   spec ::= kind ':' [library | category] ':' name '(' [C parameters] ')'
 *            [':' type {',' type} ':' expression {',' expression} [':' filter]] ['#' label]
 *
 * Without types and expressions a return probe takes `$retval`, any other counts its calls. BCC's manual also has a
 * label behind ';', so that is one, too.
 */
import { Cursor, trimmed, type Words } from './cursor.ts';
import { type Probe, parseProbe } from './probe.ts';

export interface ArgdistSpec {
  readonly text: string;
  readonly probe: Probe;
  readonly signature: Words;
  /** Empty: the default. */
  readonly types: readonly Words[];
  readonly values: readonly Words[];
  readonly filter: Words | undefined;
  /** What the output is headed with: the label, or the spec. */
  readonly label: string;
}

const PART = /[^:\s("]/;
const END = ':#;';

export function parseArgdist(text: string, use: 'count' | 'histogram'): ArgdistSpec {
  const cursor = new Cursor(text);
  cursor.skipSpace();
  if (cursor.done) throw cursor.expected("a probe, as 'p::vfs_read(void *file, char *buf, size_t count):size_t:count'");
  const probe = parseProbe(cursor, { part: PART, offsets: false });
  if (!/^\s*[prtu]?:[^:(]*:/.test(text))
    throw cursor.error("expected kind, library and function: 'p::vfs_read()' is the kernel's vfs_read", 0);
  if (!cursor.take('(')) throw cursor.expected("'(' and the parameters; '()' where none is needed");
  const open = cursor.at - 1;
  const signature = cursor.balanced(')');
  if (!cursor.take(')')) throw cursor.error("this '(' is never closed", open);
  if (signature.text !== '' && (probe.kind === 't' || probe.kind === 'u'))
    throw cursor.error(
      probe.kind === 't'
        ? "a tracepoint's fields are 'args->name': leave this empty"
        : 'arguments of a USDT probe are arg1, arg2, …: leave this empty',
      signature.start,
    );
  const types: Words[] = [];
  const values: Words[] = [];
  let filter: Words | undefined;
  cursor.skipSpace();
  if (cursor.take(':')) {
    list(cursor, 'a type', types, (ends) => cursor.balanced(ends));
    if (!cursor.take(':')) throw cursor.expected("':' and what to collect");
    list(cursor, 'an expression', values, (ends) => cursor.expression(ends));
    if (cursor.take(':')) {
      filter = cursor.expression(END);
      if (filter.text === '') throw cursor.error('expected a filter', filter.start);
    }
  }
  const label = cursor.take('#') || cursor.take(';') ? trimmed({ text: text.slice(cursor.at), start: cursor.at }).text : undefined;
  if (label === undefined && !cursor.done) throw cursor.expected("the end, or '#' and a label");
  if (types.length !== values.length) {
    const odd = (types.length > values.length ? types : values)[Math.min(types.length, values.length)];
    throw cursor.error(`${types.length} types for ${values.length} expressions`, odd?.start ?? 0);
  }
  for (const { text: words, start } of filter ? [...values, filter] : values) {
    const asked = probe.kind === 'r' ? null : /\$(?:latency|entry)\b/.exec(words);
    if (asked) throw cursor.error(`${asked[0]} is known when the function returns: it needs a probe of kind 'r'`, start + asked.index);
  }
  const [first] = types;
  if (use === 'histogram' && first && isString(first.text)) throw cursor.error('a histogram is of numbers: -C counts texts', first.start);
  if (use === 'histogram' && values.length > 1) throw cursor.error('a histogram is of one expression', values[1]?.start ?? 0);
  if (use === 'histogram' && values.length === 0 && probe.kind !== 'r')
    throw cursor.error("a histogram needs ':type:expression'", cursor.text.length);
  return { text, probe, signature, types, values, filter, label: label ?? text.trim() };
}

/** A type that is text in memory. */
export const isString = (type: string): boolean => /^(?:const )?char ?\*$/.test(type);

function list(cursor: Cursor, what: string, into: Words[], read: (ends: string) => Words): void {
  do {
    const words = read(`,${END}`);
    if (words.text === '') throw cursor.error(`expected ${what}`, words.start);
    into.push(words);
  } while (cursor.take(','));
}
