/** Regular expressions that users give on the command line. */
import { UsageError } from '../../kernel/errors.ts';

/** Undefined for undefined. Throws `UsageError` for what is none. */
export function pattern(flag: string, text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`--${flag}: ${(error as Error).message}`);
  }
}
