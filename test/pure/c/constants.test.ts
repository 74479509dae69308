/**
 * Constant expressions and the types of expressions, random ones, against clang: what we compute is put into static
 * assertions, and clang must agree with every one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import { integerOf, isInteger } from '../../../src/compiler/c/sema/types/predicates.ts';
import { Random } from '../sema/random-records.ts';
import { CLANG, clangErrors, compile, hasClang } from './support.ts';

const skip = hasClang ? false : `${CLANG} is not installed`;

const TYPES = [
  'char',
  'signed char',
  'unsigned char',
  'short',
  'unsigned short',
  'int',
  'unsigned int',
  'long',
  'unsigned long',
  'long long',
  'unsigned long long',
  '_Bool',
  '__int128',
  'unsigned __int128',
  'enum plus',
  'enum minus',
  'enum big',
];
const DECLARATIONS = `
enum plus { P0, P7 = 7, PMAX = 0xffffffff };
enum minus { MMIN = -0x7fffffff - 1, M1 = -1, M0 };
enum big { BIG = 0x123456789abcdef0 };
struct s { char a; struct { long b[3]; short c; }; union { int d; char e[12]; }; };
`;
const LITERALS = [
  '0',
  '1',
  '2',
  '3',
  '7',
  '-1',
  '255',
  '256',
  '32767',
  '65536',
  '0x7fffffff',
  '0x80000000',
  '0xffffffff',
  '4294967296',
  '0x7fffffffffffffff',
  '0x8000000000000000',
  '0xffffffffffffffff',
  '017',
  '0b1011',
  '5u',
  '5l',
  '5ul',
  '0xfull',
  "'a'",
  "'\\n'",
  "'\\xff'",
  "'\\377'",
  "u'x'",
  "L'y'",
  'P7',
  'PMAX',
  'M1',
  'MMIN',
  'BIG',
  '100ll',
  "'ab'",
  '2147483648',
  '18446744073709551615u',
  '1l',
  '63',
  '64',
];
const CONSTANT_CALLS = [
  '__builtin_bswap16($A)',
  '__builtin_bswap32($A)',
  '__builtin_bswap64($A)',
  '__builtin_popcount($A)',
  '__builtin_popcountll($A)',
  '__builtin_parity($A)',
  '__builtin_ffs($A)',
  '__builtin_ffsll($A)',
  '__builtin_clz($A | 1)',
  '__builtin_ctzl(($A) | 4)',
  '__builtin_clzll(($A) | 1)',
  '__builtin_parityl($A)',
  '__builtin_choose_expr(P7, $A, $B)',
  '__builtin_constant_p($A)',
  '__builtin_expect($A, 1)',
  '__builtin_offsetof(struct s, b[1])',
  '__builtin_offsetof(struct s, e[3])',
  '(long)&((struct s *)0)->c',
  '(unsigned long)&((struct s *)16)->e[2]',
  '(char *)&((struct s *)0)->d - (char *)0',
  '_Generic(($A), int: 1, unsigned: 2u, long: 3l, default: (char)4)',
  '__builtin_rotateleft32($A, 3)',
  '__builtin_strlen("four")',
  '(int)(0.5 * 1000000000)',
  '(unsigned long)(1e9 * 5)',
  '(long)(-2.75f * 3)',
  '(int)(1 / 3.0 * 300)',
  '(_Bool)0.25',
  '0.1f == 0.1',
  '16777217L == (float)16777217e0',
  '16777217L + 0.5f == 16777216',
  '1e3 > 999 && .5 < 1',
  'sizeof(1.5f + 1)',
  'sizeof(1.5)',
  '(int)(float)16777217',
  'sizeof("abc" "d")',
  'sizeof(struct s)',
  '_Alignof(struct s)',
  'sizeof($A)',
  '__builtin_types_compatible_p(__typeof__($A), int)',
  '(($A) ?: ($B))',
  '"xyz"[1]',
];

function constant(r: Random, depth: number): string {
  if (depth === 0 || r.chance(15)) return r.pick(LITERALS);
  const a = (): string => constant(r, depth - 1);
  switch (r.below(9)) {
    case 0:
      return `(${r.pick(['-', '~', '!', '+', '- -'])} ${a()})`;
    case 1:
      return `((${r.pick(TYPES)})${a()})`;
    case 2:
      return `(${a()} ${r.pick(['<<', '>>'])} (${a()} & 7))`;
    case 3:
      return `(${a()} ${r.pick(['/', '%'])} ((int)(${a()}) | 1))`;
    case 4:
      return `(${a()} ${r.pick(['==', '!=', '<', '<=', '>', '>='])} ${a()})`;
    case 5:
      return `(${a()} ${r.pick(['&&', '||'])} ${a()})`;
    case 6:
      return `(${a()} ? ${a()} : ${a()})`;
    case 7:
      return `(${r.pick(CONSTANT_CALLS).replaceAll('$A', a).replaceAll('$B', a)})`;
    default:
      return `(${a()} ${r.pick(['+', '-', '*', '&', '|', '^'])} ${a()})`;
  }
}

/** Assertions about `expressions`, from our own results. Expressions that we find no constant give only their type. */
function assertions(expressions: readonly string[], declarations: string, parameters: string): { text: string; values: number } {
  const variables = expressions.map((e, i) => `extern __typeof__(${e}) t${i};`).join('\n');
  const c = compile(`${DECLARATIONS}${declarations}\nvoid f(${parameters}) {\n${variables}\n}\n`);
  assert.deepEqual(c.errors, []);
  const v = compile(`${DECLARATIONS}${declarations}\n${expressions.map((e, i) => `const __typeof__(${e}) v${i} = ${e};`).join('\n')}`);
  const lines: string[] = [];
  let values = 0;
  for (const [i, e] of expressions.entries()) {
    const { type } = c.variable(`t${i}`);
    lines.push(`_Static_assert(__builtin_types_compatible_p(__typeof__(${e}), ${formatType({ ...type, quals: 0 })}), "type of ${i}");`);
    const init = parameters === 'void' ? v.variable(`v${i}`).init : undefined;
    if (init?.kind !== 'scalar' || init.value.kind !== 'int' || !isInteger(type.type) || integerOf(type.type).size > 8) continue;
    values++;
    lines.push(`_Static_assert((${e}) == (__typeof__(${e}))0x${BigInt.asUintN(64, init.value.value).toString(16)}ull, "value of ${i}");`);
  }
  return { text: `${DECLARATIONS}${declarations}\nvoid f(${parameters}) {\n${lines.join('\n')}\n}\n`, values };
}

/** `t.c:12:1: error: …` of clang, with the line it is about. */
function explain(text: string, errors: string): string {
  const lines = text.split('\n');
  return errors.replace(/^<stdin>:(\d+):.*error.*$/gm, (m, n: string) => `${m}\n      ${lines[Number(n) - 1]}`).slice(0, 4000);
}

test('constant expressions have the type and value that clang gives them', { skip }, () => {
  const r = new Random(7);
  const expressions = Array.from({ length: 1500 }, () => constant(r, 4));
  const { text, values } = assertions(expressions, '', 'void');
  assert.ok(values > 1000, `only ${values} values`);
  assert.equal(explain(text, clangErrors(text, '-fwrapv', '-ferror-limit=5')), '');
});

const PARAMETERS = `char c, signed char sc, unsigned char uc, short h, unsigned short uh, int i, unsigned int u, long l, unsigned long ul,
  long long ll, unsigned long long ull, _Bool b, enum plus ep, enum minus em, enum big eb, struct bits *s, int *pi, const int *pci,
  void *pv, char *pc, int (*fn)(char), int (*pa)[4], const volatile unsigned char *pvc`;
const BITS = `struct bits { int i5 : 5; unsigned u5 : 5; unsigned u32 : 32; int i32 : 32; long l40 : 40; unsigned long ul20 : 20;
  unsigned long long ull33 : 33; _Bool b1 : 1; unsigned char uc7 : 7; enum plus e3 : 3; long m; int arr[3]; const char *str; };\n`;
const NUMBERS = [
  'c',
  'sc',
  'uc',
  'h',
  'uh',
  'i',
  'u',
  'l',
  'ul',
  'll',
  'ull',
  'b',
  'ep',
  'em',
  'eb',
  's->i5',
  's->u5',
  's->u32',
  's->i32',
  's->l40',
  's->ul20',
  's->ull33',
  's->b1',
  's->uc7',
  's->e3',
  's->m',
  '*pi',
  '*pci',
  'pi[1]',
  's->arr[2]',
  '*pvc',
  'pvc[0]',
  "'a'",
  '1',
  '2u',
  '3l',
  '4ull',
  'P7',
  'fn(c)',
];
const POINTERS = [
  'pi',
  'pci',
  'pc',
  's->arr',
  '&i',
  '&s->m',
  's->str',
  '"text"',
  '&s->arr[1]',
  'pa',
  '*pa',
  's',
  'pvc',
  '&pvc[3]',
  'fn',
  '&fn',
];

function number(r: Random, depth: number): string {
  if (depth === 0) return r.pick(NUMBERS);
  const a = (): string => number(r, depth - 1);
  switch (r.below(14)) {
    case 0:
      return `(${r.pick(['-', '~', '!', '+'])}${a()})`;
    case 1:
      return `((${r.pick(TYPES)})${a()})`;
    case 2:
      return `(${a()} ${r.pick(['<<', '>>'])} (${a()}))`;
    case 3:
      return `(${r.pick(['i', 'uc', 's->u5', 's->l40', 'b', 'h', 'ul', '*pi'])} ${r.pick(['=', '+=', '-=', '*=', '&=', '<<=', '>>='])} ${a()})`;
    case 4:
      return `(${a()} ${r.pick(['==', '<', '>='])} ${a()})`;
    case 5:
      return `(${a()} ? ${a()} : ${a()})`;
    case 6:
      return `(${a()} ?: ${a()})`;
    case 7:
      return `(${a()}, ${a()})`;
    case 8:
      return `({ ${a()}; ${a()}; })`;
    case 9:
      return `(${r.pick(['i', 'uc', 's->u5', 'l', 'b'])}${r.pick(['++', '--'])})`;
    case 10:
      return `(${r.pick(['pi - pci', '(pi + 1) - pi', 'pc - s->str', '(long)pc', '(unsigned)(long)pc', 'pi == pci', 'pv == pi', '!pi', 'pi && pc'])})`;
    case 11:
      return `(*${pointerTo(r, depth - 1)})`;
    default:
      return `(${a()} ${r.pick(['+', '-', '*', '/', '%', '&', '|', '^'])} ${a()})`;
  }
}

/** A pointer to int. */
function pointerTo(r: Random, depth: number): string {
  return r.pick([
    `(pi + ${number(r, depth)})`,
    `(&pi[${number(r, depth)}])`,
    `(pci - ${number(r, depth)})`,
    '(s->arr)',
    '(pi ?: pci)',
    '((int *)pv)',
  ]);
}

function pointer(r: Random): string {
  const p = (): string => r.pick(POINTERS);
  switch (r.below(8)) {
    case 0:
      return `(pi + ${number(r, 1)})`;
    case 1:
      return `(i ? pi : ${r.pick(['0', '(void *)0', 'pv', 'pci', 'pi'])})`;
    case 2:
      return `(pv ? pv : ${p()})`;
    case 3:
      return `(&*${r.pick(['pi', 'pci', 'pc'])})`;
    case 4:
      return `((const void *)${p()})`;
    case 5:
      return `(pi += ${number(r, 1)})`;
    case 6:
      return `(pv + ${number(r, 1)})`;
    default:
      return p();
  }
}

test('expressions have the type that clang gives them', { skip }, () => {
  const r = new Random(11);
  const expressions = Array.from({ length: 2000 }, (_, i) => (i % 5 === 0 ? pointer(r) : number(r, 3)));
  const { text } = assertions(expressions, BITS, PARAMETERS);
  assert.equal(explain(text, clangErrors(text, '-ferror-limit=5')), '');
});
