/**
 * JSON lines. One record a line; integers beyond 2^53 are written as strings so that every reader gets them exact;
 * bytes as hexadecimal. Keys keep their order. `JSON.stringify` escapes control characters, so a line is one line.
 */

/** One line of JSON, without the line end. */
export function jsonLine(record: unknown): string {
  return JSON.stringify(record, replace);
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return exact(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}

/** A number where it is exact, else its digits. */
export function exact(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value.toString();
}
