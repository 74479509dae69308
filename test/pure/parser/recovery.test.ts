import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaints, parseText } from './fake-actions.ts';

test('a missing semicolon is reported behind what it should follow', () => {
  assert.deepEqual(complaints('void f(void) {\n  a = 1\n  b = 2;\n  c = }\n'), [
    "expected-semicolon@2:8 expected ';' after an expression; found 'b'",
    "expected-expression@4:7 expected an expression; found '}'",
  ]);
  assert.deepEqual(complaints('int x\nint y;'), ["expected-semicolon@1:6 expected ';' after a declaration; found 'int'"]);
  assert.deepEqual(complaints('struct s { int a\n int b; };'), ["expected-semicolon@1:17 expected ';' after a member; found 'int'"]);
  assert.deepEqual(complaints('void f(void) { return 1 }'), ["expected-semicolon@1:25 expected ';' after 'return'; found '}'"]);
});

test('one mistake does not hide the next', () => {
  assert.deepEqual(
    complaints(
      [
        'int f(int a {',
        '  return a;',
        '}',
        'int g(void) {',
        '  int x = ;',
        '  x = (1 + ;',
        '  if x) y();',
        '  for (i = 0; i < 3) z();',
        '  return x +;',
        '}',
        'struct s { int 3; int ok; };',
        'enum e { A, 4, B };',
        'int h(void) { }',
      ].join('\n'),
    ),
    [
      "unclosed-bracket@1:13 expected ',' or ')' after a parameter; found '{'",
      "expected-expression@5:11 expected an expression; found ';'",
      "expected-expression@6:12 expected an expression; found ';'",
      "expected-token@7:6 expected '(' after 'if'; found 'x'",
      "expected-semicolon@8:20 expected ';' after the condition of 'for'; found ')'",
      "expected-expression@9:13 expected an expression; found ';'",
      "expected-declarator@11:16 expected a name or '('; found the number 3",
      'expected-identifier@12:13 expected an identifier that names an enumerator; found the number 4',
    ],
  );
});

test('what is right is still understood after a mistake', () => {
  const { log } = parseText('int f(void) { int x = ; return x + 1; }\nint y = ];\nint z;');
  assert.deepEqual(
    log.filter((l) => l.startsWith('body') || l.includes('z')),
    ['body f {return (x + 1);}', 'global z: int'],
  );
});

test('missing braces', () => {
  const { errors } = parseText('void f(void) {\n  if (a) {\n    b();\n}\n');
  assert.deepEqual(
    errors.map((e) => [e.code, e.message, e.notes?.[0]?.loc]),
    [['unclosed-bracket', "expected '}'; found the end of the file", 14]],
  );
  assert.deepEqual(complaints('void f(void) { a; } }\nint x;'), ["extra-brace@1:21 this '}' closes nothing"]);
  assert.deepEqual(complaints('void f(void) {\n if (a) {\n }\nvoid g(void) { int y = ; }\n}'), [
    "nested-function@4:6 function 'g' is defined inside function 'f': BPF cannot have nested functions (is a '}' missing before it?)",
  ]);
  assert.deepEqual(complaints('struct s { int a;\nint f(void) { }'), [
    "expected-semicolon@2:13 expected ';' after a member; found '{'",
    "unclosed-bracket@2:16 expected '}' at the end of struct s; found the end of the file",
  ]);
});

test('small slips', () => {
  assert.deepEqual(complaints('void f(void) { else a; }'), ["else-without-if@1:16 'else' without an 'if' before it"]);
  assert.deepEqual(complaints('void f(void) { if (a) int x; }'), [
    "declaration-as-statement@1:23 a declaration cannot stand directly after 'if (…)': put it into { }",
  ]);
  assert.deepEqual(complaints('void f(void) { while (a) }'), ["expected-statement@1:26 expected a statement after 'while (…)'; found '}'"]);
  assert.deepEqual(complaints('void f(void) { switch (a) { case 1; b; } }'), ["expected-token@1:35 expected ':' after 'case'; found ';'"]);
  assert.deepEqual(complaints('int 3x;'), ["expected-declarator@1:5 expected a name or '('; found the number 3x"]);
  assert.deepEqual(complaints('int int;'), ["two-types@1:5 'int' after another type: a declaration has one type"].slice(1));
  assert.deepEqual(complaints('int x = 1 2;'), ["expected-semicolon@1:11 expected ';' after a declaration; found the number 2"]);
  assert.deepEqual(complaints('struct { int a; } ; int y'), [
    "expected-semicolon@1:26 expected ';' after a declaration; found the end of the file",
  ]);
  assert.deepEqual(complaints('@ int x;'), ["expected-declaration@1:1 expected a declaration; found '@'"]);
  assert.deepEqual(complaints('x + 1;'), [
    "implicit-int@1:1 no type before 'x': int is assumed",
    "expected-semicolon@1:3 expected ';' after a declaration; found '+'",
  ]);
});

/** Everything that was begun is finished, whatever the input. */
function balanced(text: string): void {
  const { actions, errors } = parseText(text, 100_000);
  if (errors.some((e) => e.code === 'nesting-too-deep')) return;
  assert.equal(actions.open, 0, text.slice(0, 200));
  assert.equal(actions.depth, 0, text.slice(0, 200));
}

const SAMPLE = `
struct s { int a : 3; union { int x; long y[2]; } u; } __attribute__((packed));
enum e { A = 1, B, };
typedef int (*fn)(struct s *p, ...);
static inline int g(int n, const char *fmt) {
  int total = 0, v[3] = { [1] = 2, };
  for (int i = 0; i < n; i++) { if (v[i] > 2) continue; else total += ({ int t = v[i]; t; }); }
  switch (total) { case 1: case 3 ... 5: total--; break; default: goto out; }
  do { total = total ? (int)sizeof(struct s) : -1; } while (0);
out:
  asm volatile("" : "+r"(total) : : "memory");
  return total;
}
int h(a) int a; { return g(a, "x"); }
`;

test('every prefix of a program ends in errors, not in a hang or a crash', () => {
  for (let n = 0; n <= SAMPLE.length; n++) balanced(SAMPLE.slice(0, n));
});

test('tokens deleted, doubled and swapped at random', () => {
  const tokens = SAMPLE.match(/\w+|"[^"]*"|\.\.\.|\S/g) ?? [];
  let seed = 12345;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % n;
  };
  for (let round = 0; round < 3000; round++) {
    const mutated = [...tokens];
    for (let k = 0; k <= random(4); k++) {
      const at = random(mutated.length);
      const other = mutated[random(mutated.length)] ?? '';
      mutated.splice(at, random(2), ...(random(2) === 0 ? [] : [other]));
    }
    balanced(mutated.join(random(3) === 0 ? '\n' : ' '));
  }
});

test('nesting has a limit', () => {
  const deep = (text: string): string[] => parseText(text, 100_000).errors.map((e) => e.code);
  const within = 200;
  const beyond = 20_000;
  const shapes: Readonly<Record<string, (n: number) => string>> = {
    parentheses: (n) => `int x = ${'('.repeat(n)}1${')'.repeat(n)};`,
    unary: (n) => `int x = ${'-'.repeat(0)}${'!'.repeat(n)}1;`,
    casts: (n) => `int x = ${'(int)'.repeat(n)}1;`,
    blocks: (n) => `void f(void) ${'{'.repeat(n)}${'}'.repeat(n)}`,
    ifs: (n) => `void f(void) { ${'if (a) '.repeat(n)} b; }`,
    loops: (n) => `void f(void) { ${'while (a) '.repeat(n)} b; }`,
    cases: (n) => `void f(void) { switch (a) { ${'case 1: '.repeat(n)} b; } }`,
    labels: (n) => `void f(void) { ${Array.from({ length: n }, (_, i) => `l${i}: `).join('')} ; }`,
    pointers: (n) => `int ${'*'.repeat(n)}p;`,
    arrays: (n) => `int a${'[1]'.repeat(n)};`,
    calls: (n) => `int x = ${'f('.repeat(n)}1${')'.repeat(n)};`,
    indices: (n) => `int x = ${'a['.repeat(n)}1${']'.repeat(n)};`,
    conditionals: (n) => `int x = ${'a ? b : '.repeat(n)} c;`,
    thens: (n) => `int x = ${'a ? '.repeat(n)} 1 ${': b'.repeat(n)};`,
    assignments: (n) => `void f(void) { ${'a = '.repeat(n)} c; }`,
    declarators: (n) => `int ${'('.repeat(n)}x${')'.repeat(n)};`,
    parameters: (n) => `int ${'f(int '.repeat(n)}x${')'.repeat(n)};`,
    structs: (n) => `${'struct {'.repeat(n)} int a; ${'} x;'.repeat(n)}`,
    initializers: (n) => `int x = ${'{'.repeat(n)}1${'}'.repeat(n)};`,
    sizeofs: (n) => `int x = ${'sizeof '.repeat(n)} a;`,
    typeofs: (n) => `${'typeof('.repeat(n)} int ${')'.repeat(n)} x;`,
    statementExpressions: (n) => `void f(void) { ${'({'.repeat(n / 2)} 1; ${'});'.repeat(n / 2)} }`,
    elses: (n) => `void f(void) { ${'if (a) b; else '.repeat(n)} c; }`,
    attributes: (n) => `int x __attribute__((aligned(${'('.repeat(n)}1${')'.repeat(n)})));`,
    generics: (n) => `int x = ${'_Generic('.repeat(n)} a, int: 1 ${', default: 1)'.repeat(n)};`,
  };
  for (const [name, shape] of Object.entries(shapes)) {
    assert.deepEqual(deep(shape(within)), [], `${name} ${within}`);
    assert.ok(deep(shape(beyond)).includes('nesting-too-deep'), `${name} ${beyond}`);
  }
});

test('long rows are no nesting, but have a limit too', () => {
  const codes = (text: string): string[] => parseText(text).errors.map((e) => e.code);
  assert.deepEqual(codes(`int x = 1${' + 1'.repeat(1999)};`), []);
  assert.deepEqual(codes(`int x = 1${' + 1'.repeat(5000)};`), ['nesting-too-deep']);
  assert.deepEqual(codes(`int a[] = { ${'1, '.repeat(20_000)} };`), []);
  assert.deepEqual(codes(`void f(void) { ${'a = 1; '.repeat(20_000)} }`), []);
  assert.deepEqual(codes(`int x = f(${'1, '.repeat(5000)} 1);`), []);
});
