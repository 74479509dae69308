/** A position in assembly tokens, and the small grammar that all statements share: registers, operands, numbers. */

import type { AsmToken } from './asm-lexer.ts';
import { AssembleError, numberValue } from './asm-lexer.ts';

export interface Register {
  readonly number: number;
  /** `r`, not `w`. */
  readonly wide: boolean;
  readonly at: number;
}

export interface MemoryOperand {
  readonly base: number;
  readonly off: number;
}

const MAX_NESTING = 64;

export class AsmCursor {
  readonly source: string;
  readonly tokens: readonly AsmToken[];
  private index = 0;
  private nesting = 0;

  constructor(source: string, tokens: readonly AsmToken[]) {
    this.source = source;
    this.tokens = tokens;
  }

  get token(): AsmToken {
    return this.tokens[this.index] as AsmToken;
  }

  peek(distance: number): AsmToken {
    return this.tokens[Math.min(this.index + distance, this.tokens.length - 1)] as AsmToken;
  }

  /** Returns the current token and goes to the next; stays on the last. */
  advance(): AsmToken {
    const token = this.token;
    if (token.kind !== 'end') this.index++;
    return token;
  }

  error(reason: string, at: number = this.token.at): AssembleError {
    return new AssembleError(this.source, at, reason);
  }

  expect(text: string): AsmToken {
    if (this.token.text !== text || this.token.kind === 'end')
      throw this.error(`expected '${text}'${this.token.kind === 'end' ? '' : `, not '${this.token.text}'`}`);
    return this.advance();
  }

  tryPunct(text: string): AsmToken | undefined {
    return this.token.kind === 'punct' && this.token.text === text ? this.advance() : undefined;
  }

  tryWord(text: string): AsmToken | undefined {
    return this.token.kind === 'word' && this.token.text === text ? this.advance() : undefined;
  }

  /** `(b7)` before an instruction. */
  opcodePrefix(): number | undefined {
    return this.token.kind === 'opcode' ? Number.parseInt(this.advance().text.slice(1, 3), 16) : undefined;
  }

  tryRegister(): Register | undefined {
    const { kind, text, at } = this.token;
    if (kind !== 'word' || text.length < 2 || text.length > 3) return undefined;
    const first = text.charCodeAt(0);
    if (first !== 0x72 && first !== 0x77) return undefined;
    const number = Number(text.slice(1));
    if (!(number >= 0 && number <= 10) || text.slice(1) !== String(number)) return undefined;
    this.advance();
    return { number, wide: first === 0x72, at };
  }

  register(): Register;
  register(only: 'r'): number;
  register(only?: 'r'): Register | number {
    const register = this.tryRegister();
    if (register === undefined) throw this.error(`expected a register${this.token.text === '' ? '' : `, not '${this.token.text}'`}`);
    if (only === undefined) return register;
    if (!register.wide) throw this.error('expected an r register', register.at);
    return register.number;
  }

  sameWidth(left: Register, right: Register): void {
    if (left.wide !== right.wide) throw this.error('r and w registers do not mix', right.at);
  }

  /** `(u32 *)`, with the sizes that the place allows. */
  pointerType(types: ReadonlyMap<string, number>): number {
    this.expect('(');
    const token = this.advance();
    const size = types.get(token.text);
    if (size === undefined) throw this.error(`expected a type (${[...types.keys()].join(', ')}), not '${token.text}'`, token.at);
    this.expect('*');
    this.expect(')');
    return size;
  }

  /** `(r1 + 8)`. */
  memoryOperand(): MemoryOperand {
    this.expect('(');
    const operand = this.baseAndOffset();
    this.expect(')');
    return operand;
  }

  /** `r1 + 8`. */
  baseAndOffset(): MemoryOperand {
    const base = this.register('r');
    const off = this.token.text === '+' || this.token.text === '-' ? this.ranged(-0x8000n, 0x7fffn, 'offset', 16) : 0;
    return { base, off };
  }

  /** `+5` or `pc+5`. */
  distance16(): number {
    return this.distance(-0x8000n, 0x7fffn);
  }

  distance32(): number {
    return this.distance(-0x8000_0000n, 0x7fff_ffffn);
  }

  private distance(low: bigint, high: bigint): number {
    this.tryWord('pc');
    if (this.token.text !== '+' && this.token.text !== '-') throw this.error('expected a label or a signed distance');
    return this.ranged(low, high, 'distance', 32);
  }

  /** Signed or unsigned 32 bits; gives the signed value of the bits. */
  imm32(): number {
    return this.ranged(-0x8000_0000n, 0xffff_ffffn, 'immediate', 32);
  }

  /** A number without operators, where `|` means something else. */
  signedNumber(): number {
    const at = this.token.at;
    const value = this.unary();
    if (value < -0x8000_0000n || value > 0xffff_ffffn) throw this.error(`${value} does not fit 32 bits`, at);
    return Number(BigInt.asIntN(32, value));
  }

  private ranged(low: bigint, high: bigint, what: string, bits: number): number {
    const at = this.token.at;
    const value = this.expression();
    if (value < low || value > high) throw this.error(`${what} ${value} does not fit ${bits} bits`, at);
    return Number(value > 0x7fff_ffffn ? BigInt.asIntN(32, value) : value);
  }

  /** A constant expression: + - * and the bit operators, with C's precedence. */
  expression(): bigint {
    return this.binary(0);
  }

  private binary(level: number): bigint {
    const operators = LEVELS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const apply = this.token.kind === 'punct' ? operators.get(this.token.text) : undefined;
      if (apply === undefined) return left;
      const at = this.advance().at;
      const right = this.binary(level + 1);
      if ((right < 0n || right > 64n) && operators.has('<<')) throw this.error('shift out of range', at);
      left = apply(left, right);
    }
  }

  private unary(): bigint {
    const token = this.token;
    if (++this.nesting > MAX_NESTING) throw this.error('expression is nested too deeply');
    let value: bigint;
    if (token.kind === 'number') value = numberValue(this.advance().text);
    else if (this.tryPunct('-') !== undefined) value = -this.unary();
    else if (this.tryPunct('+') !== undefined) value = this.unary();
    else if (this.tryPunct('~') !== undefined) value = ~this.unary();
    else if (this.tryPunct('(') !== undefined) {
      value = this.expression();
      this.expect(')');
    } else throw this.error(`expected a number${token.text === '' ? '' : `, not '${token.text.trim()}'`}`);
    this.nesting--;
    return BigInt.asIntN(128, value);
  }
}

type Operator = (left: bigint, right: bigint) => bigint;

/** Loosest first. */
const LEVELS: readonly ReadonlyMap<string, Operator>[] = [
  new Map<string, Operator>([['|', (a, b) => a | b]]),
  new Map<string, Operator>([['^', (a, b) => a ^ b]]),
  new Map<string, Operator>([['&', (a, b) => a & b]]),
  new Map<string, Operator>([
    ['<<', (a, b) => BigInt.asIntN(128, a << b)],
    ['>>', (a, b) => a >> b],
  ]),
  new Map<string, Operator>([
    ['+', (a, b) => a + b],
    ['-', (a, b) => a - b],
  ]),
  new Map<string, Operator>([['*', (a, b) => BigInt.asIntN(128, a * b)]]),
];
