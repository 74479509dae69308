/**
 * A program that the kernel's verifier refuses, told at the user's own line.
 *
 *   log ─▶ verifier-log.ts: reason, instruction, path, registers
 *       ─▶ verifier-table.ts: what it means, what to change
 *       ─▶ line info of the program: file, line, column, text
 *
 * `message` is all that a person needs, several lines, safe for a terminal: an error that nobody catches is printed by
 * Node, and by nobody else. `headline` is its first line. What is only for programs (the whole log, states, places) is
 * not enumerable, so that Node does not print it after the message. Positions come from the program's own line info, not
 * from the log's echo of it, so they are right for programs without types, too.
 */
import { shownLine, terminalSafe } from '../compiler/render-diagnostic.ts';
import { UserError } from '../kernel/errors.ts';
import { functionAt, type JoinedProgram, lineAt } from './join.ts';

import type { LostPointer } from './lost-pointers.ts';
import { parseVerifierLog } from './verifier-log.ts';
import { LOST_POINTERS, rowOf, type VerifierClass } from './verifier-table.ts';

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
  readonly registers: readonly { readonly name: string; readonly state: string; readonly was?: string }[];

  /** What was refused and why, in one line: `file:line:column: the verifier refuses …`. */
  readonly headline: string;

  constructor(problem: VerifierProblem) {
    const parts = partsOf(problem);
    super(reportOf(parts), parts.hint);
    this.program = problem.program;
    this.errno = problem.errno;
    this.code = problem.code;
    this.log = problem.log;
    this.class = parts.class;
    this.summary = parts.summary;
    this.kernelMessage = parts.kernelMessage;
    this.insn = parts.insn;
    this.instruction = parts.instruction;
    this.function = parts.function;
    this.source = parts.source;
    this.trail = parts.trail;
    this.registers = parts.registers;
    this.headline = parts.headline;
    for (const name of Object.keys(this)) if (!SHOWN.has(name)) Object.defineProperty(this, name, { enumerable: false });
  }

  /** The message: position, source line with a mark, registers, the way there, hint. */
  report(): string {
    return this.message;
  }
}

/** What Node prints of an uncaught one after its message. */
const SHOWN = new Set(['program', 'class', 'code', 'errno']);

type Parts = Pick<
  VerifierError,
  'class' | 'summary' | 'kernelMessage' | 'insn' | 'instruction' | 'function' | 'source' | 'trail' | 'registers' | 'headline' | 'hint'
>;

function partsOf(problem: VerifierProblem): Parts {
  const parsed = parseVerifierLog(problem.log);
  const { joined, sources } = problem;
  const placeOf = (slot: number): SourcePlace | undefined => {
    const line = lineAt(joined.lines, slot);
    return line === undefined
      ? undefined
      : { file: line.file, line: line.line, column: line.column, text: textOf(sources, line.file, line.line) };
  };
  // Objects of some compilers have no columns at all: that says nothing.
  const columns = joined.lines.some(({ column }) => column > 0);
  const ownPlaceOf = (slot: number): SourcePlace | undefined => {
    const place = placeOf(slot);
    return columns && place?.column === 0 ? undefined : place;
  };
  const source = parsed.slot === undefined ? undefined : (placeOnPath(parsed.slot, parsed.path, ownPlaceOf) ?? placeOf(parsed.slot));
  const told =
    lostPointer(parsed.message, parsed.lost) ??
    explain(parsed.message, parsed.instruction, parsed.slot === undefined ? undefined : problem.poisoned.get(parsed.slot));
  const ended = told.lost && ownPlaceOf(told.lost.slot);
  const summary = told.class === 'unknown' && parsed.report !== undefined ? parsed.report.reason : told.summary;
  const hint = told.class === 'unknown' && parsed.report !== undefined ? parsed.report.suggestion : told.hint;
  const where = source === undefined ? '' : `${source.file}:${source.line}:${source.column > 0 ? `${source.column}:` : ''} `;
  return {
    class: told.class,
    summary,
    kernelMessage: parsed.message,
    insn: parsed.slot,
    instruction: parsed.instruction,
    function: parsed.slot === undefined ? undefined : functionAt(joined.functions, parsed.slot)?.name,
    source,
    trail: trailOf(parsed.path, ownPlaceOf),
    registers: parsed.involved.flatMap((name) => {
      const state = parsed.registers.get(name);
      if (told.lost !== undefined && name === parsed.involved[0])
        return [
          { name, state: 'a number', was: `${told.lost.state} up to ${told.lost.name}()${ended ? `, ${ended.file}:${ended.line}` : ''}` },
        ];
      return state === undefined ? [] : [{ name, state }];
    }),
    headline: terminalSafe(
      `${where}the verifier refuses program '${problem.program}': ${summary || 'it does not say why'}${parsed.message === '' ? '' : ` (${parsed.message})`}`,
    ),
    hint: hint === '' ? undefined : hint,
  };
}

function reportOf({ headline, source, instruction, insn, registers, trail, hint }: Parts): string {
  const lines: string[] = [];
  if (source !== undefined && source.text !== '') {
    const number = String(source.line);
    const { text, columns } = shownLine(source.text);
    const mark = columns[Math.min(Math.max(source.column - 1, 0), columns.length - 1)] ?? 0;
    lines.push(`  ${number} | ${text.trimEnd()}`, `  ${' '.repeat(number.length)} | ${' '.repeat(mark)}^`);
  }
  if (instruction !== undefined && insn !== undefined) lines.push(`  instruction ${insn}: ${instruction}`);
  for (const { name, state, was } of registers) lines.push(was === undefined ? `  ${name} is ${state}` : `  ${name} was ${was}`);
  const before = trail.slice(0, -1);
  if (before.length > 0) {
    lines.push('  the way there:');
    for (const place of before) lines.push(`    ${place.file}:${place.line}: ${place.text.trim()}`);
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return [headline, ...lines.map((line) => terminalSafe(line.replaceAll('\t', ' ')))].join('\n');
}

interface Told {
  readonly class: VerifierClass;
  readonly summary: string;
  readonly hint: string;
  readonly lost?: LostPointer;
}

/** A number where a pointer must be, which was one before. */
function lostPointer(message: string, lost: LostPointer | undefined): Told | undefined {
  if (lost === undefined || !/R\d+ (?:invalid mem access '|type=)(?:scalar|inv)\b/.test(message)) return undefined;
  const { class: kind, explanation, hint } = LOST_POINTERS[lost.kind];
  return { class: kind, summary: explanation(lost.name), hint, lost };
}

function explain(message: string, instruction: string | undefined, poisoned: string | undefined): Told {
  const row = rowOf(message, instruction);
  if (row === undefined) return { class: 'unknown', summary: message, hint: '' };
  const match = row.pattern.exec(message);
  const fill = (text: string): string => text.replace(/\$(\d)/g, (_, n: string) => match?.[Number(n)] ?? '?');
  const what = poisoned === undefined ? '' : `: ${poisoned}`;
  return { class: row.class, summary: fill(row.explanation) + what, hint: fill(row.hint) };
}

/**
 * Where a path was when it came to a slot. Code that several lines share (an `exit`; column 0 says so) is the fault of the
 * line that the path came from, which the nearest place before it on the path tells.
 */
function placeOnPath(slot: number, path: readonly number[], placeOf: (slot: number) => SourcePlace | undefined): SourcePlace | undefined {
  const from = path.lastIndexOf(slot);
  if (from < 0) return placeOf(slot);
  for (let at = from; at >= 0; at--) {
    const place = placeOf(path[at] ?? 0);
    if (place !== undefined) return place;
  }
  return undefined;
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
