/**
 * Character classes of C source, as tables over ASCII and, beyond it, the ranges of C11 Annex D.
 */

/** 1 for A-Z a-z _ $, 2 for digits. */
export const WORD = new Uint8Array(128);
for (let c = 0; c < 26; c++) {
  WORD[65 + c] = 1;
  WORD[97 + c] = 1;
}
WORD[95] = 1;
WORD[36] = 1;
for (let c = 48; c < 58; c++) WORD[c] = 2;

/** C11 D.1: pairs (first, last) of characters allowed in identifiers; every plane from 1 to E but its last two is allowed whole. */
const ALLOWED = [
  0xa8, 0xa8, 0xaa, 0xaa, 0xad, 0xad, 0xaf, 0xaf, 0xb2, 0xb5, 0xb7, 0xba, 0xbc, 0xbe, 0xc0, 0xd6, 0xd8, 0xf6, 0xf8, 0xff, 0x100, 0x167f,
  0x1681, 0x180d, 0x180f, 0x1fff, 0x200b, 0x200d, 0x202a, 0x202e, 0x203f, 0x2040, 0x2054, 0x2054, 0x2060, 0x206f, 0x2070, 0x218f, 0x2460,
  0x24ff, 0x2776, 0x2793, 0x2c00, 0x2dff, 0x2e80, 0x2fff, 0x3004, 0x3007, 0x3021, 0x302f, 0x3031, 0x303f, 0x3040, 0xd7ff, 0xf900, 0xfd3d,
  0xfd40, 0xfdcf, 0xfdf0, 0xfe44, 0xfe47, 0xfffc,
];
/** C11 D.2: not as the first character. */
const NOT_FIRST = [0x300, 0x36f, 0x1dc0, 0x1dff, 0x20d0, 0x20ff, 0xfe20, 0xfe2f];

function inRanges(ranges: readonly number[], c: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (c >= ranges[i]! && c <= ranges[i + 1]!) return true;
  return false;
}

/** May a code point beyond ASCII stand in an identifier? */
export function isIdentifierCodePoint(c: number, first: boolean): boolean {
  if (c >= 0x10000) return c <= 0xefffd && (c & 0xffff) <= 0xfffd;
  return inRanges(ALLOWED, c) && !(first && inRanges(NOT_FIRST, c));
}

/** White space that editors paste: no-break space, the spaces of general punctuation, byte order mark. */
export function isUnicodeSpace(c: number): boolean {
  return (
    c === 0xa0 ||
    c === 0xfeff ||
    c === 0x1680 ||
    (c >= 0x2000 && c <= 0x200a) ||
    c === 0x2028 ||
    c === 0x2029 ||
    c === 0x202f ||
    c === 0x205f ||
    c === 0x3000
  );
}

const hexDigit = (c: number): number => {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 65 && c <= 70) return c - 55;
  if (c >= 97 && c <= 102) return c - 87;
  return -1;
};

/** A universal character name at `pos` (`\u1234`, `\U00012345`): its code point and length, or undefined. */
export function readUcn(text: string, pos: number): { readonly codePoint: number; readonly length: number } | undefined {
  const kind = text.charCodeAt(pos + 1);
  const digits = kind === 117 ? 4 : kind === 85 ? 8 : 0;
  if (digits === 0) return undefined;
  let value = 0;
  for (let i = 0; i < digits; i++) {
    const d = hexDigit(text.charCodeAt(pos + 2 + i));
    if (d < 0) return undefined;
    value = value * 16 + d;
  }
  return value > 0x10ffff ? undefined : { codePoint: value, length: 2 + digits };
}
