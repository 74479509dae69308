/**
 * The printf formats that BCC's tools are specified in, compiled once: `%-16s %6d %7.2f %08x %c %%`.
 *
 * Widths count UTF-16 units, as Python counts code points: the columns of names outside the BMP differ by one.
 * Arguments: `s` takes anything, `d` `i` `u` numbers and bigints, `x` `X` `o` non-negative integers, `f` numbers,
 * `c` a character code or string. `*` widths take an argument of their own.
 */

export type PrintfArg = string | number | bigint;

interface Piece {
  readonly literal: string;
  readonly spec: Spec | undefined;
}

interface Spec {
  readonly left: boolean;
  readonly zero: boolean;
  readonly plus: boolean;
  readonly alternate: boolean;
  readonly width: number | '*';
  readonly precision: number | '*' | undefined;
  readonly type: string;
}

const PATTERN = /%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?(?:hh|h|ll|l|z)?([sdiuxXofcp%])/g;
const cache = new Map<string, readonly Piece[]>();

function compile(format: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of format.matchAll(PATTERN)) {
    const [whole, flags = '', width, precision, type = 's'] = match;
    const literal = format.slice(from, match.index);
    from = match.index + whole.length;
    if (type === '%') {
      pieces.push({ literal: `${literal}%`, spec: undefined });
      continue;
    }
    pieces.push({
      literal,
      spec: {
        left: flags.includes('-'),
        zero: flags.includes('0'),
        plus: flags.includes('+'),
        alternate: flags.includes('#'),
        width: width === '*' ? '*' : Number(width ?? 0),
        precision: precision === undefined ? undefined : precision === '*' ? '*' : Number(precision),
        type,
      },
    });
  }
  pieces.push({ literal: format.slice(from), spec: undefined });
  return pieces;
}

/** Formats as C's printf does. Throws `RangeError` when arguments are missing or left over. */
export function printf(format: string, ...args: readonly PrintfArg[]): string {
  let pieces = cache.get(format);
  if (!pieces) cache.set(format, (pieces = compile(format)));
  let next = 0;
  const take = (): PrintfArg => {
    if (next >= args.length) throw new RangeError(`printf: too few arguments for ${JSON.stringify(format)}`);
    return args[next++] as PrintfArg;
  };
  let out = '';
  for (const { literal, spec } of pieces) {
    out += literal;
    if (!spec) continue;
    const width = spec.width === '*' ? Number(take()) : spec.width;
    const precision = spec.precision === '*' ? Number(take()) : spec.precision;
    const text = one(spec, precision, take());
    const left = spec.left || width < 0;
    const size = Math.abs(width);
    if (text.length >= size) out += text;
    else if (left) out += text.padEnd(size);
    else if (spec.zero && spec.type !== 's') out += padZero(text, size);
    else out += text.padStart(size);
  }
  if (next < args.length) throw new RangeError(`printf: too many arguments for ${JSON.stringify(format)}`);
  return out;
}

function padZero(text: string, size: number): string {
  const sign = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  return text.slice(0, sign) + text.slice(sign).padStart(size - sign, '0');
}

function one(spec: Spec, precision: number | undefined, value: PrintfArg): string {
  switch (spec.type) {
    case 's': {
      const text = String(value);
      return precision === undefined ? text : text.slice(0, precision);
    }
    case 'c':
      return typeof value === 'string' ? value : String.fromCodePoint(Number(value));
    case 'f':
      return sign(spec, Number(value), Number(value).toFixed(precision ?? 6));
    case 'd':
    case 'i':
    case 'u': {
      const whole = typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)));
      return sign(spec, Number(whole), whole.toString());
    }
    default: {
      const radix = spec.type === 'o' ? 8 : 16;
      const digits = BigInt(value).toString(radix);
      const prefix = (spec.alternate || spec.type === 'p') && radix === 16 ? '0x' : '';
      return spec.type === 'X' ? prefix + digits.toUpperCase() : prefix + digits;
    }
  }
}

function sign(spec: Spec, value: number, text: string): string {
  return spec.plus && value >= 0 ? `+${text}` : text;
}
