/**
 * Values of pp-numbers and character constants as `#if` sees them: intmax_t or uintmax_t.
 */

export interface IntMax {
  readonly value: bigint;
  readonly unsigned: boolean;
}
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** Characters of a number that are looked at. */
const LONGEST = 1000;
const SUFFIX = /^(?:u(?:l|ll|z|wb)?|(?:l|ll|z|wb)u?)?$/;

/** Integer constant, or what is wrong with it. */
export function integerValue(text: string): (IntMax & { readonly tooLargeForSigned: boolean }) | Problem {
  if (text.length > LONGEST) return { code: 'number-too-large', message: 'this number does not fit into 64 bits' };
  const match = /^(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|(0[0-7]*)|([1-9][0-9]*))([uUlLzZwWbB]*)$/.exec(text);
  const suffix = match?.[5]?.replace(/LL/g, 'll') ?? '';
  if (match === null || !SUFFIX.test(suffix.toLowerCase()) || /lL|Ll/.test(suffix)) {
    if (/^(?:0[xX][0-9a-fA-F.]*[pP.]|[0-9.]*(?:\.|[eE]))/.test(text))
      return { code: 'float-in-if', message: `'${text}' is a floating constant; '#if' takes integers only` };
    if (/^0[0-9]*[89]/.test(text)) return { code: 'bad-number', message: `'${text}' has a digit that octal numbers do not have` };
    return { code: 'bad-number', message: `'${text}' is not an integer` };
  }
  const [, hex, binary, octal, decimal] = match;
  const value = BigInt(
    hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : decimal!,
  );
  if (value > 0xffff_ffff_ffff_ffffn) return { code: 'number-too-large', message: `'${text}' does not fit into 64 bits` };
  const tooLarge = value > 0x7fff_ffff_ffff_ffffn;
  const unsigned = /u/i.test(suffix) || tooLarge;
  return {
    value: unsigned ? value : BigInt.asIntN(64, value),
    unsigned,
    tooLargeForSigned: tooLarge && decimal !== undefined && !/u/i.test(suffix),
  };
}

const SIMPLE: Readonly<Record<string, number>> = {
  n: 10,
  t: 9,
  r: 13,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  e: 27,
  E: 27,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
};

/** Character constant with its quotes: its value, or what is wrong with it. `multiple`: more than one character. */
export function characterValue(text: string): (IntMax & { readonly multiple: boolean }) | Problem {
  if (text.length > LONGEST) return { code: 'character-too-long', message: 'this character constant is far too long' };
  const open = text.indexOf("'");
  const prefix = text.slice(0, open);
  const narrow = prefix === '' || prefix === 'u8';
  const units: bigint[] = [];
  const body = text.slice(open + 1, -1);
  const utf8 = new TextEncoder();
  for (let i = 0; i < body.length; ) {
    if (body[i] !== '\\') {
      const point = body.codePointAt(i)!;
      i += point > 0xffff ? 2 : 1;
      if (narrow) for (const byte of utf8.encode(String.fromCodePoint(point))) units.push(BigInt(byte));
      else units.push(BigInt(point));
      continue;
    }
    const rest = body.slice(i + 1, i + 80);
    const numeric = /^(?:([0-7]{1,3})|x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    if (numeric !== null) {
      const [all, octal, hex, short, long] = numeric;
      const value = octal !== undefined ? BigInt(`0o${octal}`) : BigInt(`0x${hex ?? short ?? long}`);
      if (octal !== undefined || hex !== undefined) {
        if (value >> (narrow ? 8n : prefix === 'u' ? 16n : 32n) !== 0n)
          return {
            code: 'escape-out-of-range',
            message: `the escape '\\${all}' does not fit into the character's type`,
          };
        units.push(value);
      } else if (value > 0x10ffffn) return { code: 'bad-escape', message: `'\\${all}' is not a character` };
      else if (narrow) for (const byte of utf8.encode(String.fromCodePoint(Number(value)))) units.push(BigInt(byte));
      else units.push(value);
      i += 1 + all.length;
      continue;
    }
    const simple = SIMPLE[rest[0] ?? ''];
    if (rest[0] === 'x') return { code: 'bad-escape', message: "'\\x' without hexadecimal digits" };
    // An unknown escape stands for its character, as in clang and gcc.
    units.push(BigInt(simple ?? rest.codePointAt(0) ?? 92));
    i += 2;
  }
  if (units.length === 0) return { code: 'empty-character', message: 'a character constant needs a character' };
  const last = units[units.length - 1]!;
  if (!narrow) {
    if (prefix !== 'L' && units.length > 1) return { code: 'multi-character', message: `a ${prefix}'…' constant has one character only` };
    if (prefix === 'L') return { value: BigInt.asIntN(32, last), unsigned: false, multiple: units.length > 1 };
    return { value: BigInt.asUintN(prefix === 'u' ? 16 : 32, last), unsigned: true, multiple: units.length > 1 };
  }
  if (units.length === 1) return { value: prefix === 'u8' ? last : BigInt.asIntN(8, last), unsigned: prefix === 'u8', multiple: false };
  return {
    value: BigInt.asIntN(
      32,
      units.slice(-4).reduce((sum, unit) => (sum << 8n) | unit, 0n),
    ),
    unsigned: false,
    multiple: true,
  };
}
