/**
 * Where signed division and remainder become unsigned: nowhere that clang keeps them signed, and everywhere below that
 * a loop or a branch says enough. (That results stay the same is tried on random programs: `passes.test.ts`.)
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { printModule } from '../../../src/compiler/ir/print.ts';
import { CLANG, hasClang } from '../c/support.ts';
import { testFacts } from '../dialect/front.ts';

const UNSIGNED: readonly string[] = [
  'int f(int n, int *a) { for (int i = 0; i < 10; i++) a[i % 8] += n; return 0; }',
  'int f(int n, int *a) { for (int i = 0; i < n; i++) a[i % 6] += n; return 0; }',
  'int f(int n, int *a) { for (int i = 0; i <= 100; i += 3) a[i / 6] += n; return 0; }',
  'int f(int i, int *a) { if (i < 0) return 1; return a[i % 8]; }',
  'int f(int i, int *a) { if (i >= 0 && i < 100) return a[i % 7]; return 0; }',
  'int f(int i, int *a) { if (i > 0) return a[i / 8] + a[i % 16]; return 0; }',
  'int f(long i, int *a) { if (i < 0) return 1; return a[i % 12]; }',
  'int f(int i, int n, int *a) { if (i < 0 || n <= 0) return 1; return a[i % n]; }',
  'int f(int n, unsigned char *p, int *a) { int i = *p; return a[i % 8]; }',
  'int f(int n, int *a) { for (int i = 0; i < 50; i++) for (int j = i; j < 90; j++) a[j % 8] += n; return 0; }',
  'int g(int *);\nint f(int *p, int *a) { int i = *p; if (i >= 0 && i < 10) a[i % 8]++; return 0; }',
];
const SIGNED: readonly string[] = [
  'int f(int i, int *a) { return a[i % 8]; }',
  'int f(int i, int *a) { if (i < 10) return a[i % 8]; return 0; }',
  'int f(int i, int *a) { if (i < 0) a[0] = 1; return a[i % 8]; }',
  'int f(int n, int *a) { for (int i = -1; i < 10; i++) a[i % 8] += n; return 0; }',
  'int f(int n, int *a) { for (int i = n; i < 10; i++) a[i % 8] += n; return 0; }',
  'int f(int n, int *a) { for (int i = 10; i > n; i--) a[i % 8] += n; return 0; }',
  'int f(int i, int n, int *a) { if (i < 0) return 1; return a[i % n]; }',
  'int f(int i, int *a) { if (i > -5) return a[i % 8]; return 0; }',
  'int f(unsigned i, int *a) { if (i > 10) return a[(int)i % 8]; return 0; }',
];

function isSigned(text: string): boolean {
  const { module, diagnostics } = compile(text, { facts: testFacts({ btf: undefined }), roots: ['f'] });
  assert.ok(module, `${text}: ${JSON.stringify(diagnostics)}`);
  return /\bs(?:div|mod)\b|\bashr\b/.test(printModule(module));
}

test('what cannot be negative is divided unsigned', () => {
  assert.deepEqual(UNSIGNED.filter(isSigned), []);
});

test('what may be negative stays signed', () => {
  assert.deepEqual(
    SIGNED.filter((text) => !isSigned(text)),
    [],
  );
});

test('clang says the same', { skip: hasClang ? false : 'needs clang' }, () => {
  for (const [texts, signed] of [
    [UNSIGNED, false],
    [SIGNED, true],
  ] as const)
    for (const text of texts) {
      const { stdout, stderr } = spawnSync(CLANG, ['-target', 'bpf', '-mcpu=v4', '-O2', '-fno-unroll-loops', '-xc', '-S', '-o', '-', '-'], {
        input: text,
        encoding: 'utf8',
      });
      assert.match(stdout, /exit/, stderr);
      assert.equal(/ s[%/]= | s>>= /.test(stdout), signed, `${text}\n${stdout}`);
    }
});
