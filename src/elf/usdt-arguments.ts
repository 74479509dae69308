/**
 * Where a USDT probe's arguments are, from the description in its note:
 *
 *   -4@%eax 8@-8(%rbp) 2@$7 8@16(%rax,%rbx,8) 4@counter(%rip)          x86-64: operands of the assembler
 *   -4@x0 8@[sp, 24] 4@5 8@[x1, x2, lsl 3]                             arm64
 *
 * The number is the size in bytes, negative for signed. Registers come as members of `struct pt_regs`, as the kernel's
 * BTF names them (x86-64 `ax`, `bp`; arm64 `regs[0]`, `sp`), with the width that the operand names. A form that is not
 * known is kept as such, so that the other arguments of the probe can still be read.
 *
 * Source: <sys/sdt.h>; the operand syntax of GNU as for both architectures.
 */
export type UsdtMachine = 'x86_64' | 'arm64';

export type UsdtPlace =
  | { readonly kind: 'constant'; readonly value: bigint }
  /** `shift`: bits below the part that is meant (8 for %ah). */
  | { readonly kind: 'register'; readonly register: string; readonly shift: number }
  /** base + index * 2^shift + offset. `extend`: the index is the low half of its register, extended by its sign or by zeros. */
  | {
      readonly kind: 'memory';
      readonly base: string;
      readonly offset: bigint;
      readonly index?: { readonly register: string; readonly shift: number; readonly extend?: 'signed' | 'unsigned' };
    }
  /** A variable of the file, as `symbol(%rip)` names it. */
  | { readonly kind: 'symbol'; readonly symbol: string; readonly offset: bigint }
  /** Floating-point registers and what no assembler is known to write. */
  | { readonly kind: 'unknown' };

export interface UsdtArgument {
  readonly size: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  readonly place: UsdtPlace;
  /** As the note has it: '-4@%eax'. */
  readonly text: string;
}

/** Of the description of one place of a probe: its arguments in order. Never throws. */
export function parseUsdtArguments(text: string, machine: UsdtMachine): UsdtArgument[] {
  return split(text).map((word) => {
    const match = /^(-?)(\d+)(f?)@(.*)$/s.exec(word);
    const [, minus, digits, float, operand = ''] = match ?? [];
    const size = Number(digits ?? 8);
    const known = match !== null && float === '' && (size === 1 || size === 2 || size === 4 || size === 8);
    return {
      size: known ? (size as 1 | 2 | 4 | 8) : 8,
      signed: minus === '-',
      place: known ? (machine === 'x86_64' ? x86(operand.trim()) : arm64(operand.trim())) : UNKNOWN,
      text: word,
    };
  });
}

const UNKNOWN: UsdtPlace = { kind: 'unknown' };

/** Arguments are apart by spaces, and operands may have some inside brackets. */
function split(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let depth = 0;
  for (const c of text) {
    if (c === '[' || c === '(') depth++;
    if ((c === ']' || c === ')') && depth > 0) depth--;
    if (/\s/.test(c) && depth === 0) {
      if (word !== '') words.push(word);
      word = '';
    } else word += c;
  }
  if (word !== '') words.push(word);
  return words;
}

function integer(text: string): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text.trim());
  if (match === null) return undefined;
  const value = BigInt.asUintN(64, BigInt(match[2] as string));
  return match[1] === '-' ? -value : value;
}

/* ---------- x86-64 ---------- */

/** 'rax', 'eax', 'ax', 'al', 'ah', 'r9', 'r9d', 'sil' → member and shift. */
function x86Register(name: string): { readonly register: string; readonly shift: number } | undefined {
  const numbered = /^r(8|9|1[0-5])[dwb]?$/.exec(name);
  if (numbered !== null) return { register: `r${numbered[1]}`, shift: 0 };
  const high = /^([abcd])h$/.exec(name);
  if (high !== null) return { register: `${high[1]}x`, shift: 8 };
  const plain = /^(?:[re]?([abcd]x|[sd]i|[sb]p)|([abcd])l|([sd]i|[sb]p)l)$/.exec(name);
  if (plain === null) return undefined;
  const register = plain[1] ?? (plain[2] === undefined ? plain[3] : `${plain[2]}x`);
  return register === undefined ? undefined : { register, shift: 0 };
}

const SYMBOL = String.raw`[A-Za-z_.$][\w.$@]*`;

function x86(operand: string): UsdtPlace {
  if (operand.startsWith('$')) {
    const value = integer(operand.slice(1));
    return value === undefined ? UNKNOWN : { kind: 'constant', value };
  }
  if (operand.startsWith('%')) {
    const found = x86Register(operand.slice(1));
    return found === undefined ? UNKNOWN : { kind: 'register', ...found };
  }
  const symbol = new RegExp(String.raw`^(?:([+-]?\w+)\+)?(${SYMBOL})([+-]\w+)?\(%rip\)$`).exec(operand);
  if (symbol !== null) {
    const before = integer(symbol[1] ?? '0');
    const after = integer(symbol[3] ?? '0');
    return before === undefined || after === undefined ? UNKNOWN : { kind: 'symbol', symbol: symbol[2] as string, offset: before + after };
  }
  const memory = /^([^()]*)\(([^()]*)\)$/.exec(operand);
  if (memory === null) return UNKNOWN;
  // Offsets may be sums: '8+-16(%rbp)'.
  const offset = sum(memory[1] as string);
  const [base = '', index, scale = '1', more] = (memory[2] as string).split(',').map((part) => part.trim());
  const baseRegister = base.startsWith('%') ? x86Register(base.slice(1)) : undefined;
  const shift = ['1', '2', '4', '8'].indexOf(scale);
  if (offset === undefined || baseRegister === undefined || more !== undefined || shift < 0) return UNKNOWN;
  if (index === undefined) return { kind: 'memory', base: baseRegister.register, offset };
  const indexRegister = index.startsWith('%') ? x86Register(index.slice(1)) : undefined;
  if (indexRegister === undefined) return UNKNOWN;
  return { kind: 'memory', base: baseRegister.register, offset, index: { register: indexRegister.register, shift } };
}

function sum(text: string): bigint | undefined {
  if (text === '') return 0n;
  const parts = text.match(/[+-]*(?:0x[0-9a-f]+|\d+)/gi);
  if (parts === null || parts.join('') !== text) return undefined;
  let total = 0n;
  for (const part of parts) {
    const [, signs = '', digits = ''] = /^([+-]*)(.*)$/.exec(part) ?? [];
    const value = integer(digits);
    if (value === undefined) return undefined;
    total += (signs.split('-').length - 1) % 2 === 1 ? -value : value;
  }
  return total;
}

/* ---------- arm64 ---------- */

function arm64Register(name: string): string | undefined {
  if (name === 'sp' || name === 'wsp') return 'sp';
  const match = /^[xw](\d|[12]\d|30)$/.exec(name);
  if (match !== null) return `regs[${match[1]}]`;
  return name === 'fp' ? 'regs[29]' : name === 'lr' ? 'regs[30]' : undefined;
}

function arm64(operand: string): UsdtPlace {
  const value = integer(operand.replace(/^#/, ''));
  if (value !== undefined) return { kind: 'constant', value };
  const register = arm64Register(operand);
  if (register !== undefined) return { kind: 'register', register, shift: 0 };
  if (/^[xw]zr$/.test(operand)) return { kind: 'constant', value: 0n };
  const memory = /^\[([^\]]*)\]$/.exec(operand);
  if (memory === null) return UNKNOWN;
  const [base = '', second, third, more] = (memory[1] as string).split(',').map((part) => part.trim());
  const baseRegister = arm64Register(base);
  if (baseRegister === undefined || more !== undefined) return UNKNOWN;
  if (second === undefined) return { kind: 'memory', base: baseRegister, offset: 0n };
  const offset = integer(second.replace(/^#/, ''));
  if (offset !== undefined) return third === undefined ? { kind: 'memory', base: baseRegister, offset } : UNKNOWN;
  const indexRegister = arm64Register(second);
  const how = /^(lsl|sxtw|uxtw|sxtx)(?:\s+#?(\d))?$/.exec(third ?? 'lsl 0');
  if (indexRegister === undefined || how === null) return UNKNOWN;
  const shift = Number(how[2] ?? 0);
  const extend = how[1] === 'sxtw' ? ('signed' as const) : how[1] === 'uxtw' ? ('unsigned' as const) : undefined;
  return {
    kind: 'memory',
    base: baseRegister,
    offset: 0n,
    index: { register: indexRegister, shift, ...(extend === undefined ? {} : { extend }) },
  };
}

/* ---------- struct pt_regs as the kernel hands it to a probe ---------- */

const X86_ORDER = 'r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss'.split(' ');

/** Offset in bytes of such a register in the kernel's `struct pt_regs`; undefined for a name that is none. */
export function ptRegsOffset(register: string, machine: UsdtMachine): number | undefined {
  if (machine === 'x86_64') {
    const index = X86_ORDER.indexOf(register);
    return index < 0 ? undefined : index * 8;
  }
  if (register === 'sp') return 31 * 8;
  if (register === 'pc') return 32 * 8;
  const match = /^regs\[(\d+)\]$/.exec(register);
  return match === null ? undefined : Number(match[1]) * 8;
}
