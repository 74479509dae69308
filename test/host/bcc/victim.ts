/** A program of the tests' own, compiled when they run, whose functions and USDT probes are hit a known number of times. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `victim N` calls alpha N times, beta 2N times, probe skep:mark N + 2N times, skep:typed once, skep:guarded N times if somebody listens. */
const MAIN = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/sdt.h>
volatile long sink;
int skep_global = 4711;
/* Written below: a page that nobody touched cannot be read by a probe. */
char names[2][8];
__attribute__((noinline)) int alpha_one(int x) { sink += x; return x * 3; }
__attribute__((noinline)) int alpha_two(int x) { sink += x; return x * 5; }
__attribute__((noinline)) static int hidden(int x) { sink += x; return x * 7; }
void guarded(int rounds);
/* A leaf has a frame only if somebody asks for it. */
#define FRAME() __asm__ volatile("" ::"r"(__builtin_frame_address(0)))
__attribute__((noinline)) void first(long v) { FRAME(); sink += v; DTRACE_PROBE2(skep, mark, v, names[0]); sink += v; }
__attribute__((noinline)) void second(char pad, long w, long v) { FRAME(); sink += w; DTRACE_PROBE2(skep, mark, (long)(v + pad), names[1]); sink += v; }
__attribute__((noinline)) void typed(signed char c, unsigned short s, int i, long *p) {
  DTRACE_PROBE7(skep, typed, c, s, i, p[1], -5, 0x123456789abLL, skep_global);
  sink += i;
}
int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 1;
  strcpy(names[0], "first");
  strcpy(names[1], "second");
  /* Told to wait: until a line comes. */
  if (argc > 2) { char c; puts("ready"); fflush(stdout); if (read(0, &c, 1) < 0) return 2; }
  for (int i = 0; i < n; i++) { alpha_one(i); first(i); sink += hidden(i); }
  for (int i = 0; i < 2 * n; i++) { alpha_two(i); second(1, i, 100 + i); }
  long pair[2] = { 1, 1234567 };
  typed(-3, 65000, -70000, pair);
  guarded(n);
  printf("%ld\\n", sink);
  if (argc > 3) { char c; fflush(stdout); if (read(0, &c, 1) < 0) return 2; }
  return 0;
}
`;
const GUARDED = `
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
__extension__ unsigned short skep_guarded_semaphore __attribute__((unused)) __attribute__((section(".probes")));
extern volatile long sink;
void guarded(int rounds) {
  for (int i = 0; i < rounds; i++)
    if (__builtin_expect(skep_guarded_semaphore, 0)) { sink += 1; DTRACE_PROBE1(skep, guarded, i); }
}
`;

export interface Victim {
  readonly path: string;
  readonly folder: string;
  /** Runs it to its end; what it printed. */
  run(rounds: number): string;
  remove(): void;
}

let shared: Victim | undefined;

/** Compiled by the first test that wants it; gone with the process. */
export function sharedVictim(): Victim {
  if (!shared) {
    const victim = compileVictim(['-fno-omit-frame-pointer']);
    process.once('exit', () => victim.remove());
    shared = victim;
  }
  return shared;
}

function compileVictim(flags: readonly string[]): Victim {
  const folder = mkdtempSync(join(tmpdir(), 'skep-victim-'));
  const path = join(folder, 'victim');
  writeFileSync(join(folder, 'main.c'), MAIN);
  writeFileSync(join(folder, 'guarded.c'), GUARDED);
  execFileSync('gcc', ['-O1', '-g0', ...flags, '-o', path, join(folder, 'main.c'), join(folder, 'guarded.c')]);
  return {
    path,
    folder,
    run: (rounds) => execFileSync(path, [String(rounds)]).toString(),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
