/** Errors of the command line itself, and how any error is shown to a person. */
import { NoSuchHookError, UsageError, UserError } from '../kernel/errors.ts';
import { safe } from '../render/safe.ts';
import { SpecError } from '../tools/language/cursor.ts';
import { ReaderGone } from './standard.ts';

/** Words that the command does not understand: exit status 2. */
export class CommandLineError extends Error {
  override name = 'CommandLineError';
}

/**
 * The text for stderr. What is meant for the user is its message and hint; anything else is skep's own fault and comes
 * with its stack and a request to report it.
 */
export function errorText(error: unknown): string {
  // Words of the command line and names of files are quoted in many of them.
  return rawText(error)
    .split('\n')
    .map((line) => (error instanceof Error && 'positioned' in error ? line : safe(line.replaceAll('\t', '    '))))
    .join('\n');
}

function rawText(error: unknown): string {
  if (error instanceof ReaderGone) return '';
  if (!(error instanceof Error)) return `skep: ${String(error)}\n`;
  if (error instanceof CommandLineError) return `skep: ${error.message}\n`;
  if ('report' in error && typeof error.report === 'function') return `${String(error.report())}\n`;
  if (error instanceof UserError) return `skep: ${error.message}\n${error.hint === undefined ? '' : `  hint: ${error.hint}\n`}`;
  // The compiler's messages begin with file:line:column and have hints of their own.
  if ('positioned' in error && error.positioned === true) return `${error.message}\n`;
  return `skep: this is a bug in skep, not in your input; please report it with the text below\n${error.stack ?? error.message}\n`;
}

/** Errors of a tool's words that only the tool itself, or the machine, could find. */
const wrongWords = new WeakSet<Error>();

/** Of what went wrong in a tool: a name or number that the user gave and that there cannot be. */
export function markWrongWords(error: unknown): void {
  if (error instanceof UsageError && !(error instanceof NoSuchHookError)) wrongWords.add(error);
}

/** 2 for wrong usage, 1 for every other failure; that nobody wants to read the rest is none. */
export function exitStatus(error: unknown): number {
  if (error instanceof ReaderGone) return 0;
  return error instanceof CommandLineError || error instanceof SpecError || (error instanceof Error && wrongWords.has(error)) ? 2 : 1;
}
