/**
 * Text that came from other processes or the kernel, made safe for a terminal.
 *
 * A command name may hold escape sequences, a file name a line break, a kernel string bytes that are not UTF-8.
 * Everything that a person is shown passes through here: control characters (C0, DEL, C1) and the characters that
 * reorder a line (bidirectional overrides) come out as `\xNN` or `\u{NNNN}`; a backslash stays one, as in BCC.
 */

/** Characters that must never reach a terminal raw. */
export function hostile(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0x200e ||
    code === 0x200f ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0xfeff
  );
}

/** The same text with hostile characters escaped. Returns its argument unchanged when there are none. */
export function safe(text: string): string {
  let from = 0;
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!hostile(code)) continue;
    out += text.slice(from, i) + escape(code);
    from = i + 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

function escape(code: number): string {
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

const decoder = new TextDecoder('utf-8');

/** Bytes up to the first zero, as UTF-8 with U+FFFD for what is not. Not yet safe: see `safe`. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
