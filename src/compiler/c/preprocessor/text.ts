/**
 * Preprocessed text, as `cc -E` prints it: every token at its line, line markers where lines jump, and white space
 * wherever two tokens would otherwise run together.
 */

import { punctuatorAt } from '../punctuators.ts';
import type { SourceManager } from '../source.ts';
import type { Token } from '../token.ts';
import type { Preprocessor } from './preprocessor.ts';

export interface TextOptions {
  /** `# 12 "file"`; true unless switched off. Without them lines are only as far apart as they need to be. */
  readonly lineMarkers?: boolean;
}

/** More empty lines than this become a marker. */
const LONGEST_GAP = 8;

const isWord = (token: Token): boolean => token.kind === 'ident' || token.kind === 'number';

/** Would the two read as something else without white space between them? */
export function runTogether(left: Token, right: Token): boolean {
  const first = right.text.charCodeAt(0);
  if (isWord(left)) {
    if (isWord(right)) return true;
    if (left.kind === 'number') return right.text.startsWith('.') || right.text.startsWith('+') || right.text.startsWith('-');
    return (right.kind === 'string' || right.kind === 'char') && (first === 34 || first === 39) && /^(?:u8|[LuU])$/.test(left.text);
  }
  if (left.kind !== 'punct') return left.kind === 'other';
  if (right.kind === 'number') return left.text.endsWith('.');
  if (right.kind !== 'punct') return false;
  const both = left.text + right.text;
  if (/^\/[/*]/.test(both) || both.startsWith('..')) return true;
  return (punctuatorAt(both, 0, both.charCodeAt(0)) ?? '').length > left.text.length || both.startsWith('%:%') || both.startsWith('::');
}

class Printer {
  private readonly source: SourceManager;
  private readonly markers: boolean;
  private readonly parts: string[] = [];
  private file = '';
  private line = 0;
  private atStart = true;
  private last: Token | undefined;

  constructor(source: SourceManager, markers: boolean) {
    this.source = source;
    this.markers = markers;
  }

  print(token: Token): void {
    if (token.kind === 'pragma') {
      this.moveTo(token);
      this.parts.push(`#pragma ${token.text}\n`);
      this.line++;
      this.atStart = true;
      return;
    }
    if (token.lineStart || this.atStart) this.moveTo(token);
    else if (token.spaceBefore || (this.last !== undefined && runTogether(this.last, token))) this.parts.push(' ');
    this.parts.push(token.text);
    // A string or comment never spans lines here, so the line stands still.
    this.atStart = false;
    this.last = token;
  }

  finish(): string {
    if (!this.atStart) this.parts.push('\n');
    return this.parts.join('');
  }

  private moveTo(token: Token): void {
    const place = this.source.filePosition(token.loc);
    if (!this.atStart) {
      this.parts.push('\n');
      this.line++;
      this.atStart = true;
    }
    this.last = undefined;
    if (place === undefined) return;
    if (this.markers) {
      if (place.file !== this.file || place.line < this.line || place.line > this.line + LONGEST_GAP) {
        this.parts.push(`# ${place.line} "${place.file.replace(/["\\]/g, '\\$&')}"\n`);
      } else {
        this.parts.push('\n'.repeat(place.line - this.line));
      }
      this.file = place.file;
      this.line = place.line;
    }
    if (token.kind !== 'pragma') this.parts.push(' '.repeat(Math.min(place.column - 1, 80)));
  }
}

/** Everything `pp` still has, as text. */
export function preprocessToText(pp: Preprocessor, options: TextOptions = {}): string {
  const printer = new Printer(pp.source, options.lineMarkers !== false);
  for (let token = pp.next(); token.kind !== 'eof'; token = pp.next()) printer.print(token);
  return printer.finish();
}
