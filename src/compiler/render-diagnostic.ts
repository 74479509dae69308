/**
 * Diagnostics as text for a person, and as data for an editor.
 *
 *   In file included from tool.c:3:
 *   probe.h:12:9: error: there is no member 'pidd' in 'struct event' [no-member]
 *      12 |   READ(e->pidd);
 *         |        ^~~~
 *   probe.h:4:20: note: in the expansion of macro 'READ'
 *
 * Everything that comes from the user's files (names, lines, messages that quote them) may hold control characters
 * or bidirectional marks: they are shown as escapes, never sent to the terminal.
 */
import type { Diagnostic, FilePosition, Loc, Position, Positions, Severity } from './diagnostics.ts';

export interface RenderOptions {
  readonly color?: boolean;
  /** Columns that a source line may take; longer ones are cut around the caret. */
  readonly width?: number;
}

export interface PositionJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
export interface DiagnosticJson {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
  readonly position: PositionJson | null;
  readonly end?: PositionJson;
  readonly expansions: readonly (PositionJson & { readonly macro: string })[];
  readonly includedFrom: readonly PositionJson[];
  readonly notes: readonly { readonly message: string; readonly position: PositionJson | null }[];
}

const TAB = 8;
/** Of a long chain of expansions the outermost and innermost are shown. */
const CHAIN_SHOWN = 6;
const INCLUDES_SHOWN = 8;
/** Files that are nobody's: `<bcc>`, `<command line>`. */
const OWN_TEXT = /^<.*>$/;

const STYLE = { error: '31', warning: '35', note: '36', bold: '1', caret: '32' } as const;

/** Characters that change what a terminal shows: C0, DEL, C1, bidirectional controls, line separators, lone surrogates. */
function isUnsafe(c: number): boolean {
  return (
    c < 32 ||
    (c >= 127 && c < 160) ||
    c === 0x61c ||
    (c >= 0x200b && c <= 0x200f) ||
    (c >= 0x2028 && c <= 0x202e) ||
    (c >= 0x2060 && c <= 0x206f) ||
    c === 0xfeff ||
    (c >= 0xd800 && c <= 0xdfff) ||
    (c >= 0xe0000 && c <= 0xe0fff)
  );
}

const escapeOf = (c: number): string =>
  c === 9 ? '\\t' : c === 10 ? '\\n' : c < 256 ? `\\x${c.toString(16).padStart(2, '0')}` : `\\u{${c.toString(16)}}`;

/** Text that cannot do anything to a terminal. */
export function terminalSafe(text: string): string {
  let out = '';
  for (const char of text) {
    const c = char.codePointAt(0)!;
    out += isUnsafe(c) ? escapeOf(c) : char;
  }
  return out;
}

/** East Asian wide and fullwidth characters and pictographs take two columns, combining ones none. */
function widthOf(c: number): number {
  if (c < 0x300) return 1;
  if (/\p{Mn}|\p{Me}/u.test(String.fromCodePoint(c))) return 0;
  const wide =
    (c >= 0x1100 && c <= 0x115f) ||
    (c >= 0x2e80 && c <= 0x303e) ||
    (c >= 0x3041 && c <= 0xa4cf) ||
    (c >= 0xac00 && c <= 0xd7a3) ||
    (c >= 0xf900 && c <= 0xfaff) ||
    (c >= 0xfe30 && c <= 0xfe6f) ||
    (c >= 0xff00 && c <= 0xff60) ||
    (c >= 0xffe0 && c <= 0xffe6) ||
    (c >= 0x1f300 && c <= 0x1faff) ||
    (c >= 0x20000 && c <= 0x3fffd);
  return wide ? 2 : 1;
}

interface ShownLine {
  readonly text: string;
  /** Column on screen of every code unit of the source line, and of its end. */
  readonly columns: readonly number[];
}

/** A source line as the terminal may show it: tabs become spaces, unsafe characters escapes. */
export function shownLine(line: string): ShownLine {
  let text = '';
  let column = 0;
  const columns: number[] = [];
  for (const char of line) {
    for (let i = 0; i < char.length; i++) columns.push(column);
    const c = char.codePointAt(0)!;
    if (c === 9) {
      const next = column + TAB - (column % TAB);
      text += ' '.repeat(next - column);
      column = next;
    } else if (isUnsafe(c)) {
      const shown = `<${escapeOf(c)}>`;
      text += shown;
      column += shown.length;
    } else {
      text += char;
      column += widthOf(c);
    }
  }
  columns.push(column);
  return { text, columns };
}

/** How far the caret's underline goes, in code units: to `end`, or over the word or literal at the position. */
function lengthAt(position: FilePosition, end: FilePosition | undefined): number {
  if (end !== undefined && end.file === position.file && end.line === position.line && end.column > position.column)
    return end.column - position.column;
  return (
    /^(?:[\p{L}\p{N}_$]+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/u.exec(
      position.lineText.slice(position.column - 1, position.column + 255),
    )?.[0].length ?? 1
  );
}

/** Indices of code points of `text` between two columns. */
function window(text: string, from: number, to: number): string {
  let column = 0;
  let out = '';
  for (const char of text) {
    if (column >= from && column < to) out += char;
    column += widthOf(char.codePointAt(0)!);
    if (column >= to) break;
  }
  return out;
}

/** One underline per line: only the first `LINE_LIMIT` characters of a line are looked at. */
const LINE_LIMIT = 4096;

class Renderer {
  private readonly source: Positions;
  private readonly color: boolean;
  private readonly width: number;
  private readonly out: string[] = [];

  constructor(source: Positions, options: RenderOptions) {
    this.source = source;
    this.color = options.color === true;
    this.width = Math.max(40, options.width ?? 120);
  }

  diagnostic(d: Diagnostic): string {
    const position = this.source.resolve(d.loc);
    const end = d.end === undefined ? undefined : this.source.filePosition(d.end);
    if (position !== undefined) this.includes(position);
    this.head(position, d.severity, d.message, d.code);
    if (position !== undefined) {
      this.excerpt(position, end);
      this.expansions(position);
    }
    for (const note of d.notes ?? []) {
      const place = this.source.resolve(note.loc);
      if (place !== undefined && OWN_TEXT.test(place.file)) continue;
      this.head(place, 'note', note.message, undefined);
      // A note at the very place of its message ("did you mean") needs no second look at the line.
      if (place !== undefined && note.loc !== d.loc) this.excerpt(place, undefined);
    }
    return this.out.join('');
  }

  private style(text: string, ...codes: readonly string[]): string {
    return this.color ? `\x1b[${codes.join(';')}m${text}\x1b[0m` : text;
  }

  private head(position: FilePosition | undefined, severity: Severity, message: string, code: string | undefined): void {
    const place = position === undefined ? 'skep' : `${terminalSafe(position.file)}:${position.line}:${position.column}`;
    const label = this.style(`${severity}:`, STYLE.bold, STYLE[severity]);
    const tail = code === undefined ? '' : ` [${code}]`;
    this.out.push(`${this.style(`${place}:`, STYLE.bold)} ${label} ${this.style(terminalSafe(message), STYLE.bold)}${tail}\n`);
  }

  private includes(position: Position): void {
    position.includedFrom.slice(0, INCLUDES_SHOWN).forEach((place, i) => {
      this.out.push(`${i === 0 ? 'In file included from' : '                 from'} ${terminalSafe(place.file)}:${place.line}:\n`);
    });
    const rest = position.includedFrom.length - INCLUDES_SHOWN;
    if (rest > 0) this.out.push(`                 (and ${rest} more)\n`);
  }

  private excerpt(position: FilePosition, end: FilePosition | undefined): void {
    if (position.column > LINE_LIMIT) return;
    const line = shownLine(position.lineText.slice(0, LINE_LIMIT));
    const last = line.columns.length - 1;
    const at = line.columns[Math.min(position.column - 1, last)]!;
    const after = line.columns[Math.min(position.column - 1 + lengthAt(position, end), last)]!;
    const gutter = `${position.line}`.padStart(5);
    // Lines too long for the screen are shown around the caret.
    const room = this.width - gutter.length - 3;
    const from = at > room - 20 ? at - Math.floor(room / 2) : 0;
    const text = window(line.text, from, from + room).trimEnd();
    const tildes = Math.max(0, Math.min(after, from + room) - at - 1);
    this.out.push(
      `${gutter} | ${text}\n`,
      `${' '.repeat(gutter.length)} | ${' '.repeat(at - from)}${this.style(`^${'~'.repeat(tildes)}`, STYLE.bold, STYLE.caret)}\n`,
    );
  }

  private expansions(position: Position): void {
    // What happens inside the dialect's own text says nothing to its user.
    const chain = position.expansions.filter(({ file }) => !OWN_TEXT.test(file));
    const half = CHAIN_SHOWN / 2;
    chain.forEach((place, i) => {
      if (chain.length > CHAIN_SHOWN && i >= half && i < chain.length - half) {
        if (i === half) this.head(undefined, 'note', `(${chain.length - CHAIN_SHOWN} more macros between)`, undefined);
        return;
      }
      this.head(place, 'note', `in the expansion of macro '${place.macro}'`, undefined);
      this.excerpt(place, undefined);
    });
  }
}

/** One diagnostic as lines of text, each ended by a new-line. */
export function renderDiagnostic(d: Diagnostic, source: Positions, options: RenderOptions = {}): string {
  return new Renderer(source, options).diagnostic(d);
}

/** All of them, and how many there were. */
export function renderDiagnostics(list: readonly Diagnostic[], source: Positions, options: RenderOptions = {}): string {
  const count = (severity: Severity, name: string): string | undefined => {
    const n = list.filter((d) => d.severity === severity).length;
    return n === 0 ? undefined : `${n} ${name}${n === 1 ? '' : 's'}`;
  };
  const summary = [count('error', 'error'), count('warning', 'warning')].filter((s) => s !== undefined).join(' and ');
  return list.map((d) => renderDiagnostic(d, source, options)).join('') + (summary === '' ? '' : `${summary}.\n`);
}

const place = ({ file, line, column }: FilePosition): PositionJson => ({ file, line, column });

export function diagnosticToJson(d: Diagnostic, source: Positions): DiagnosticJson {
  const at = (loc: Loc): PositionJson | null => {
    const found = source.filePosition(loc);
    return found === undefined ? null : place(found);
  };
  const position = source.resolve(d.loc);
  const end = d.end === undefined ? null : at(d.end);
  return {
    severity: d.severity,
    code: d.code,
    message: d.message,
    position: position === undefined ? null : place(position),
    ...(end === null ? {} : { end }),
    expansions: (position?.expansions ?? []).map((expansion) => ({ macro: expansion.macro, ...place(expansion) })),
    includedFrom: (position?.includedFrom ?? []).map(place),
    notes: (d.notes ?? []).map((note) => ({ message: note.message, position: at(note.loc) })),
  };
}
