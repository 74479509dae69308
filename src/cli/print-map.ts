/** A map as lines for a person: histograms as pictures, anything else a line for each entry. */
import type { Table } from '../bcc/table.ts';
import { UserError } from '../kernel/errors.ts';
import { KernelError } from '../kernel/port.ts';
import { safe } from '../render/safe.ts';

/** Entries that are shown of one map. */
const MOST = 1000;

export function* mapLines(table: Table): Generator<string, void, undefined> {
  const { name, type } = table;
  const head = `${safe(name)} (${type})`;
  try {
    if (table.map.spec.role === 'histogram') {
      const lines: string[] = [];
      table.printLog2Hist('value', { section: 'key', format: plain, print: (line) => lines.push(line) });
      yield lines.length === 0 ? `${head}: empty` : `${head}:`;
      yield* lines;
      return;
    }
    if (!('entries' in table.map)) {
      yield `${head}: has no entries to show`;
      return;
    }
    let count = 0;
    for (const [key, value] of table.entries()) {
      // An array is full of zeros from the start.
      if (type.endsWith('array') && isZero(value)) continue;
      if (count++ === 0) yield `${head}:`;
      if (count > MOST) {
        yield `  … only the first ${MOST} are shown`;
        return;
      }
      yield `  ${safe(plain(key))}: ${safe(plain(value))}`;
    }
    if (count === 0) yield `${head}: empty`;
  } catch (error) {
    if (!(error instanceof KernelError) && !(error instanceof UserError)) throw error;
    yield `${head}: cannot be read: ${error.message}`;
  }
}

/** Values as C would write them, without quotes around keys. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([name, member]) => `${name}: ${plain(member)}`)
      .join(', ')} }`;
  return String(value);
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.every((byte) => byte === 0);
  if (Array.isArray(value)) return value.every(isZero);
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isZero);
  return value === 0 || value === 0n || value === '' || value === false;
}
