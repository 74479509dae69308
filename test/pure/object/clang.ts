/** Objects from clang and readings of other tools, for the tests of btf/, elf/ and object/. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { GUEST_OBJECTS } from '../../run/guest-objects.ts';
import { type Needs, unmet } from '../../run/needs.ts';

export const CLANG = 'clang-19';

/** A test that needs tools which a machine may not have; the runner turns skips into failures where CI is set. */
export function toolTest(name: string, needs: Needs, fn: (t: TestContext) => void | Promise<void>): void {
  void test(name, { skip: unmet(needs) ?? false, timeout: 120_000 }, fn);
}

export function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs with a folder of its own that is gone afterwards. */
export function inTempDir<T>(fn: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'skep-test-'));
  try {
    return fn(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** In a guest, what the machine below it has compiled: there clang takes half a minute. */
export function compile(source: string, args: readonly string[]): Uint8Array {
  const folder = process.env[GUEST_OBJECTS];
  if (folder === undefined) return compileNow(source, args);
  const kept = join(
    folder,
    `clang-${createHash('sha256')
      .update(JSON.stringify([source, args]))
      .digest('hex')}.o`,
  );
  if (!existsSync(kept)) writeFileSync(kept, compileNow(source, args));
  return new Uint8Array(readFileSync(kept));
}

function compileNow(source: string, args: readonly string[]): Uint8Array {
  return inTempDir((dir) => {
    writeFileSync(join(dir, 'test.c'), source);
    run(CLANG, [...args, '-c', join(dir, 'test.c'), '-o', join(dir, 'test.o')]);
    return new Uint8Array(readFileSync(join(dir, 'test.o')));
  });
}

/** A BPF object as people build it. */
export function compileBpf(source: string, ...args: readonly string[]): Uint8Array {
  return compile(source, ['-target', 'bpf', '-g', '-O2', '-mcpu=v3', ...args]);
}

/** Runs a tool that takes a file. */
export function onFile(bytes: Uint8Array, tool: (path: string) => string): string {
  return inTempDir((dir) => {
    const path = join(dir, 'file.o');
    writeFileSync(path, bytes);
    return tool(path);
  });
}
