/** profile and offcputime on a process that burns and sleeps known times in functions of known names. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { kernelTest } from '../../run/needs.ts';
import { startSkep } from '../../support/command.ts';
import { compileNative } from '../../support/native.ts';

const BURN = `
#include <time.h>
volatile unsigned long sink;
static double now(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
__attribute__((noinline)) void innermost(void) { for (int i = 0; i < 2000000; i++) sink += i; }
__attribute__((noinline)) void middle(void) { innermost(); sink++; }
int main(void) { for (double end = now() + 120; now() < end;) middle(); return 0; }
`;

const SLEEP = `
#include <unistd.h>
#include <time.h>
__attribute__((noinline)) void waits(void) { struct timespec t = { 0, 50000000 }; nanosleep(&t, 0); }
__attribute__((noinline)) void again(void) { waits(); asm volatile(""); }
int main(void) { char c; if (read(0, &c, 1) != 1) return 1; for (int i = 0; i < 10; i++) again(); write(1, "done", 4); return read(0, &c, 1) == 1; }
`;

kernelTest('profile: samples of a process that burns are in the function that burns', { commands: ['gcc'] }, async () => {
  using program = compileNative('burner', BURN);
  const burner = spawn(program.path, [], { stdio: 'ignore' });
  try {
    const pid = String(burner.pid);
    const [folded, json] = [
      startSkep(['profile', '-f', '-F', '49', '-p', pid, '2']),
      startSkep(['profile', '-F', '49', '--json', '-U', '-p', pid, '2']),
    ];
    assert.deepEqual(await folded.ended, { status: 0, signal: null }, folded.err());
    assert.deepEqual(await json.ended, { status: 0, signal: null }, json.err());
    const lines = folded
      .out()
      .trim()
      .split('\n')
      .map((line) => /^(.*) (\d+)$/.exec(line) ?? assert.fail(line));
    const total = lines.reduce((sum, [, , count]) => sum + Number(count), 0);
    const burning = lines
      .filter(([, stack = '']) => /^burner;.*main;middle;innermost/.test(stack))
      .reduce((sum, [, , count]) => sum + Number(count), 0);
    // Two CPUs, one burner: at most 49 samples a second, and fewer where others run, too.
    assert.ok(total > 5 && total <= 49 * 4, `${total} samples`);
    assert.ok(burning > total * 0.8, `${burning} of ${total}\n${folded.out()}`);
    const records = json
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { comm: string; pid: number; user_stack: string[]; count: number });
    for (const { comm, pid: of } of records) assert.deepEqual([comm, of], ['burner', burner.pid]);
    const inside = records
      .filter(({ user_stack: [a, b, c] }) => a === 'innermost' && b === 'middle' && c === 'main')
      .reduce((sum, { count }) => sum + count, 0);
    assert.ok(inside > 5, json.out());
  } finally {
    burner.kill('SIGKILL');
  }
});

kernelTest('offcputime: ten sleeps of 50 ms are half a second in the function that sleeps', { commands: ['gcc'] }, async () => {
  using program = compileNative('sleeper', SLEEP);
  const sleeper = spawn(program.path, [], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const pid = String(sleeper.pid);
    const text = startSkep(['offcputime', '-p', pid]);
    const json = startSkep(['offcputime', '--json', '-v', '-U', '-m', '1000', '-t', pid]);
    await text.sees('Tracing off-CPU time (us) of PID');
    while (!json.err().includes('ready')) await new Promise((resolve) => setTimeout(resolve, 50));
    sleeper.stdin.write('x');
    await new Promise((resolve) => sleeper.stdout.once('data', resolve));
    for (const tool of [text, json]) {
      process.kill(tool.pid, 'SIGINT');
      assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
    }
    const block =
      text
        .out()
        .split('\n\n')
        .find((part) => part.includes('    again')) ?? assert.fail(text.out());
    // The kernel's own frames, nanosleep of libc (which keeps no frame pointer: its caller is passed over), the program's.
    assert.match(block, /^\s*\S*schedule.*\n[\s\S]*nanosleep[\s\S]*\n {4}again\n {4}main\n[\s\S]* {4}- {16}sleeper \(\d+\)\n {8}\d+$/);
    const usecs = Number(/(\d+)$/.exec(block)?.[1]);
    assert.ok(usecs >= 500_000 && usecs < 3_000_000, `${usecs} µs`);
    const records = json
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { user_stack: string[]; usecs: number; kernel_stack?: string[] });
    const waits = records.find(({ user_stack }) => user_stack.includes('again')) ?? assert.fail(json.out());
    assert.equal(waits.kernel_stack, undefined);
    assert.ok(Math.abs(waits.usecs - usecs) < usecs * 0.1, `${waits.usecs} and ${usecs}`);
  } finally {
    sleeper.kill('SIGKILL');
  }
});
