import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, complaints, exprOf, parseText } from './fake-actions.ts';

const cases = (name: string, table: Readonly<Record<string, string>>): void => {
  for (const [text, expected] of Object.entries(table)) test(`${name}: ${text}`, () => assert.equal(exprOf(text), expected));
};

// C11 6.5: precedence from multiplicative down to comma, and associativity.
cases('precedence', {
  'a + b * c': '(a + (b * c))',
  'a * b + c': '((a * b) + c)',
  'a - b - c': '((a - b) - c)',
  'a << b + c >> d': '((a << (b + c)) >> d)',
  'a < b << c': '(a < (b << c))',
  'a == b < c != d': '((a == (b < c)) != d)',
  'a & b == c': '(a & (b == c))',
  'a | b ^ c & d': '(a | (b ^ (c & d)))',
  'a || b && c | d': '(a || (b && (c | d)))',
  'a && b || c && d': '((a && b) || (c && d))',
  'a ? b : c ? d : e': '(a ? b : (c ? d : e))',
  'a ? b, c : d': '(a ? (b , c) : d)',
  'a ?: b': '(a ?  : b)',
  'a || b ? c : d': '((a || b) ? c : d)',
  'a = b = c': '(a = (b = c))',
  'a += b ? c : d': '(a += (b ? c : d))',
  'a <<= b >>= c': '(a <<= (b >>= c))',
  'a, b = c, d': '((a , (b = c)) , d)',
  'a % b / c': '((a % b) / c)',
  '(a + b) * c': '((a + b) * c)',
});

cases('unary', {
  '-a * !b': '((-a) * (!b))',
  '- -a': '(-(-a))',
  '~a + +b': '((~a) + (+b))',
  '*p++': '(*(p++))',
  '(*p)++': '((*p)++)',
  '++*p': '(++(*p))',
  '--a - b--': '((--a) - (b--))',
  '&a[1]': '(&a[1])',
  '&*p': '(&(*p))',
  '!a == b': '((!a) == b)',
  '-(int)a': '(-<int>a)',
  '__extension__ a + b': '(a + b)',
});

cases('postfix', {
  'a.b->c[1](2, 3)': 'a.b->c[1](2, 3)',
  'f()()': 'f()()',
  'f((a, b), c)': 'f((a , b), c)',
  'a[b, c]': 'a[(b , c)]',
  '(*f)(a)': '(*f)(a)',
  'm.lookup(&k)': 'm::lookup((&k))',
  'm.delete(&k)': 'm::delete((&k))',
  // A member that only looks like a method: no call follows, or it is reached through a pointer.
  'm.lookup': 'm.lookup',
  'm->lookup(k)': 'm->lookup(k)',
  'm.other(k)': 'm.other(k)',
});

cases('types in expressions', {
  '(int)a + b': '(<int>a + b)',
  '(int)(a)': '<int>a',
  '(u32)a': '<u32>a',
  '(a)+b': '(a + b)',
  '(u32)+b': '<u32>(+b)',
  '(u32)&a': '<u32>(&a)',
  '(void (*)(int))p': '<pointer to function(int) returning void>p',
  '(struct s *)(void *)p': '<pointer to struct s><pointer to void>p',
  '(struct s){1, 2}.x': '<struct s>{1, 2}.x',
  '&(struct s){ .a = 1 }': '(&<struct s>{.a=1})',
  '(int[]){1, 2}[0]': '<array of int>{1, 2}[0]',
  'sizeof(int)': 'sizeof<int>',
  'sizeof(u32) * 2': '(sizeof<u32> * 2)',
  'sizeof(a) * 2': '(sizeof(a) * 2)',
  'sizeof a->b': 'sizeof(a->b)',
  'sizeof (a)[0]': 'sizeof(a[0])',
  'sizeof (int){1}': 'sizeof(<int>{1})',
  'sizeof(int) - 1': '(sizeof<int> - 1)',
  'sizeof(char[3][4])': 'sizeof<array 3 of array 4 of char>',
  'sizeof *p * 2': '(sizeof((*p)) * 2)',
  'sizeof -x': 'sizeof((-x))',
  '_Alignof(long)': 'alignof<long>',
  '__alignof__(x)': 'alignof<const struct typeof(x)>',
  '(typeof(a))b': '<const struct typeof(a)>b',
  '(typeof_unqual(a))b': '<struct typeof(a)>b',
  '(const volatile int *)p': '<pointer to const volatile int>p',
  '_Generic(a, int: 1, char *: b, default: c)': 'generic(a; int: 1, pointer to char: b, default: c)',
});

cases('builtins and GNU', {
  '__builtin_offsetof(struct s, a.b[2].c)': '__builtin_offsetof<struct s, .a.b[2].c>',
  '__builtin_types_compatible_p(int, u32)': '__builtin_types_compatible_p<int, u32>',
  '__builtin_preserve_access_index(&a->b)': '__builtin_preserve_access_index<(&a->b)>',
  '__builtin_expect(!!(x), 0)': '__builtin_expect<(!(!x)), 0>',
  '({ int a = 1; a; })': '({var a; a;})',
  '({ f(); }) + 1': '(({f();}) + 1)',
  __func__: '"f"',
  '"a" "b"': '"ab"',
});

test('typedef names are asked for, variables shadow them', () => {
  assert.equal(
    bodyOf('u32 x; { int u32 = 2; x = (u32) - 1; u32 * x; } (u32) - 1; u32 * y;'),
    'var x; {var u32; (x = (u32 - 1)); (u32 * x);} <u32>(-1); var y;',
  );
});

test('what is no expression is named', () => {
  assert.deepEqual(complaints('void f(void) { x = ; }'), ["expected-expression@1:20 expected an expression; found ';'"]);
  assert.deepEqual(complaints('void f(void) { x = a + int; }'), [
    "expected-expression@1:24 expected an expression; found 'int', which starts a declaration or a type",
  ]);
  assert.deepEqual(complaints('void f(void) { x = (1; }'), ["unclosed-bracket@1:22 expected ')'; found ';'"]);
  assert.deepEqual(complaints('void f(void) { x = a ? b; }'), ["expected-token@1:25 expected ':' of '?:'; found ';'"]);
  assert.deepEqual(complaints('void f(void) { a.1; }'), ["expected-semicolon@1:17 expected ';' after an expression; found the number .1"]);
  assert.deepEqual(complaints('void f(void) { p->if; }'), [
    "expected-identifier@1:19 expected an identifier after '->'; found 'if', which is a keyword",
  ]);
  assert.deepEqual(complaints('int x = __real__ y;'), ['complex-number@1:9 complex numbers are not supported: BPF has no floating point']);
  assert.deepEqual(complaints('int x = ({ 1; });'), [
    'statement-expression-outside-function@1:9 a statement expression can only stand inside a function',
  ]);
});

test('an unclosed bracket points at its partner', () => {
  const { errors } = parseText('void f(void) { g(a, (b + c); }');
  assert.equal(errors.length, 1);
  assert.deepEqual(errors[0]?.notes, [{ message: "to match this '('", loc: 17 }]);
});
