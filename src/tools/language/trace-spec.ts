/**
 * The language of `trace`:
 *
 *   spec   ::= head [signature] [filter] [format {',' expression}]
 *   head   ::= probe.ts                       'c:malloc', 'r::vfs_read', 't:block:block_rq_complete'
 *   signature ::= '(' C parameters ')'        right behind the function
 *   filter ::= '(' C expression ')'           after white space
 *   format ::= '"' text with %d %s … '"'      each conversion takes the next expression
 */
import { Cursor, type Words } from './cursor.ts';
import { type Probe, parseProbe } from './probe.ts';

/** A conversion of the format, and the type its value is kept in. */
export interface Conversion {
  /** 's', 'd', 'llu', 'K', … */
  readonly letters: string;
  /** C type; 'string' where text is read from memory. */
  readonly type: string;
  /** Offset of its '%' in the whole text. */
  readonly start: number;
}

export interface TraceSpec {
  readonly text: string;
  readonly probe: Probe;
  /** The parameters without parentheses. */
  readonly signature: Words | undefined;
  readonly filter: Words | undefined;
  /** With escapes resolved; undefined where the spec says none. */
  readonly format: string | undefined;
  readonly conversions: readonly Conversion[];
  readonly values: readonly Words[];
}

/** Conversions as in BCC, and the types they take. */
export const CONVERSIONS: Readonly<Record<string, string>> = {
  s: 'string',
  u: 'unsigned int',
  d: 'int',
  lu: 'unsigned long',
  ld: 'long',
  llu: 'unsigned long long',
  lld: 'long long',
  hu: 'unsigned short',
  hd: 'short',
  x: 'unsigned int',
  lx: 'unsigned long',
  llx: 'unsigned long long',
  c: 'char',
  K: 'unsigned long long',
  U: 'unsigned long long',
};

const PART = /[^:\s("]/;

export function parseTrace(text: string): TraceSpec {
  const cursor = new Cursor(text);
  cursor.skipSpace();
  if (cursor.done) throw cursor.expected("a probe, as 'vfs_read' or 't:sched:sched_switch'");
  const probe = parseProbe(cursor, { part: PART, offsets: true });
  let signature: Words | undefined;
  if (cursor.next === '(') {
    if (probe.kind === 't') throw cursor.error("a tracepoint has no signature: its fields are 'args->name'");
    if (probe.kind === 'u') throw cursor.error('a USDT probe has no signature: its arguments are arg1, arg2, …');
    signature = parenthesized(cursor, (end) => cursor.balanced(end));
  }
  cursor.skipSpace();
  const filter = cursor.next === '(' ? parenthesized(cursor, (end) => cursor.expression(end)) : undefined;
  cursor.skipSpace();
  if (cursor.done) return { text, probe, signature, filter, format: undefined, conversions: [], values: [] };
  if (cursor.next !== '"')
    throw cursor.expected(filter ? 'a format in double quotes' : 'a filter in parentheses or a format in double quotes');
  const { format, conversions } = parseFormat(cursor);
  const values: Words[] = [];
  cursor.skipSpace();
  while (cursor.take(',')) {
    cursor.skipSpace();
    const value = cursor.expression(',');
    if (value.text === '') throw cursor.error('expected an expression', value.start);
    values.push(value);
  }
  if (!cursor.done) throw cursor.expected("',' and an expression");
  const missing = conversions[values.length];
  if (missing)
    throw cursor.error(`%${missing.letters} has no expression (there are ${values.length} for ${conversions.length})`, missing.start);
  const extra = values[conversions.length];
  if (extra) throw cursor.error(`no conversion of the format takes this expression`, extra.start);
  return { text, probe, signature, filter, format, conversions, values };
}

function parenthesized(cursor: Cursor, read: (end: string) => Words): Words {
  const open = cursor.at;
  cursor.take('(');
  const inside = read(')');
  if (!cursor.take(')')) throw cursor.error("this '(' is never closed", open);
  return inside;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };

function parseFormat(cursor: Cursor): { readonly format: string; readonly conversions: readonly Conversion[] } {
  const { text, start: quote } = cursor.quoted('"');
  let format = '';
  const conversions: Conversion[] = [];
  for (let i = 1; i < text.length - 1; i++) {
    const c = text.charAt(i);
    if (c === '\\') {
      const escape = ESCAPES[text.charAt(i + 1)];
      if (escape === undefined) throw cursor.error(`unknown escape '\\${text.charAt(i + 1)}'`, quote + i);
      format += escape;
      i++;
    } else if (c !== '%') {
      format += c;
    } else if (text.charAt(i + 1) === '%') {
      format += '%%';
      i++;
    } else {
      const [whole, flags = '', letters = ''] = /^%([-+ 0#]*\d*(?:\.\d+)?)(hd|hu|ll[dux]|l[dux]|[sudxcKU])/.exec(text.slice(i)) ?? [];
      const type = CONVERSIONS[letters];
      if (whole === undefined || type === undefined)
        throw cursor.error(
          `unknown conversion; known are ${Object.keys(CONVERSIONS)
            .map((known) => `%${known}`)
            .join(' ')}`,
          quote + i,
        );
      conversions.push({ letters, type, start: quote + i });
      // Symbols are text by the time they are printed.
      format += `%${flags}${letters === 'K' || letters === 'U' ? 's' : letters}`;
      i += whole.length - 1;
    }
  }
  return { format, conversions };
}
