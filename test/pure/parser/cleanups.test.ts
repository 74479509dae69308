/** `__attribute__((cleanup))`: which functions run when control leaves, on every way out; clang's answer beside ours. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { build } from '../dialect/run.ts';
import { complaints } from './fake-actions.ts';

const BODY = `
#define TRACK(n) int v##n __attribute__((cleanup(done), unused)) = n
static long trail;
static __attribute__((noinline)) void done(int *p) { trail = trail * 10 + *p; }
static int value(int x) { return trail == 0 ? x : -1; }
static int body(int n) {
  TRACK(1);
  if (n == 0) return value(5);
  {
    TRACK(2);
    TRACK(3);
    if (n == 1) return value(6);
    if (n == 2) goto out;
  }
  for (int i = 0; i < 3; i++) {
    TRACK(4);
    if (i == 0 && n == 3) continue;
    switch (n) {
      case 4: { TRACK(5); break; }
      case 5: { TRACK(6); if (i == 1) goto next; else continue; }
      case 6: return value(7);
      default: if (i == 1) goto next;
    }
    if (n == 7) break;
  next: ;
  }
  for (int k __attribute__((cleanup(done))) = 8, j = 0; j < 2; j++) {
    TRACK(7);
    if (n == 8) break;
    if (n == 9) return j;
    if (n == 10) continue;
    while (1) { TRACK(9); if (j) break; break; }
  }
again:
  if (n == 11) { TRACK(3); n = 12; goto again; }
  return ({ TRACK(6); n + (int)trail % 7; });
out:
  return n;
}
static long run(int n) { trail = 0; long r = body(n); return r * 1000000000000L + trail; }
`;

const COUNT = 14;

function natively(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'skep-cleanup-'));
  try {
    writeFileSync(
      join(folder, 'main.c'),
      `#include <stdio.h>\n${BODY}\nint main(void) { for (int n = 0; n < ${COUNT}; n++) printf("%ld\\n", run(n)); }`,
    );
    execFileSync('clang-19', ['-w', '-O1', join(folder, 'main.c'), '-o', join(folder, 'main')]);
    return execFileSync(join(folder, 'main'), { encoding: 'utf8' }).trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the same calls in the same order as clang', {
  skip: spawnSync('clang-19', ['--version']).status === 0 ? false : 'needs clang',
}, () => {
  const machine = createMachine(build(`${BODY}\nstruct in { int n; };\nlong f(struct in *ctx) { return run(ctx->n); }`, bccDialect));
  const ours = Array.from(
    { length: COUNT },
    (_, n) => `${BigInt.asIntN(64, machine.run('f', { ctx: new Uint8Array(new Int32Array([n]).buffer) }).r0)}`,
  );
  assert.deepEqual(ours, natively());
});

test('a goto cannot enter the scope of such a variable behind its declaration', () => {
  assert.deepEqual(complaints('void done(int *); void f(void) { goto in; { int x __attribute__((cleanup(done))) = 1; in: ; } }'), [
    "jump-into-cleanup@1:39 goto 'in' jumps past a variable that has a cleanup function",
  ]);
  assert.deepEqual(complaints('void f(void) { int x __attribute__((cleanup(1))); }'), [
    "bad-attribute@1:37 attribute 'cleanup' needs the name of a function",
  ]);
});
