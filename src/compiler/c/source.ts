/**
 * Where things stand: turns `Loc` handles into files, lines, columns and chains of macro expansions.
 *
 * A `Loc` is one number, so that every token, node and instruction can afford one:
 *
 *   0                        nowhere
 *   1 … 2^30-1               a character of a file: each file (each *entry* of a file: a header included twice
 *                            counts twice, with its own `includedFrom`) owns a range [base, base + length]
 *   2^30 … 2^31-1            a token that a macro expansion made: index of a row (spelling, expansion, isArgument)
 *
 * A row's spelling is where the token's text stands: in the macro's definition, or, for an argument, at the call
 * (which may itself be in a macro). An expansion is (macro name, where it was used). Nothing is computed until
 * somebody asks: lines are counted on the first `resolve` into a file.
 */
import type { ExpansionPosition, FilePosition, Loc, Position, Positions } from '../diagnostics.ts';

/** First handle of macro-made tokens. */
const MACRO_BASE = 0x4000_0000;
/** Innermost expansions that `resolve` tells of. */
const CHAIN_KEPT = 256;

export interface SourceFile {
  readonly id: number;
  /** As the user wrote it or the resolver named it. */
  readonly name: string;
  readonly text: string;
  readonly base: Loc;
  /** The `#include` that entered it, 0 for a main file. */
  readonly includedFrom: Loc;
  /** Headers that are not the user's: warnings there stay silent. */
  system: boolean;
  /** From `#line`: by ascending offset. */
  lineMarks: LineMark[] | undefined;
  /** Offsets of line starts, made when first asked for. */
  starts: Int32Array | undefined;
}

export interface LineMark {
  /** Holds from the first line that begins at or after this offset. */
  readonly offset: number;
  /** Number of that line. */
  readonly line: number;
  readonly name: string;
}

function lineStarts(file: SourceFile): Int32Array {
  if (file.starts !== undefined) return file.starts;
  const starts = [0];
  for (let at = file.text.indexOf('\n'); at >= 0; at = file.text.indexOf('\n', at + 1)) starts.push(at + 1);
  file.starts = Int32Array.from(starts);
  return file.starts;
}

/** Index of the last element that is not above `value`; -1 if all are. */
function lastNotAbove(table: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (table[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class SourceManager implements Positions {
  readonly files: SourceFile[] = [];
  private bases: number[] = [];
  private nextBase = 1;
  /** Rows of macro-made tokens: spelling at 2i, expansion * 2 + isArgument at 2i + 1. */
  private rows = new Int32Array(512);
  private rowCount = 0;
  private readonly expansionMacro: string[] = [];
  private readonly expansionUse: number[] = [];
  private readonly expansionLast: number[] = [];

  /** A copy that shares the past and goes its own way from here. */
  fork(): SourceManager {
    const copy = new SourceManager();
    for (const file of this.files) copy.files.push(file);
    copy.bases = this.bases.slice();
    copy.nextBase = this.nextBase;
    copy.rows = this.rows.slice(0, Math.max(512, this.rowCount * 4));
    copy.rowCount = this.rowCount;
    for (let i = 0; i < this.expansionUse.length; i++) {
      copy.expansionMacro.push(this.expansionMacro[i]!);
      copy.expansionUse.push(this.expansionUse[i]!);
      copy.expansionLast.push(this.expansionLast[i]!);
    }
    return copy;
  }

  /** Undefined when the number space is used up (a gigabyte of text). */
  addFile(name: string, text: string, includedFrom: Loc = 0, system = false): SourceFile | undefined {
    const base = this.nextBase;
    if (base + text.length + 1 >= MACRO_BASE) return undefined;
    const file: SourceFile = {
      id: this.files.length,
      name,
      text,
      base,
      includedFrom,
      system,
      lineMarks: undefined,
      starts: undefined,
    };
    this.files.push(file);
    this.bases.push(base);
    this.nextBase = base + text.length + 1;
    return file;
  }

  /** A new expansion of `macro`, used from `use` to `last` (its closing parenthesis): give the result to `macroLoc`. */
  addExpansion(macro: string, use: Loc, last: Loc = use): number {
    this.expansionMacro.push(macro);
    this.expansionLast.push(last);
    return this.expansionUse.push(use) - 1;
  }

  /** Handle of a token that came out of an expansion. */
  macroLoc(spelling: Loc, expansion: number, isArgument: boolean): Loc {
    let rows = this.rows;
    const at = this.rowCount * 2;
    if (at >= rows.length) {
      rows = new Int32Array(rows.length * 2);
      rows.set(this.rows);
      this.rows = rows;
    }
    rows[at] = spelling;
    rows[at + 1] = expansion * 2 + (isArgument ? 1 : 0);
    return MACRO_BASE + this.rowCount++;
  }

  /** The handle that the next token of an expansion gets. */
  get nextMade(): Loc {
    return MACRO_BASE + this.rowCount;
  }

  isMacro(loc: Loc): boolean {
    return loc >= MACRO_BASE;
  }

  fileOf(loc: Loc): SourceFile | undefined {
    const at = this.expansionLoc(loc);
    if (at === 0) return undefined;
    return this.files[lastNotAbove(this.bases, at)];
  }

  /** Where the text of the token stands in a file. */
  spellingLoc(loc: Loc): Loc {
    while (loc >= MACRO_BASE) loc = this.rows[(loc - MACRO_BASE) * 2]!;
    return loc;
  }

  /** Where the user's text led to it: the use of the outermost macro, or the argument as it was written. */
  expansionLoc(loc: Loc): Loc {
    while (loc >= MACRO_BASE) {
      const at = (loc - MACRO_BASE) * 2;
      const expansion = this.rows[at + 1]!;
      loc = (expansion & 1) !== 0 ? this.rows[at]! : this.expansionUse[expansion >> 1]!;
    }
    return loc;
  }

  /** Where the use of the outermost macro ends: the line that `__LINE__` names. */
  expansionEnd(loc: Loc): Loc {
    while (loc >= MACRO_BASE) {
      const at = (loc - MACRO_BASE) * 2;
      const expansion = this.rows[at + 1]!;
      loc = (expansion & 1) !== 0 ? this.rows[at]! : this.expansionLast[expansion >> 1]!;
    }
    return loc;
  }

  /** Right behind the outermost use of a macro that a token came out of, as an argument or not. */
  behindUse(loc: Loc): Loc {
    let length = 0;
    while (loc >= MACRO_BASE) {
      const expansion = this.rows[(loc - MACRO_BASE) * 2 + 1]! >> 1;
      loc = this.expansionLast[expansion]!;
      // Without parentheses, the use ends with the macro's name.
      length = loc === this.expansionUse[expansion] ? this.expansionMacro[expansion]!.length : 1;
    }
    return loc + length;
  }

  /** `#line`: the line that begins at or after `loc` has this number, and the file this name (undefined: as before). */
  markLine(loc: Loc, line: number, name: string | undefined): void {
    const file = this.fileOf(loc);
    if (file === undefined) return;
    const marks = (file.lineMarks ??= []);
    marks.push({ offset: this.expansionLoc(loc) - file.base, line, name: name ?? marks.at(-1)?.name ?? file.name });
  }

  /** The texts of the user's files by name, each line where `#line` says that it is. */
  userTexts(): Map<string, string> {
    const texts = new Map<string, string>();
    const moved = new Map<string, string[]>();
    for (const file of this.files) {
      if (file.system) continue;
      if (file.lineMarks === undefined) texts.set(file.name, file.text);
      else placeLines(file, moved);
    }
    for (const [name, lines] of moved) texts.set(name, Array.from(lines, (line) => line ?? '').join('\n'));
    return texts;
  }

  /** Line as `#line` has it; without the text. For `__LINE__` and line info. */
  lineOf(loc: Loc): number {
    const file = this.fileOf(loc);
    if (file === undefined) return 0;
    return presumed(file, this.expansionLoc(loc) - file.base).line;
  }

  /** File name as `#line` has it. */
  fileNameOf(loc: Loc): string {
    const file = this.fileOf(loc);
    if (file === undefined) return '';
    return presumed(file, this.expansionLoc(loc) - file.base).name;
  }

  filePosition(loc: Loc): FilePosition | undefined {
    const file = this.fileOf(loc);
    if (file === undefined) return undefined;
    const offset = this.expansionLoc(loc) - file.base;
    const table = lineStarts(file);
    const start = table[lastNotAbove(table, offset)]!;
    let end = file.text.indexOf('\n', start);
    if (end < 0) end = file.text.length;
    if (file.text.charCodeAt(end - 1) === 13 && end > start) end--;
    const { line, name } = presumed(file, offset);
    return { file: name, line, column: offset - start + 1, lineText: file.text.slice(start, end) };
  }

  resolve(loc: Loc): Position | undefined {
    const position = this.filePosition(loc);
    if (position === undefined) return undefined;
    const expansions: ExpansionPosition[] = [];
    while (loc >= MACRO_BASE) {
      const at = (loc - MACRO_BASE) * 2;
      const expansion = this.rows[at + 1]!;
      if ((expansion & 1) !== 0) {
        loc = this.rows[at]!;
        continue;
      }
      const place = expansions.length < CHAIN_KEPT ? this.filePosition(this.spellingLoc(this.rows[at]!)) : undefined;
      if (place !== undefined) expansions.push({ macro: this.expansionMacro[expansion >> 1]!, ...place });
      loc = this.expansionUse[expansion >> 1]!;
    }
    expansions.reverse();
    const includedFrom: FilePosition[] = [];
    for (let file = this.fileOf(loc); file !== undefined && file.includedFrom !== 0; file = this.fileOf(file.includedFrom)) {
      const place = this.filePosition(file.includedFrom);
      if (place !== undefined) includedFrom.push(place);
    }
    return { ...position, expansions, includedFrom };
  }
}

/** Lines beyond are left out: a number is written quickly, a text of so many lines is not. */
const LINES_PLACED = 1_000_000;

/** What stands at a line twice is what stands there last. */
function placeLines(file: SourceFile, into: Map<string, string[]>): void {
  const starts = lineStarts(file);
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] ?? 0;
    const { name, line } = presumed(file, start);
    if (line < 1 || line > LINES_PLACED) continue;
    let lines = into.get(name);
    if (lines === undefined) into.set(name, (lines = []));
    const end = starts[i + 1];
    lines[line - 1] = file.text.slice(start, end === undefined ? file.text.length : end - 1);
  }
}

function presumed(file: SourceFile, offset: number): { line: number; name: string } {
  const starts = lineStarts(file);
  const line = lastNotAbove(starts, offset);
  const marks = file.lineMarks;
  if (marks !== undefined) {
    let low = 0;
    let high = marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (marks[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    const mark = marks[low - 1];
    if (mark !== undefined) return { line: mark.line + line - lastNotAbove(starts, mark.offset), name: mark.name };
  }
  return { line: line + 1, name: file.name };
}
