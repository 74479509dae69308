/**
 * A program that the kernel's verifier refuses, told at the user's own line.
 *
 *   log ─▶ verifier-log.ts: reason, instruction, path, registers
 *       ─▶ verifier-table.ts: what it means, what to change
 *       ─▶ line info of the program: file, line, column, text
 *
 * `message` is one line; `report()` is what a terminal shows; the whole log is in `log`. Positions come from the
 * program's own line info, not from the log's echo of it, so they are right for programs without types, too.
 */
import { UserError } from '../kernel/errors.ts';
import { functionAt, type JoinedProgram, lineAt } from './join.ts';
import { parseVerifierLog } from './verifier-log.ts';
import { VERIFIER_TABLE, type VerifierClass } from './verifier-table.ts';

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line's text; empty where the source is not at hand. */
  readonly text: string;
}

export interface VerifierProblem {
  readonly program: string;
  readonly errno: number;
  readonly code: string;
  readonly log: string;
  /** The program as it was loaded, for positions. */
  readonly joined: JoinedProgram;
  readonly sources: ReadonlyMap<string, string>;
  /** Names of what was poisoned, by slot. */
  readonly poisoned: ReadonlyMap<number, string>;
}

const MAX_TRAIL = 12;

export class VerifierError extends UserError {
  override name = 'VerifierError';
  readonly program: string;
  readonly errno: number;
  readonly code: string;
  /** The whole log, as the kernel wrote it. */
  readonly log: string;
  readonly class: VerifierClass;
  /** The reason in plain words. */
  readonly summary: string;
  /** The kernel's own words. */
  readonly kernelMessage: string;
  /** Slot of the refused instruction, and its text. */
  readonly insn: number | undefined;
  readonly instruction: string | undefined;
  readonly function: string | undefined;
  readonly source: SourcePlace | undefined;
  /** The last lines on the path that led there, oldest first, each once in a row. */
  readonly trail: readonly SourcePlace[];
  /** States of the registers involved. */
  readonly registers: readonly { readonly name: string; readonly state: string }[];

  constructor(problem: VerifierProblem) {
    const parsed = parseVerifierLog(problem.log);
    const { joined, sources } = problem;
    const placeOf = (slot: number): SourcePlace | undefined => {
      const line = lineAt(joined.lines, slot);
      return line === undefined
        ? undefined
        : { file: line.file, line: line.line, column: line.column, text: textOf(sources, line.file, line.line) };
    };
    const source = parsed.slot === undefined ? undefined : placeOf(parsed.slot);
    const told = explain(parsed.message, parsed.slot === undefined ? undefined : problem.poisoned.get(parsed.slot));
    const summary = told.class === 'unknown' && parsed.report !== undefined ? parsed.report.reason : told.summary;
    const hint = told.class === 'unknown' && parsed.report !== undefined ? parsed.report.suggestion : told.hint;
    const where = source === undefined ? '' : `${source.file}:${source.line}:${source.column}: `;
    super(
      `${where}the verifier refuses program '${problem.program}': ${summary || 'it does not say why'}${parsed.message === '' ? '' : ` (${parsed.message})`}`,
      hint === '' ? undefined : hint,
    );
    this.program = problem.program;
    this.errno = problem.errno;
    this.code = problem.code;
    this.log = problem.log;
    this.class = told.class;
    this.summary = summary;
    this.kernelMessage = parsed.message;
    this.insn = parsed.slot;
    this.instruction = parsed.instruction;
    this.function = parsed.slot === undefined ? undefined : functionAt(joined.functions, parsed.slot)?.name;
    this.source = source;
    this.trail = trailOf(parsed.path, placeOf);
    this.registers = parsed.involved.flatMap((name) => {
      const state = parsed.registers.get(name);
      return state === undefined ? [] : [{ name, state }];
    });
  }

  /** Several lines of plain text: message, source line with a mark, the way there, registers, hint. */
  report(): string {
    const lines = [this.message];
    if (this.source !== undefined && this.source.text !== '') {
      const number = String(this.source.line);
      lines.push(
        `  ${number} | ${this.source.text}`,
        `  ${' '.repeat(number.length)} | ${markUnder(this.source.text, this.source.column)}`,
      );
    }
    if (this.instruction !== undefined && this.insn !== undefined) lines.push(`  instruction ${this.insn}: ${this.instruction}`);
    for (const { name, state } of this.registers) lines.push(`  ${name} is ${state}`);
    const before = this.trail.slice(0, -1);
    if (before.length > 0) {
      lines.push('  the way there:');
      for (const place of before) lines.push(`    ${place.file}:${place.line}: ${place.text.trim()}`);
    }
    if (this.hint !== undefined) lines.push(`  hint: ${this.hint}`);
    return lines.join('\n');
  }
}

function explain(
  message: string,
  poisoned: string | undefined,
): { readonly class: VerifierClass; readonly summary: string; readonly hint: string } {
  for (const row of VERIFIER_TABLE) {
    const match = row.pattern.exec(message);
    if (match === null) continue;
    const fill = (text: string): string => text.replace(/\$(\d)/g, (_, n: string) => match[Number(n)] ?? '?');
    const what = poisoned === undefined ? '' : `: ${poisoned}`;
    return { class: row.class, summary: fill(row.explanation) + what, hint: fill(row.hint) };
  }
  return { class: 'unknown', summary: message, hint: '' };
}

function trailOf(path: readonly number[], placeOf: (slot: number) => SourcePlace | undefined): SourcePlace[] {
  const trail: SourcePlace[] = [];
  // From the end: logs have up to a million steps, the last dozen lines are of use.
  for (let i = path.length - 1; i >= 0 && trail.length < MAX_TRAIL; i--) {
    const place = placeOf(path[i] ?? 0);
    const last = trail[trail.length - 1];
    if (place === undefined || (last !== undefined && last.file === place.file && last.line === place.line)) continue;
    trail.push(place);
  }
  return trail.reverse();
}

const splitSources = new WeakMap<ReadonlyMap<string, string>, Map<string, readonly string[]>>();

/** Text of a line of a source, without its end. */
export function textOf(sources: ReadonlyMap<string, string>, file: string, line: number): string {
  let byFile = splitSources.get(sources);
  if (byFile === undefined) splitSources.set(sources, (byFile = new Map()));
  let lines = byFile.get(file);
  if (lines === undefined) byFile.set(file, (lines = (sources.get(file) ?? '').split('\n')));
  return (lines[line - 1] ?? '').replace(/\r$/, '');
}

/** Spaces up to the column, tabs kept, and a caret. */
function markUnder(text: string, column: number): string {
  return `${text.slice(0, Math.max(column - 1, 0)).replace(/[^\t]/g, ' ')}^`;
}
