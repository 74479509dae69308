/**
 * JSON lines. One record a line; integers beyond 2^53 are written as strings so that every reader gets them exact;
 * bytes as hexadecimal. Keys keep their order. Control characters and what reorders a line are escaped, so a line is one
 * line and harmless on a terminal.
 */
import { hostile } from './safe.ts';

/** One line of JSON, without the line end. */
export function jsonLine(record: unknown): string {
  return harmless(JSON.stringify(record, replace));
}

/** `JSON.stringify` escapes what is below 0x20; the rest that a terminal may obey can only stand in strings, where \\u means the same. */
function harmless(text: string): string {
  let out = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x7f || !hostile(code)) continue;
    out += `${text.slice(from, i)}\\u${code.toString(16).padStart(4, '0')}`;
    from = i + 1;
  }
  return from === 0 ? text : out + text.slice(from);
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
