/**
 * The kernel's printf for programs: %d %i %u %x %X with l and ll, %c, %s, %pks, %pus, %p, %px, %pK, %pB, %pI4, %pi4,
 * %pI6, %pi6, %%; flags `0`, `-`, `+`, space; a width; nothing else.
 *
 * Pointers are printed as they are; the kernel hashes them for %p.
 *
 * Source: bpf_bprintf_prepare in kernel/bpf/helpers.c, lib/vsprintf.c.
 */

export interface FormatSource {
  /** Arguments in order. */
  readonly args: readonly bigint[];
  /** Size of the buffer: addresses (%pI4, …) that begin past it do not even count in the kernel. */
  readonly size: number;
  /** Text at an address, or undefined where it cannot be read. */
  text(address: bigint): string | undefined;
  /** Bytes at an address, or undefined. */
  bytes(address: bigint, length: number): Uint8Array | undefined;
}

interface Flags {
  readonly zero: boolean;
  readonly left: boolean;
  readonly plus: boolean;
  readonly space: boolean;
  readonly width: number;
}

/** The text, or undefined where the kernel refuses the format (-EINVAL). */
export function formatText(format: string, source: FormatSource): string | undefined {
  let out = '';
  let next = 0;
  let at = 0;
  while (at < format.length) {
    const c = format[at] as string;
    const code = format.charCodeAt(at);
    if (code < 0x80 && (code < 0x20 || code === 0x7f) && !(code >= 9 && code <= 13)) return undefined;
    at++;
    if (c !== '%') {
      out += c;
      continue;
    }
    if (format[at] === '%') {
      out += '%';
      at++;
      continue;
    }
    const arg = source.args[next++];
    if (arg === undefined) return undefined;
    const start = at;
    while (at < format.length && '0+- '.includes(format[at] as string)) at++;
    const marks = format.slice(start, at);
    const widthStart = at;
    while (isDigit(format, at)) at++;
    const flags: Flags = {
      zero: marks.includes('0'),
      left: marks.includes('-'),
      plus: marks.includes('+'),
      space: marks.includes(' '),
      width: Math.min(Number(format.slice(widthStart, at) || '0'), 512),
    };
    const kind = format[at] ?? '';
    if (kind === 'p') {
      const result = pointer(format, at + 1, arg, source);
      if (result === undefined) return undefined;
      if (!result.rendered || out.length < source.size) out += pad(result.text, flags);
      at = result.end;
    } else if (kind === 's') {
      if (!endsHere(format, at + 1)) return undefined;
      out += pad(source.text(arg) ?? '', flags);
      at++;
    } else if (kind === 'c') {
      out += pad(String.fromCharCode(Number(arg & 0xffn)), flags);
      at++;
    } else {
      let bits = 32;
      for (let l = 0; l < 2 && format[at] === 'l'; l++, at++) bits = 64;
      const text = integer(format[at] ?? '', arg, bits, flags);
      if (text === undefined) return undefined;
      out += text;
      at++;
    }
  }
  return out;
}

function isDigit(format: string, at: number): boolean {
  const c = format.charCodeAt(at);
  return c >= 0x30 && c <= 0x39;
}

/** Strings and plain pointers must be followed by white space, punctuation or the end. */
function endsHere(format: string, at: number): boolean {
  const c = format[at];
  return c === undefined || !/[A-Za-z0-9\x80-\xff]/.test(c);
}

function pad(text: string, flags: Flags): string {
  return flags.left ? text.padEnd(flags.width) : text.padStart(flags.width);
}

function integer(kind: string, arg: bigint, bits: number, flags: Flags): string | undefined {
  let digits: string;
  let sign = '';
  switch (kind) {
    case 'd':
    case 'i': {
      const value = BigInt.asIntN(bits, arg);
      digits = String(value < 0n ? -value : value);
      sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
      break;
    }
    case 'u':
      digits = String(BigInt.asUintN(bits, arg));
      break;
    case 'x':
      digits = BigInt.asUintN(bits, arg).toString(16);
      break;
    case 'X':
      digits = BigInt.asUintN(bits, arg).toString(16).toUpperCase();
      break;
    default:
      return undefined;
  }
  if (flags.zero && !flags.left) return sign + digits.padStart(flags.width - sign.length, '0');
  return pad(sign + digits, flags);
}

interface PointerText {
  readonly text: string;
  /** Where the format goes on. */
  readonly end: number;
  /** Made into text before the line is put together. */
  readonly rendered: boolean;
}

function pointer(format: string, at: number, arg: bigint, source: FormatSource): PointerText | undefined {
  const hex = arg.toString(16).padStart(16, '0');
  const kind = format[at] ?? '';
  if (endsHere(format, at)) return { text: hex, end: at, rendered: false };
  if ((kind === 'k' || kind === 'u') && format[at + 1] === 's') {
    return endsHere(format, at + 2) ? { text: source.text(arg) ?? '', end: at + 2, rendered: false } : undefined;
  }
  if (kind === 'x') return { text: arg.toString(16), end: at + 1, rendered: false };
  if (kind === 'K' || kind === 's' || kind === 'S' || kind === 'B')
    return { text: kind === 'K' ? hex : `0x${arg.toString(16)}`, end: at + 1, rendered: kind === 'B' };
  const version = format[at + 1];
  if ((kind !== 'I' && kind !== 'i') || (version !== '4' && version !== '6')) return undefined;
  const bytes = source.bytes(arg, version === '4' ? 4 : 16) ?? new Uint8Array(version === '4' ? 4 : 16);
  if (version === '4')
    return {
      text: Array.from(bytes, (b) => (kind === 'i' ? String(b).padStart(3, '0') : String(b))).join('.'),
      end: at + 2,
      rendered: true,
    };
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16).padStart(4, '0'));
  return { text: groups.join(kind === 'I' ? ':' : ''), end: at + 2, rendered: true };
}
