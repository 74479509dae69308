/** A line of comma-separated values (RFC 4180), safe for a terminal: a value with a comma or quote is put in quotes. */
import { safe } from './safe.ts';

export function csvLine(values: readonly (string | number | bigint)[]): string {
  return values
    .map((value) => {
      const text = safe(String(value));
      return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(',');
}
