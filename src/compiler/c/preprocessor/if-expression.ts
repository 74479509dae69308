/**
 * The expression of `#if` and `#elif`: constant arithmetic in intmax_t and uintmax_t, by precedence climbing over
 * the expanded tokens of the line. `defined` reads its operand unexpanded. What `&&`, `||` and `?:` leave out is
 * parsed but may divide by zero.
 */
import type { Loc } from '../../diagnostics.ts';
import type { PpToken } from '../lexer.ts';
import type { IntMax } from './integer.ts';
import { characterValue, integerValue } from './integer.ts';
import type { Preprocessor } from './preprocessor.ts';

class ConditionError extends Error {}

const FALSE: IntMax = { value: 0n, unsigned: false };
const TRUE: IntMax = { value: 1n, unsigned: false };
const bool = (b: boolean): IntMax => (b ? TRUE : FALSE);

interface Binary {
  readonly precedence: number;
  /** Operands are brought to a common type; shifts keep the left one's. */
  readonly convert: boolean;
  /** The exact result, and whether it is a truth value. */
  run(a: bigint, b: bigint, unsigned: boolean): bigint;
  readonly logical?: true;
}

const arithmetic = (precedence: number, run: Binary['run']): Binary => ({ precedence, convert: true, run });
const comparison = (precedence: number, test: (a: bigint, b: bigint) => boolean): Binary => ({
  precedence,
  convert: true,
  logical: true,
  run: (a, b) => (test(a, b) ? 1n : 0n),
});
/** Beyond 64 all bits are out; negative counts shift the other way, as in gcc and clang. */
const shifted = (a: bigint, by: bigint): bigint => (by >= 0n ? a << (by > 64n ? 64n : by) : a >> (by < -64n ? 64n : -by));

const BINARY: ReadonlyMap<string, Binary> = new Map([
  ['*', arithmetic(10, (a, b) => a * b)],
  ['/', arithmetic(10, (a, b) => a / b)],
  ['%', arithmetic(10, (a, b) => a % b)],
  ['+', arithmetic(9, (a, b) => a + b)],
  ['-', arithmetic(9, (a, b) => a - b)],
  ['<<', { precedence: 8, convert: false, run: shifted }],
  ['>>', { precedence: 8, convert: false, run: (a, b) => shifted(a, -b) }],
  ['<', comparison(7, (a, b) => a < b)],
  ['>', comparison(7, (a, b) => a > b)],
  ['<=', comparison(7, (a, b) => a <= b)],
  ['>=', comparison(7, (a, b) => a >= b)],
  ['==', comparison(6, (a, b) => a === b)],
  ['!=', comparison(6, (a, b) => a !== b)],
  ['&', arithmetic(5, (a, b) => a & b)],
  ['^', arithmetic(4, (a, b) => a ^ b)],
  ['|', arithmetic(3, (a, b) => a | b)],
]);
const AND = 2;
const OR = 1;

class Evaluator {
  private readonly pp: Preprocessor;
  private readonly directive: PpToken;
  private token: PpToken;
  private depth = 0;
  /** Of the last token that had a place: where the end of the line is reported. */
  private lastLoc: Loc;

  constructor(pp: Preprocessor, directive: PpToken) {
    this.pp = pp;
    this.directive = directive;
    this.lastLoc = directive.loc;
    this.token = pp.lex();
  }

  run(): boolean {
    if (this.atEnd()) this.fail('missing-condition', this.directive, `'#${this.directive.text}' has no condition`);
    const value = this.comma(true);
    if (!this.atEnd())
      this.fail('bad-condition', this.token, `unexpected '${this.token.text}' behind the condition of '#${this.directive.text}'`);
    return value.value !== 0n;
  }

  private fail(code: string, at: PpToken, message: string): never {
    if (!this.pp.stopped) this.pp.diagnostics.error(code, at.loc !== 0 ? at.loc : this.lastLoc, message);
    throw new ConditionError();
  }

  private advance(): void {
    if (this.token.loc !== 0) this.lastLoc = this.token.loc;
    this.token = this.pp.lex();
  }

  private atEnd(): boolean {
    return this.token.kind === 'eof';
  }

  private is(punct: string): boolean {
    return this.token.kind === 'punct' && this.token.text === punct;
  }

  private comma(live: boolean): IntMax {
    let value = this.conditional(live);
    while (this.is(',')) {
      this.advance();
      value = this.conditional(live);
    }
    return value;
  }

  private conditional(live: boolean): IntMax {
    const test = this.binary(OR, live);
    if (!this.is('?')) return test;
    this.enter();
    this.advance();
    const chosen = test.value !== 0n;
    const yes = this.comma(live && chosen);
    if (!this.is(':')) this.fail('bad-condition', this.token, `expected ':' of the '?' before ${this.found()}`);
    this.advance();
    const no = this.conditional(live && !chosen);
    this.depth--;
    const unsigned = yes.unsigned || no.unsigned;
    const value = chosen ? yes.value : no.value;
    return { value: unsigned ? BigInt.asUintN(64, value) : value, unsigned };
  }

  private binary(least: number, live: boolean): IntMax {
    let left = this.unary(live);
    for (;;) {
      if (this.token.kind !== 'punct') return left;
      const operator = this.token;
      if (operator.text === '&&' || operator.text === '||') {
        const and = operator.text === '&&';
        if ((and ? AND : OR) < least) return left;
        this.advance();
        const decided = (left.value !== 0n) !== and;
        const right = this.binary((and ? AND : OR) + 1, live && !decided);
        left = bool(decided ? !and : right.value !== 0n);
        continue;
      }
      const op = BINARY.get(operator.text);
      if (op === undefined || op.precedence < least) return left;
      this.advance();
      left = this.apply(operator, op, left, this.binary(op.precedence + 1, live), live);
    }
  }

  private apply(operator: PpToken, op: Binary, left: IntMax, right: IntMax, live: boolean): IntMax {
    let a = left.value;
    let b = right.value;
    let unsigned = left.unsigned;
    if (op.convert) {
      unsigned ||= right.unsigned;
      if (unsigned) {
        if (live && (a < 0n || b < 0n)) {
          this.pp.warn(
            'negative-as-unsigned',
            operator.loc,
            `the ${a < 0n ? 'left' : 'right'} side of '${operator.text}' is negative and counts as a large unsigned number here`,
          );
        }
        a = BigInt.asUintN(64, a);
        b = BigInt.asUintN(64, b);
      }
    }
    if (b === 0n && (operator.text === '/' || operator.text === '%')) {
      if (live) this.fail('division-by-zero', operator, 'division by zero in a preprocessor condition');
      return { value: 0n, unsigned };
    }
    const exact = op.run(a, b, unsigned);
    if (op.logical === true) return { value: exact, unsigned: false };
    if (unsigned) return { value: BigInt.asUintN(64, exact), unsigned };
    const value = BigInt.asIntN(64, exact);
    if (value !== exact && live && operator.text !== '<<')
      this.pp.warn('condition-overflow', operator.loc, 'this condition overflows 64 bits');
    return { value, unsigned };
  }

  private unary(live: boolean): IntMax {
    const token = this.token;
    switch (token.kind) {
      case 'number':
        return this.number(token);
      case 'char':
        return this.character(token);
      case 'ident':
        return this.identifier(token);
      case 'punct':
        break;
      case 'eof':
        return this.fail('bad-condition', token, `the condition of '#${this.directive.text}' ends too early`);
      default:
        return this.fail('bad-condition', token, `${this.found()} cannot stand in a preprocessor condition`);
    }
    switch (token.text) {
      case '(': {
        this.enter();
        this.advance();
        const value = this.comma(live);
        if (!this.is(')')) this.fail('bad-condition', this.token, `expected ')' before ${this.found()}`);
        this.advance();
        this.depth--;
        return value;
      }
      case '+':
      case '-':
      case '~':
      case '!': {
        this.enter();
        this.advance();
        const operand = this.unary(live);
        this.depth--;
        if (token.text === '+') return operand;
        if (token.text === '!') return bool(operand.value === 0n);
        const exact = token.text === '-' ? -operand.value : ~operand.value;
        return {
          value: operand.unsigned ? BigInt.asUintN(64, exact) : BigInt.asIntN(64, exact),
          unsigned: operand.unsigned,
        };
      }
      default:
        return this.fail('bad-condition', token, `expected a value before ${this.found()}`);
    }
  }

  private number(token: PpToken): IntMax {
    const value = integerValue(token.text);
    if ('code' in value) this.fail(value.code, token, value.message);
    if (value.tooLargeForSigned)
      this.pp.warn('number-as-unsigned', token.loc, `'${token.text}' is too large for a signed number and counts as unsigned`);
    this.advance();
    return value;
  }

  private character(token: PpToken): IntMax {
    const value = characterValue(token.text);
    if ('code' in value) this.fail(value.code, token, value.message);
    if (value.multiple) this.pp.warn('multi-character', token.loc, 'a character constant with several characters');
    this.advance();
    return value;
  }

  private identifier(token: PpToken): IntMax {
    if (token.text === 'defined') return this.defined(token);
    this.advance();
    if (this.is('(')) this.fail('undefined-function-macro', token, `the function-like macro '${token.text}' is not defined`);
    return FALSE;
  }

  private defined(operator: PpToken): IntMax {
    let name = this.pp.raw();
    const parenthesis = name.kind === 'punct' && name.text === '(';
    if (parenthesis) name = this.pp.raw();
    if (name.kind !== 'ident') this.fail('bad-defined', name.kind === 'eof' ? operator : name, "'defined' needs the name of a macro");
    if (parenthesis) {
      const close = this.pp.raw();
      if (close.kind !== 'punct' || close.text !== ')')
        this.fail('bad-defined', close.kind === 'eof' ? operator : close, `expected ')' behind 'defined(${name.text}'`);
    }
    this.advance();
    return bool(this.pp.lookup(name.text) !== null);
  }

  private enter(): void {
    if (++this.depth > this.pp.limits.expressionDepth)
      this.fail('condition-too-deep', this.directive, `the condition is nested more than ${this.pp.limits.expressionDepth} deep`);
  }

  private found(): string {
    return this.token.kind === 'eof' ? 'the end of the line' : `'${this.token.text}'`;
  }
}

/** Value of a condition; false after an error, which is reported. */
export function evaluateCondition(pp: Preprocessor, directive: PpToken, line: readonly PpToken[]): boolean {
  if (pp.poisoned !== undefined) for (const token of line) if (token.kind === 'ident') pp.checkPoison(token);
  let value = false;
  pp.isolate(line, () => {
    try {
      value = new Evaluator(pp, directive).run();
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
    }
  });
  return value;
}
