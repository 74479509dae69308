/** Errors of the command line itself, and how any error is shown to a person. */

/** Wrong usage: exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * The text for stderr. Errors that are meant for the user (they carry `forUser`) are their message; anything else is
 * skep's own fault and comes with its stack and a request to report it.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return `skep: ${String(error)}\n`;
  if (isForUser(error)) return `${prefix(error)}${error.message}\n`;
  return `skep: this is a bug in skep, not in your input; please report it with the text below\n${error.stack ?? error.message}\n`;
}

function prefix(error: Error): string {
  // Compiler messages begin with file:line:column.
  return 'positioned' in error && error.positioned === true ? '' : 'skep: ';
}

export function isForUser(error: Error): boolean {
  return error instanceof UsageError || ('forUser' in error && error.forUser === true);
}

/** 2 for wrong usage, 1 for every other failure. */
export function exitStatus(error: unknown): number {
  return error instanceof UsageError ? 2 : 1;
}
