/**
 * The C of a tool: constant text, told what to do by macros.
 *
 *   program({ FILTER_PID: pid, FAILED_ONLY: failed }, FILTER, `TRACEPOINT_PROBE(…) { if (filtered()) return 0; … }`)
 *
 * Options never become C by pasting: a number becomes `#define NAME 42`, true `#define NAME 1`, text a string literal.
 * What is undefined or false is not defined, so the text asks with #ifdef. `--print-program` prints exactly this.
 */

export type DefineValue = number | bigint | boolean | string | undefined;

const NAME = /^[A-Z_][A-Z0-9_]*$/;

export function program(defines: Readonly<Record<string, DefineValue>>, ...parts: readonly string[]): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(defines)) {
    if (value === undefined || value === false) continue;
    if (!NAME.test(name)) throw new TypeError(`'${name}' is not the name of a macro`);
    lines.push(`#define ${name} ${literal(value)}`);
  }
  const head = lines.length === 0 ? '' : `${lines.join('\n')}\n\n`;
  return `${head}${parts.map((part) => part.trim()).join('\n\n')}\n`;
}

function literal(value: Exclude<DefineValue, undefined>): string {
  if (typeof value === 'string') return cString(value);
  if (typeof value === 'boolean') return '1';
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError(`${value} is not a whole number`);
  return value > 0x7fff_ffff ? `${value}ULL` : String(value);
}

/** A C string literal for any text, as UTF-8. */
export function cString(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text)) {
    if (byte === 0) throw new TypeError('a C string cannot hold a zero byte');
    // Three octal digits end an escape, whatever follows.
    out +=
      byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  }
  return `"${out}"`;
}
