/**
 * The typed tree, as lowering reads it: every conversion a node, places and values apart, constants folded. Expected
 * trees follow from C11 6.3 to 6.5 and the comments of ast.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InitItem, VarDecl } from '../../../src/compiler/c/ast.ts';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import { compile, expressions, show, typed } from './support.ts';

function tree(declarations: string, expression: string): string {
  const [only, ...rest] = typed(declarations, `${expression};`);
  assert.deepEqual(rest, []);
  return only as string;
}

function rows(name: string, declarations: string, cases: readonly (readonly [string, string])[]): void {
  test(name, () => {
    for (const [text, expected] of cases) assert.equal(tree(declarations, text), expected, text);
  });
}

const VARS = `
char c; unsigned char uc; short h; int i; unsigned u; long l; unsigned long ul; _Bool b; enum e { A, B = 5 } en; void *pv; char *pc; int *pi; const int *pci;
int arr[4]; int grid[2][3]; struct s { int a; char b[4]; unsigned f : 3; struct { short in; }; union { long v; char w; }; const char *str; } s, *ps, fs(void);
volatile int vi; int fn(int, char), vf(const char *, ...), (*fp)(int); __int128 wide;
`;

rows('arithmetic converts its operands', VARS, [
  ['c + uc', '(+:int integral(load(c))→int integral(load(uc))→int)'],
  ['i + u', '(+:unsigned int integral(load(i))→unsigned int load(u))'],
  ['u + l', '(+:long integral(load(u))→long load(l))'],
  ['l + ul', '(+:unsigned long integral(load(l))→unsigned long load(ul))'],
  ['h << l', '(<<:int integral(load(h))→int load(l))'],
  ['-uc', '(-:int integral(load(uc))→int)'],
  ['~u', '(~:unsigned int load(u))'],
  ['!c', '(!:int load(c))'],
  ['!pi', '(!:int load(pi))'],
  ['+h', 'integral(load(h))→int'],
  ['c < u', '(<:int integral(load(c))→unsigned int load(u))'],
  ['en + 1', '(+:unsigned int noop(load(en))→unsigned int 1:unsigned int)'],
  ['b + b', '(+:int integral(load(b))→int integral(load(b))→int)'],
  ['s.f + 1', '(+:int integral(load(s.f))→int 1:int)'],
  ['c && pi', '(&& load(c) load(pi))'],
  ['wide * 2', '(*:__int128 load(wide) 2:__int128)'],
]);

rows('constants are computed', VARS, [
  ['2 + 3 * 4', '14:int'],
  ['1u - 2', '4294967295:unsigned int'],
  ['sizeof(s)', '32:unsigned long'],
  ['sizeof arr / sizeof arr[0]', '4:unsigned long'],
  ['(char)300', '44:char'],
  ['(unsigned char)-1', '255:unsigned char'],
  ['B', '5:int'],
  ["'a'", '97:int'],
  ['!5', '0:int'],
  ['~0', '-1:int'],
  ['1 ? c : l', 'integral(load(c))→long'],
  ['0 && fn(1, 2)', '0:int'],
  ['1 || fn(1, 2)', '1:int'],
  ['(long)&((struct s *)0)->str', '24:long'],
  ['(unsigned)&((struct s *)8)->b[1]', '13:unsigned int'],
  ['_Alignof(long)', '8:unsigned long'],
  ['(_Bool)7', '1:_Bool'],
  ['sizeof("ab" "c")', '4:unsigned long'],
  ['__builtin_offsetof(struct s, w)', '16:unsigned long'],
]);

rows('pointers', VARS, [
  ['pi + c', '(ptr+4 load(pi) integral(load(c))→long)'],
  ['u + pi', '(ptr+4 load(pi) integral(load(u))→unsigned long)'],
  ['pi - 1', '(ptr-4 load(pi) 1:long)'],
  ['pv + 1', '(ptr+1 load(pv) 1:long)'],
  ['pi - arr', '(ptrdiff4 load(pi) decay(arr)→int *)'],
  ['arr[i]', 'load(*(ptr+4 decay(arr)→int * integral(load(i))→long))'],
  ['1[arr]', 'load(*(ptr+4 decay(arr)→int * 1:long))'],
  ['grid[1][i]', 'load(*(ptr+4 decay(*(ptr+12 decay(grid)→int (*)[3] 1:long))→int * integral(load(i))→long))'],
  ['&arr[2]', '(ptr+4 decay(arr)→int * 2:long)'],
  ['&*pi', 'load(pi)'],
  ['&i', '&i'],
  ['&arr', '&arr'],
  ['*pc', 'load(*load(pc))'],
  ['pi == 0', '(==:int load(pi) nullToPointer(0:int)→int *)'],
  ['pv == pi', '(==:int load(pv) pointer(load(pi))→void *)'],
  ['(long)pi', 'pointerToInt(load(pi))→long'],
  ['(int)(long)pi', 'integral(pointerToInt(load(pi))→long)→int'],
  ['(unsigned)(unsigned long)pv', 'integral(pointerToInt(load(pv))→unsigned long)→unsigned int'],
  ['(char *)i', 'intToPointer(integral(load(i))→long)→char *'],
  ['(char *)u', 'intToPointer(integral(load(u))→unsigned long)→char *'],
  ['(_Bool)pi', 'toBool(load(pi))→_Bool'],
  ['i ? pi : 0', '(?:int * load(i) load(pi) nullToPointer(0:int)→int *)'],
  ['i ? pi : pci', '(?:const int * load(i) pointer(load(pi))→const int * load(pci))'],
  ['i ? pi : pv', '(?:void * load(i) pointer(load(pi))→void * load(pv))'],
  ['pi ?: 0', '(?:int * load(pi) - nullToPointer(0:int)→int *)'],
  ['c ?: l', '(?:long integral(load(c))→long - load(l))'],
  ['"ab"[i]', 'load(*(ptr+1 decay("ab\\u0000")→char * integral(load(i))→long))'],
]);

rows('members', VARS, [
  ['s.a', 'load(s.a)'],
  ['ps->a', 'load(*load(ps).a)'],
  ['ps->in', 'load(*load(ps).<anonymous>.in)'],
  ['(*ps).w', 'load(*load(ps).<anonymous>.w)'],
  ['ps->b[1]', 'load(*(ptr+1 decay(*load(ps).b)→char * 1:long))'],
  ['ps->b', 'toVoid(*load(ps).b)'],
  ['fs().a', 'fs():struct s.a'],
  ['&ps->str', '&*load(ps).str'],
  ['&ps->b[2]', '(ptr+1 decay(*load(ps).b)→char * 2:long)'],
]);

rows('assignment', VARS, [
  ['i = c', '(= i integral(load(c))→int)'],
  ['c = i', '(= c integral(load(i))→char)'],
  ['b = i', '(= b toBool(load(i))→_Bool)'],
  ['b = pi', '(= b toBool(load(pi))→_Bool)'],
  ['pi = 0', '(= pi nullToPointer(0:int)→int *)'],
  ['pi = pv', '(= pi pointer(load(pv))→int *)'],
  ['pv = arr', '(= pv pointer(decay(arr)→int *)→void *)'],
  ['en = 5', '(= en 5:enum e)'],
  ['u = -1', '(= u 4294967295:unsigned int)'],
  ['s = *ps', '(= s load(*load(ps)))'],
  ['s.f = 5', '(= s.f 5:unsigned int)'],
  ['i = l = 3', '(= i integral((= l 3:long))→int)'],
  ['c += i', '(+=:int c load(i))'],
  ['c += 1', '(+=:int c 1:int)'],
  ['uc <<= l', '(<<=:int uc load(l))'],
  ['i -= u', '(-=:unsigned int i load(u))'],
  ['l *= c', '(*=:long l integral(load(c))→long)'],
  ['pi += i', '(+=:int *4 pi integral(load(i))→long)'],
  ['pc -= 2', '(-=:char *1 pc 2:long)'],
  ['i++', '(post+=:int i 1:int)'],
  ['--c', '(-=:int c 1:int)'],
  ['++pi', '(+=:int *4 pi 1:long)'],
  ['ul++', '(post+=:unsigned long ul 1:unsigned long)'],
  ['i, l', '(, load(i) load(l))'],
]);

rows('calls', VARS, [
  ['fn(c, i)', 'fn(integral(load(c))→int, integral(load(i))→char):int'],
  [
    'vf("a", c, h, arr)',
    'vf(pointer(decay("a\\u0000")→char *)→const char *, integral(load(c))→int, integral(load(h))→int, decay(arr)→int *):int',
  ],
  ['fp(1)', 'load(fp)(1:int):int'],
  ['(*fp)(1)', 'load(fp)(1:int):int'],
  ['(&fn)(1, 2)', 'fn(1:int, 2:char):int'],
  ['(void)i', 'toVoid(load(i))'],
]);

rows('discarded values', VARS, [
  ['vi', 'load(vi)'],
  ['s', 'toVoid(s)'],
  ['arr', 'toVoid(arr)'],
  ['fn', 'toVoid(fn)'],
  ['*pv', 'toVoid(*load(pv))'],
]);

rows('statement expressions', VARS, [
  ['({ int k = 1; k + 1; })', '({1 (+:int load(k) 1:int)})'],
  ['({ i; arr; })', '({1 decay(arr)→int *})'],
  ['({ s; }).a', '({0 load(s)}).a'],
  ['({ int k; })', '({1 })'],
]);

test('statements convert what they need', () => {
  const c = compile(`${VARS}
char f(int n, const char *p) {
  if (p) return n;
  while (n) n--;
  switch (uc) { case 1 ... 3: case -1: break; default: return 'x'; }
  return p ? p[1] : 0;
}
void g(void) { return (void)i; }`);
  assert.deepEqual(c.messages, []);
  assert.deepEqual(expressions(c.function('f')), [
    'if load(p)',
    'return integral(load(n))→char',
    'loop',
    'switch',
    'return integral((?:int load(p) integral(load(*(ptr+1 load(p) 1:long)))→int 0:int))→char',
  ]);
  const sw = c.function('f').body?.body[2];
  assert.ok(sw?.kind === 'switch');
  assert.equal(show(sw.value), 'integral(load(uc))→int');
  assert.deepEqual(
    sw.cases.map((k) => [k.low, k.high]),
    [
      [1n, 3n],
      [-1n, -1n],
      [undefined, undefined],
    ],
  );
});

/* ---------- declarations ---------- */

function initOf(v: VarDecl): string[] {
  const value = (i: InitItem): string => (i.value.kind === 'bytes' ? JSON.stringify([...i.value.bytes]) : show(i.value));
  switch (v.init?.kind) {
    case undefined:
      return [];
    case 'scalar':
      return [show(v.init.value)];
    case 'string':
      return [JSON.stringify([...v.init.bytes])];
    case 'list':
      return v.init.items.map((i) => `${i.offset}${i.bit ? `:${i.bit.offset}+${i.bit.width}` : ''} ${formatType(i.type)} ${value(i)}`);
    default:
      return v.init satisfies never;
  }
}

function locals(body: string, name: string): VarDecl {
  const c = compile(`${VARS} void f(int n) { ${body} }`);
  assert.deepEqual(c.messages, []);
  for (const s of c.function('f').body?.body ?? []) if (s.kind === 'decl') for (const v of s.vars) if (v.name === name) return v;
  throw new Error(`no local ${name}`);
}

test('initialisers are flat and in order', () => {
  assert.deepEqual(initOf(locals('int a = c;', 'a')), ['integral(load(c))→int']);
  assert.deepEqual(initOf(locals('struct s x = { .str = pc, .f = n, .a = 1, .b = "hi" };', 'x')), [
    '0 int 1:int',
    '4 char[4] [104,105,0]',
    '8:0+3 unsigned int integral(load(n))→unsigned int',
    '24 const char * pointer(load(pc))→const char *',
  ]);
  assert.deepEqual(initOf(locals('struct s x = s;', 'x')), ['load(s)']);
  assert.deepEqual(initOf(locals('struct s x = {};', 'x')), []);
  assert.deepEqual(initOf(locals('int x[] = { [1 ... 2] = 7, n };', 'x')), ['4 int 7:int', '8 int 7:int', '12 int load(n)']);
  assert.equal(formatType(locals('int x[] = { [1 ... 2] = 7, n };', 'x').type), 'int[4]');
  assert.deepEqual(initOf(locals('char x[] = "ab";', 'x')), ['[97,98,0]']);
  assert.deepEqual(initOf(locals('struct { struct s in; int z; } x = { s, 5 };', 'x')), ['0 struct s load(s)', '32 int 5:int']);
  assert.deepEqual(initOf(locals('struct s x = (struct s){ .a = n };', 'x')), ['0 int load(n)']);
});

test('objects: storage, scope, names', () => {
  const c = compile(`
extern int first; int first = 3;
static int second; static int second = 4;
int tentative[]; int tentative[3];
int f(void) { static int count; { static int count = 2; count++; } extern int elsewhere; return count + elsewhere; }
extern const void ksym;
`);
  assert.deepEqual(c.messages, []);
  assert.deepEqual(
    c.unit?.variables.map((v) => `${v.storage} ${v.scope} ${v.name} ${formatType(v.type)}`),
    [
      'global file first int',
      'static file second int',
      'global file tentative int[3]',
      'static local f.count int',
      'static local f.count.1 int',
      'extern file elsewhere int',
      'extern file ksym const void',
    ],
  );
});

test('what has its address taken is marked', () => {
  const c = compile(
    'struct p { int x; }; void g(void *);\nvoid f(int a, int b) { int i, j; struct p s, t; int arr[2]; g(&i); g(&s.x); g(&b); j = a; t = s; arr[0] = 1; }',
  );
  const fn = c.function('f');
  const vars = (fn.body?.body ?? []).flatMap((s) => (s.kind === 'decl' ? s.vars : []));
  assert.deepEqual(
    [...fn.params, ...vars].filter((v) => v.addressTaken).map((v) => v.name),
    ['b', 'i', 's'],
  );
});

test('qualifiers go from an object to its parts', () => {
  const c = compile(`
#define __user __attribute__((btf_type_tag("user")))
struct in { int x; char name[8]; const char *p; };
void f(const volatile struct in *a, struct in __user *u, int __attribute__((btf_type_tag("rcu"))) *r) {
  __typeof__(&a->x) t1; __typeof__(a->name[0]) t2; __typeof__(&u->x) t3; __typeof__(*r) t4; __typeof__(u->p) t5; __typeof__(&u->name) t6; }
`);
  assert.deepEqual(c.errors, []);
  const vars = (c.function('f').body?.body ?? []).flatMap((s) => (s.kind === 'decl' ? s.vars : []));
  assert.deepEqual(
    vars.map((v) => formatType(v.type)),
    ['const volatile int *', 'const volatile char', '__user int *', '__rcu int', 'const char *__user', '__user char (*)[8]'],
  );
});

test('one mistake makes one message', () => {
  const c = compile(`
struct point { int x; };
int f(struct point *p, int n) {
  int a = nope + 1;
  unknown_t *q = n;
  a = p->y.z[3]->w(1, 2);
  q->field++;
  undeclared(n, nope2)->x = 5;
  for (int i = 0; i < missing; i++) a += i;
  return a ? q : nope;
}`);
  assert.deepEqual(
    c.messages.map((m) => m.split(' ').slice(0, 3).join(' ')),
    [
      'error undeclared-identifier 4:11',
      'error unknown-type 5:3',
      'error no-member 6:10',
      'error undeclared-identifier 8:17',
      'error undeclared-function 8:3',
      'error undeclared-identifier 9:23',
      'error undeclared-identifier 10:18',
    ],
  );
});

test('notes point to what the mistake is about', () => {
  const c = compile('int g(int a);\nstruct s { int a; };\nvoid f(struct s *p) { g(); p->b = 1; }\nstruct s { int b; };');
  assert.deepEqual(c.messages, [
    "error bad-argument-count 3:23 'g' takes 1 argument; found 0\n  1:5 'g' is declared here",
    "error no-member 3:31 'struct s' has no member 'b'; it has 'a'\n  2:8 declared here",
    "error redefinition 4:8 'struct s' is defined twice\n  2:8 first defined here",
  ]);
});
