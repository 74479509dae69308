import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preprocess } from './support.ts';

function hook(values: Record<string, string>) {
  const asked: string[] = [];
  return {
    asked,
    has: (name: string): boolean => /^[A-Z]/.test(name),
    text: (name: string): string | undefined => {
      asked.push(name);
      return Object.hasOwn(values, name) ? values[name] : undefined;
    },
  };
}
const VALUES = {
  ETH_P_IP: '0x800',
  AF_INET: '2',
  SOL_TCP: '(5 + 1)',
  CONFIG_NET: '1',
  CONFIG_X_MODULE: '1',
  LINUX_VERSION_CODE: '393483',
};

test('in text, in #if, in #ifdef and in defined', () => {
  const constants = hook(VALUES);
  const text =
    '#if ETH_P_IP == 2048 && defined(AF_INET)\nETH_P_IP\n#endif\n#ifdef AF_INET\nyes\n#endif\n#ifndef SOL_TCP\nno\n#endif\nSOL_TCP\n';
  assert.deepEqual(preprocess(text, { constants }).words, ['0x800', 'yes', '(', '5', '+', '1', ')']);
});

test('asked lazily, once per name, and only for names it may have', () => {
  const constants = hook(VALUES);
  preprocess('AF_INET AF_INET lower UNKNOWN UNKNOWN\n#if 0\nETH_P_IP\n#endif\n#define MINE 1\nMINE\n', { constants });
  assert.deepEqual(constants.asked, ['AF_INET', 'UNKNOWN', 'MINE']);
});

test('configuration and version as kernel code asks for them', () => {
  const text =
    '#if LINUX_VERSION_CODE >= 393216\nsix\n#endif\n#ifdef CONFIG_NET\nnet\n#endif\n#if defined(CONFIG_X_MODULE) && !defined(CONFIG_X)\nmodule\n#endif\n';
  assert.deepEqual(preprocess(text, { constants: hook(VALUES) }).words, ['six', 'net', 'module']);
});

test("the user's own definition wins, silently", () => {
  const { words, codes } = preprocess('#define AF_INET 7\nAF_INET\n#undef AF_INET\nAF_INET\n#ifdef AF_INET\nno\n#endif\n', {
    constants: hook(VALUES),
  });
  assert.deepEqual(words, ['7', 'AF_INET']);
  assert.deepEqual(codes, []);
});

test("#ifndef X / #define X / #endif keeps the kernel's", () => {
  assert.deepEqual(preprocess('#ifndef AF_INET\n#define AF_INET 9\n#endif\nAF_INET\n', { constants: hook(VALUES) }).words, ['2']);
});

test("names that the user declares are the user's from there on", () => {
  const words = (text: string): string => preprocess(text, { constants: hook(VALUES) }).words.join(' ');
  assert.equal(
    words('enum { AF_INET = 3, SOL_TCP };\nAF_INET SOL_TCP ETH_P_IP\n'),
    'enum { AF_INET = 3 , SOL_TCP } ; AF_INET SOL_TCP 0x800',
  );
  assert.equal(words('enum e { AF_INET, SOL_TCP = 5, };'), 'enum e { AF_INET , SOL_TCP = 5 , } ;');
  assert.equal(words('static const int AF_INET = 4;\nAF_INET'), 'static const int AF_INET = 4 ; AF_INET');
  assert.equal(words('int a[] = { AF_INET, SOL_TCP };'), 'int a [ ] = { 2 , ( 5 + 1 ) } ;');
  assert.equal(words('if (x == AF_INET) y = AF_INET; AF_INET == z'), 'if ( x == 2 ) y = 2 ; 2 == z');
  assert.equal(words('enum e x = AF_INET; f((enum e)AF_INET, AF_INET);'), 'enum e x = 2 ; f ( ( enum e ) 2 , 2 ) ;');
  assert.equal(words('enum { A = AF_INET, B = SOL_TCP };'), 'enum { A = 2 , B = ( 5 + 1 ) } ;');
  assert.equal(words('int m[] = { [AF_INET] = 1 };'), 'int m [ ] = { [ 2 ] = 1 } ;');
});

test('members, tags and labels are no constants', () => {
  const words = (text: string): string => preprocess(text, { constants: hook(VALUES) }).words.join(' ');
  assert.equal(words('p->AF_INET + s.AF_INET + AF_INET'), 'p -> AF_INET + s . AF_INET + 2');
  assert.equal(words('struct AF_INET x; goto AF_INET;'), 'struct AF_INET x ; goto AF_INET ;');
  assert.equal(words('struct s x = { .AF_INET = AF_INET };'), 'struct s x = { . AF_INET = 2 } ;');
});

test('through macro arguments and pastes', () => {
  const text =
    '#define F(p) p\n#define J(a, b) a##b\n#define S(x) #x\n#define XS(x) S(x)\nF(AF_INET) J(AF_, INET) XS(AF_INET) S(AF_INET)\n';
  assert.deepEqual(preprocess(text, { constants: hook(VALUES) }).words, ['2', '2', '"2"', '"AF_INET"']);
});

test('an error inside a constant points at its use', () => {
  const { diagnostics, pp } = preprocess('x\n#if BAD\n#endif\n', { constants: hook({ BAD: '1 +' }) });
  assert.equal(diagnostics[0]?.code, 'bad-condition');
  assert.equal(pp.source.resolve(diagnostics[0]!.loc)?.line, 2);
});
