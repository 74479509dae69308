/** Builtins: what they become, and what they refuse. The table of nodes stands in builtins.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, typed } from './support.ts';

const VARS = `
int i, *pi; unsigned u; long l; unsigned long ul, *pul; short h; char c, buf[16], *pc; _Bool b; void *pv; unsigned char uc; int **pp;
struct s { int a; struct { int b : 3; long c; } in; int arr[4]; } s, *ps; enum e { ZERO, ONE, TWO = 2, ALSO = 2 };
`;

function rows(name: string, cases: readonly (readonly [string, string])[]): void {
  test(name, () => {
    for (const [text, expected] of cases) assert.deepEqual(typed(VARS, `${text};`), [expected], text);
  });
}

rows('memory', [
  [
    '__builtin_memcpy(buf, ps, sizeof(*ps))',
    '@memcpy(pointer(decay(buf)→char *)→void *, pointer(load(ps))→const void *, 40:unsigned long):void *',
  ],
  ['memset(&s, 0, i)', '@memset(pointer(&s)→void *, 0:int, integral(load(i))→unsigned long):void *'],
  ['__builtin_memcmp("ab", "ac", 2)', '-1:int'],
  ['__builtin_memcmp("ab", "ac", 1)', '0:int'],
  [
    '__builtin_memcmp(pc, "ac", 2)',
    '@memcmp(pointer(load(pc))→const void *, pointer(decay("ac\\u0000")→char *)→const void *, 2:unsigned long):int',
  ],
  ['__builtin_strlen("hello")', '5:unsigned long'],
  ['__builtin_strlen("hel\\0lo" + 1)', '2:unsigned long'],
  ['__builtin_strcmp("a", "b")', '-1:int'],
  ['__builtin_strncmp("ab", "ac", 1)', '0:int'],
  [
    'strcpy(buf, "hi")',
    'pointer(@memcpy(pointer(decay(buf)→char *)→void *, pointer(decay("hi\\u0000")→char *)→const void *, 3:unsigned long):void *)→char *',
  ],
  ['__builtin_object_size(buf, 0)', '16:unsigned long'],
  ['__builtin_object_size(&buf[4], 0)', '12:unsigned long'],
  ['__builtin_object_size(pc, 0)', '18446744073709551615:unsigned long'],
  ['__builtin_object_size(pc, 2)', '0:unsigned long'],
  ['__builtin_prefetch(pc)', 'toVoid(pointer(load(pc))→const void *)'],
]);

rows('bits', [
  ['__builtin_bswap16(i)', '@bswap16(integral(load(i))→unsigned short):unsigned short'],
  ['__builtin_bswap32(0x11223344)', '1144201745:unsigned int'],
  ['__builtin_bswap64(ul)', '@bswap64(load(ul)):unsigned long'],
  ['__builtin_clz(u)', '@clz32(load(u)):int'],
  ['__builtin_ctzll(i)', '@ctz64(integral(load(i))→unsigned long long):int'],
  ['__builtin_popcountl(ul)', '@popcount64(load(ul)):int'],
  ['__builtin_ffs(0x50)', '5:int'],
  ['__builtin_parity(7)', '1:int'],
  ['__builtin_clzg(u)', '@clz32(load(u)):int'],
  ['__builtin_abs(i)', '@abs32(load(i)):int'],
  ['__builtin_rotateleft32(u, 3)', '@rotateLeft(load(u), 3:unsigned int):unsigned int'],
  ['__builtin_rotateright8(0x81, 1)', '192:unsigned char'],
]);

rows('overflow: the type to compute in holds the operands and tells what the result cannot hold', [
  ['__builtin_add_overflow(i, 1, &i)', '@addOverflow(load(i), 1:int, &i, int, int):_Bool'],
  ['__builtin_add_overflow(u, i, &i)', '@addOverflow(integral(load(u))→long, integral(load(i))→long, &i, long, int):_Bool'],
  [
    '__builtin_add_overflow(i, i, pul)',
    '@addOverflow(integral(load(i))→long, integral(load(i))→long, load(pul), long, unsigned long):_Bool',
  ],
  [
    '__builtin_mul_overflow(u, u, pul)',
    '@mulOverflow(integral(load(u))→unsigned long, integral(load(u))→unsigned long, load(pul), unsigned long, unsigned long):_Bool',
  ],
  ['__builtin_sub_overflow(ul, 1, pul)', '@subOverflow(load(ul), 1:unsigned long, load(pul), unsigned long, unsigned long):_Bool'],
  ['__builtin_sub_overflow(uc, uc, &i)', '@subOverflow(integral(load(uc))→int, integral(load(uc))→int, &i, int, int):_Bool'],
  ['__builtin_uaddl_overflow(ul, 5, pul)', '@addOverflow(load(ul), 5:unsigned long, load(pul), unsigned long, unsigned long):_Bool'],
]);

rows('atomics', [
  ['__sync_fetch_and_add(&i, 1)', '@atomicFetchAdd(&i, 1:int, 5):int'],
  ['__sync_fetch_and_sub(pul, i)', '@atomicFetchAdd(load(pul), (-:unsigned long integral(load(i))→unsigned long), 5):unsigned long'],
  ['__sync_add_and_fetch_8(pul, 2)', '@atomicAddFetch(load(pul), 2:unsigned long, 5):unsigned long'],
  ['__atomic_fetch_or(pi, 4, 0)', '@atomicFetchOr(load(pi), 4:int, 0):int'],
  ['__sync_lock_test_and_set(pp, pi)', '@atomicExchange(load(pp), load(pi), 5):int *'],
  ['__sync_val_compare_and_swap(pi, 1, 2)', '@atomicCompareSwap(load(pi), 1:int, 2:int):int'],
  ['__sync_bool_compare_and_swap(pi, 1, 2)', '@atomicCompareSwapBool(load(pi), 1:int, 2:int):_Bool'],
  ['__atomic_compare_exchange_n(pi, &i, 2, 0, 5, 5)', '@atomicCompareExchange(load(pi), &i, 2:int, 5):_Bool'],
  ['__atomic_load_n(pi, 2)', '@atomicLoad(load(pi), 2):int'],
  ['__atomic_store_n(&uc, 1, 0)', '@atomicStore(&uc, 1:unsigned char, 0):void'],
  ['__atomic_load(pi, &i, 5)', '(= *&i @atomicLoad(load(pi), 5):int)'],
  ['__sync_synchronize()', '@fence(5):void'],
]);

rows('CO-RE', [
  ['__builtin_preserve_access_index(&ps->in.c)', '@preserveAccessIndex(&*load(ps).in.c):long *'],
  ['__builtin_preserve_field_info(ps->in.b, 2)', '@preserveFieldInfo(*load(ps).in.b, 2):unsigned int'],
  [
    '__builtin_preserve_field_info(((struct s *)0)->arr[1], 0)',
    '@preserveFieldInfo(*(ptr+4 decay(*nullToPointer(0:int)→struct s *.arr)→int * 1:long), 0):unsigned int',
  ],
  ['__builtin_preserve_type_info(*(struct s *)0, 1)', '@preserveTypeInfo(struct s, 1):unsigned int'],
  ['__builtin_btf_type_id(*(struct s *)0, 1)', '@btfTypeId(struct s, 1):unsigned long'],
  ['__builtin_preserve_enum_value(*(__typeof__(enum e) *)ONE, 1)', '@preserveEnumValue(1:int, enum e, ONE):unsigned long'],
  ['__builtin_preserve_enum_value(*(enum e *)ZERO, 0)', '@preserveEnumValue(0:int, enum e, ZERO):unsigned long'],
  ['__builtin_preserve_enum_value(*(enum e *)ALSO, 1)', '@preserveEnumValue(1:int, enum e, ALSO):unsigned long'],
]);

rows('questions and hints', [
  ['__builtin_constant_p(3 + 4)', '1:int'],
  ['__builtin_constant_p(i)', '0:int'],
  ['__builtin_constant_p("x")', '1:int'],
  ['__builtin_constant_p(&i)', '0:int'],
  ['__builtin_types_compatible_p(int, const int)', '1:int'],
  ['__builtin_types_compatible_p(int *, const int *)', '0:int'],
  ['__builtin_types_compatible_p(enum e, unsigned)', '1:int'],
  ['__builtin_types_compatible_p(int[], int[4])', '1:int'],
  ['__builtin_choose_expr(0, ps, i)', 'load(i)'],
  ['__builtin_expect(!!i, 1)', '@expect(integral((!:int (!:int load(i))))→long, 1:long):long'],
  ['__builtin_offsetof(struct s, arr[2])', '32:unsigned long'],
  [
    '__builtin_offsetof(struct s, arr[i])',
    '(+:unsigned long (*:unsigned long integral(load(i))→unsigned long 4:unsigned long) 24:unsigned long)',
  ],
  ['__builtin_assume(i > 0)', '@assume((>:int load(i) 0:int)):void'],
  ['__builtin_assume(i++)', 'toVoid(0:int)'],
  ['__builtin_unreachable()', '@unreachable():void'],
  ['__builtin_trap()', '@trap():void'],
]);

test('packet loads go by the name that asm gives a function', () => {
  const declarations = `${VARS} unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");`;
  assert.deepEqual(typed(declarations, 'load_byte(pv, i + 1);'), [
    '@loadPacket(load(pv), integral((+:int load(i) 1:int))→unsigned long long, 8):unsigned long long',
  ]);
});

test('a function with a body is called, whatever its name', () => {
  assert.deepEqual(typed(`${VARS} static int memcmp(const void *a, const void *b, unsigned long n) { return 7; }`, 'memcmp(pc, pc, 1);'), [
    'memcmp(pointer(load(pc))→const void *, pointer(load(pc))→const void *, 1:unsigned long):int',
  ]);
});

test('what BPF cannot do is refused by name', () => {
  const refused = (text: string): string =>
    compile(`${VARS} void f(void) { ${text}; }`)
      .errors.map((e) => e.split(' ')[1])
      .join(' ');
  for (const text of [
    '__builtin_alloca(8)',
    '__builtin_return_address(0)',
    '__sync_fetch_and_nand(pi, 1)',
    '__sync_fetch_and_add(&h, 1)',
    '__builtin_printf("x")',
    '__builtin_longjmp(pv, 1)',
    '__builtin_add_overflow(ul, l, &l)',
    '__builtin_bitreverse32(u)',
    '__atomic_test_and_set(&b, 0)',
    'alloca(4)',
  ]) {
    assert.equal(refused(text), 'unsupported-builtin', text);
  }
  for (const text of ['__builtin_fabs(1)', '__builtin_nan("")', '__builtin_isnan(i)'])
    assert.equal(refused(text), 'no-floating-point', text);
  for (const text of [
    '__builtin_preserve_field_info(i, 0)',
    '__builtin_preserve_enum_value(*(int *)1, 0)',
    '__builtin_popcount(pc)',
    '__sync_fetch_and_add(i, 1)',
    '__builtin_add_overflow(1, 2, i)',
    '__builtin_types_compatible_p(int, i)',
    '__builtin_btf_type_id(*ps, 99)',
  ]) {
    assert.equal(refused(text), 'bad-builtin-argument', text);
  }
});
