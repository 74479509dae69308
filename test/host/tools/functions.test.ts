/**
 * trace, argdist, funccount, stackcount and memleak on a process that does known things: functions of its own and of
 * libc, called known times with known arguments, allocations freed and not.
 */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { compileNative } from '../../support/native.ts';
import { end, records, startTool, stop, untilSeen } from '../../support/tools.ts';

/** The texts are touched first: a page that is not there yet cannot be read by a program in the kernel. */
const WORK = `
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
const char *names[] = { "even", "odd" };
__attribute__((noinline)) int twice(int x, const char *what) { return 2 * x; }
__attribute__((noinline)) void *leak(void) { return malloc(100); }
__attribute__((noinline)) void *leak_big(void) { return malloc(300000); }
void work(void) {
  for (int i = 0; i < 7; i++) twice(i, names[i % 2]);
  for (int i = 0; i < 20; i++) leak();
  for (int i = 0; i < 3; i++) leak_big();
  for (int i = 0; i < 50; i++) free(realloc(malloc(10), 5000));
}
int main(int argc, char **argv) {
  char c;
  if (argc > 1) {
    work();
    return pause();
  }
  if (strlen(names[0]) + strlen(names[1]) != 7 || read(0, &c, 1) != 1) return 1;
  work();
  write(1, "done", 4);
  return read(0, &c, 1) == 1;
}
`;

type Worker = ChildProcessByStdio<Writable, Readable, null>;

async function work(worker: Worker): Promise<void> {
  const done = new Promise((resolve) => worker.stdout.once('data', resolve));
  worker.stdin.write('x');
  await done;
}

kernelTest('trace, argdist, funccount, stackcount: calls and arguments of a process', { commands: ['gcc'], uprobes: true }, async () => {
  using program = compileNative('worker', WORK);
  const worker = spawn(program.path, [], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const { path } = program;
    const p = String(worker.pid);
    const [trace, traceJson, argdist, funccount, stackcount] = await Promise.all([
      startTool([
        'trace',
        '-p',
        p,
        `${path}:twice (arg1 % 2 == 1) "x=%d what=%s", arg1, arg2`,
        `r:${path}:twice (retval > 8) "gives %d", retval`,
      ]),
      startTool([
        'trace',
        '--json',
        '-U',
        '-p',
        p,
        '-M',
        '4',
        `p:${path}:twice(int x, char *what) (x > 0 && STRCMP("even", what)) "%d", x`,
        `t:sched:sched_process_exit`,
      ]),
      startTool([
        'argdist',
        '-p',
        p,
        '-i',
        '600',
        '-C',
        `p:${path}:twice(int x, char *what):char*:what:x > 1#odd or even`,
        '-C',
        `r:${path}:twice(int x):int,int:$entry(x),$retval`,
        '-H',
        'r:c:malloc(size_t size):size_t:$entry(size)',
      ]),
      startTool(['funccount', '-p', p, 'c:*alloc']),
      startTool(['stackcount', '-p', p, `${path}:leak*`]),
    ]);
    await work(worker);
    await untilSeen(trace, /gives 12/);

    const lines = (await stop(trace)).lines;
    assert.equal(lines[0], 'PID     TID     COMM            FUNC             -');
    const row = (message: string) => `${p.padEnd(8)}${p.padEnd(8)}worker          twice            ${message}`;
    assert.deepEqual(lines.slice(1), ['x=1 what=odd', 'x=3 what=odd', 'x=5 what=odd', 'gives 10', 'gives 12'].map(row));

    const counts = (await stop(argdist)).lines;
    assert.deepEqual(
      counts
        .slice(1, 5)
        .map((line) => line.trim())
        .sort(),
      ['odd or even', 'COUNT      EVENT', '2          what = odd', '3          what = even'].sort(),
    );
    for (let x = 0; x < 7; x++) assert.ok(counts.includes(`\t1          x = ${x}, $retval = ${2 * x}`), counts.join('\n'));
    // 50 of 10 bytes, 20 of 100 and 3 of 300000.
    assert.ok(
      counts.some((line) => /^ +8 -> 15 +: 50 +\|\*{40}\|$/.test(line)),
      counts.join('\n'),
    );
    assert.ok(counts.some((line) => /^ +64 -> 127 +: 20 +\|\*{16} +\|$/.test(line)));
    assert.ok(counts.some((line) => /^ +262144 -> 524287 +: 3 +\|/.test(line)));

    const calls = (await stop(funccount)).lines;
    assert.match(calls[0] ?? '', /^Tracing \d+ functions for "c:\*alloc"\.\.\. Hit Ctrl-C to end\.$/);
    assert.ok(calls.includes('FUNC                                    COUNT'), calls.join('\n'));
    assert.ok(calls.includes('malloc                                     73'), calls.join('\n'));
    assert.ok(calls.includes('realloc                                    50'));
    assert.equal(calls.at(-1), 'Detaching...');

    // -v, which says when the tool is ready, also shows addresses.
    const stacks = (await stop(stackcount)).lines.join('\n');
    assert.match(stacks, /^ {2}[0-9a-f]+ +leak\n {2}[0-9a-f]+ +work\n {2}[0-9a-f]+ +main\n[\s\S]*?^ {4}20$/m);
    assert.match(stacks, /^ {2}[0-9a-f]+ +leak_big\n {2}[0-9a-f]+ +work\n {2}[0-9a-f]+ +main\n[\s\S]*?^ {4}3$/m);

    // Stacks of a process that has ended before anybody looked have no names.
    await untilSeen(traceJson, /"function":"twice"/, 3);
    worker.stdin.write('y');
    const events = records<{ function: string; message?: string; values?: number[]; user_stack: string[]; pid: number }>(
      await end(traceJson),
    );
    assert.deepEqual(
      events.map((event) => [event.function, event.message, event.values]),
      [
        ['twice', '2', [2]],
        ['twice', '4', [4]],
        ['twice', '6', [6]],
        ['sched_process_exit', undefined, undefined],
      ],
    );
    assert.deepEqual(
      events[0]?.user_stack.slice(0, 3).map((frame) => frame.replace(/\+0x.*/, '')),
      ['twice', 'work', 'main'],
    );
  } finally {
    worker.kill('SIGKILL');
  }
});

kernelTest('memleak: what a process has not freed, by the stack that allocated it', { commands: ['gcc'], uprobes: true }, async () => {
  using program = compileNative('worker', WORK);
  const worker = spawn(program.path, [], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const p = String(worker.pid);
    const [text, json] = await Promise.all([
      startTool(['memleak', '-p', p, '-o', '0', '-a', '600']),
      startTool(['memleak', '--json', '-p', p, '-z', '200', '--combined-only', '600']),
    ]);
    await work(worker);
    const lines = (await stop(text)).lines.join('\n');
    assert.match(lines, /^\[\d\d:\d\d:\d\d\] Top 10 stacks with outstanding allocations:$/m);
    const block = (bytes: number, count: number, fn: string) =>
      new RegExp(
        `^\\t${bytes} bytes in ${count} allocations from stack\\n(?:\\t\\t0x[0-9a-f]{16}\\t.*\\n)*?\\t\\t0x[0-9a-f]{16}\\t${fn}\\+0x[0-9a-f]+ \\[worker\\]\\n`,
        'm',
      );
    assert.match(lines, block(2000, 20, 'leak'));
    assert.match(lines, block(900_000, 3, 'leak_big'));
    assert.equal(lines.match(/^\taddr = [0-9a-f]+ size = \d+$/gm)?.length, 23, lines);
    assert.equal(lines.match(/allocations from stack/g)?.length, 2, lines);
    const found = records<{ bytes: number; allocations: number; stack: string[] }>(await stop(json));
    assert.deepEqual(
      found.map(({ bytes, allocations }) => [bytes, allocations]),
      [[900_000, 3]],
    );
    assert.ok(
      found[0]?.stack.some((frame) => frame.startsWith('leak_big+')),
      JSON.stringify(found),
    );
  } finally {
    worker.kill('SIGKILL');
  }
});

kernelTest(
  'memleak -c: the allocations of the command, from its first, and none of the shell that held it',
  { commands: ['gcc'], uprobes: true },
  async () => {
    using program = compileNative('worker', WORK);
    const tool = await startTool(['memleak', '--json', '-t', '-o', '0', '-c', `${program.path} at-once`, '600']);
    // What the call frees is told as well: malloc(10) by realloc, and what realloc gave.
    await untilSeen(tool, /"call":"free"/, 100);
    const said = await stop(tool);
    const found = records<{ call?: string; pid: number; bytes: number; allocations: number; stack: string[] }>(said);
    const calls = found.filter(({ call }) => call !== undefined);
    process.kill(calls[0]?.pid as number, 'SIGKILL');
    assert.equal(calls.length, 20 + 3 + 2 * 50 + 2 * 50, said.out);
    assert.deepEqual(
      found
        .filter(({ call }) => call === undefined)
        .map(({ bytes, allocations, stack }) => [bytes, allocations, stack[0]?.replace(/\+.*/, '')]),
      [
        [2000, 20, 'leak'],
        [900_000, 3, 'leak_big'],
      ],
    );
    // There is no such command: the end of the shell is not the command's.
    const none = await startTool(['memleak', '-c', '/nowhere/at-all', '600']);
    await assert.rejects(none.ended, /'\/nowhere\/at-all' could not be run \(status 127\)/);
  },
);

kernelTest('mistakes in probes are told where they are', {}, async () => {
  const { inFolder } = await import('../../support/skep.ts');
  inFolder({}, ({ skep }) => {
    const spec = skep('trace', 'vfs_read (arg1 > ', '-M', '1');
    assert.equal(spec.status, 2, spec.err);
    assert.match(spec.err, /never closed\n {2}vfs_read \(arg1 > \n {11}\^/);
    const type = skep('trace', 't:sched:sched_switch "%d", args->next_pidd', '-M', '1');
    assert.equal(type.status, 1);
    assert.match(type.err, /^probe 1:1:34: error: .*next_pidd.*did you mean 'next_pid'/);
    assert.ok(readFileSync(join(root, 'README.md'), 'utf8').includes(`args->next_pidd'\n${type.err}\`\`\``), type.err);
    const none = skep('funccount', 't:sched:no_such_*');
    assert.equal(none.status, 1);
    assert.match(none.err, /no functions matched by pattern t:sched:no_such_\*/);
  });
});
