/**
 * Every constant of the table that an installed header defines, as gcc evaluates it there; and arm64's system calls
 * against the generic list of the same headers.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { constantNames, constantText, tableText } from '../../../src/compiler/dialect/constants/constants.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import { facts } from '../c/support.ts';

const gcc = (args: readonly string[], input: string) =>
  spawnSync('gcc', [...args, '-x', 'c', '-'], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
const missing =
  gcc(['-E'], '').status !== 0
    ? 'gcc is not installed'
    : !existsSync('/usr/include/linux/bpf.h')
      ? 'linux-libc-dev is not installed'
      : undefined;

/** Ends of enumerations: they grow with each kernel. */
const GROWS = /MAX|LAST|LASTENT|COUNT|_NUM|_NR$|_CNT|MASK|__NR_syscalls|SUPPORTED|ALL$|VERSION|FLAGS/;

function headers(): string[] {
  const out =
    'sys/socket.h netinet/in.h netinet/tcp.h fcntl.h sys/stat.h sys/mman.h errno.h signal.h poll.h sys/epoll.h sched.h sys/mount.h sys/ptrace.h sys/wait.h asm/unistd.h asm/ptrace-abi.h'.split(
      ' ',
    );
  for (const folder of ['linux', 'linux/netfilter', 'linux/tc_act', 'linux/sched']) {
    for (const name of readdirSync(`/usr/include/${folder}`)) if (name.endsWith('.h')) out.push(`${folder}/${name}`);
  }
  return out;
}

test('every constant is what gcc computes from the installed headers', { skip: missing ?? false, timeout: 300_000 }, (t) => {
  const names = new Set(constantNames());
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const header of headers()) {
    const include = `#include <stddef.h>\n#include <${header}>\n`;
    const macros = gcc(['-E', '-dM', '-w'], include);
    if (macros.status !== 0) continue;
    const here = [...macros.stdout.matchAll(/^#define (\w+) (?!$)/gm)]
      .map((m) => m[1]!)
      .filter((name) => names.has(name) && !seen.has(name));
    if (here.length === 0) continue;
    const check = (list: readonly string[]): Set<string> => {
      const text = list.map((name) => `_Static_assert((${name}) == (${tableText(name)}), "skep ${name}");`).join('\n');
      const run = gcc(['-fsyntax-only', '-w', '-fmax-errors=0'], `${include}\n#line 1 "names"\n${text}\n`);
      // A header that does not stand alone says nothing.
      if (/^(?!names:).*: error:/m.test(run.stderr) && !/^names:/m.test(run.stderr)) return new Set(['']);
      for (const m of run.stderr.matchAll(/static assertion failed: "skep (\w+)"/g))
        if (!GROWS.test(m[1]!)) wrong.push(`${m[1]} of ${header}: ${tableText(m[1]!)}`);
      return new Set([...run.stderr.matchAll(/^names:(\d+):/gm)].map((m) => list[Number(m[1]) - 1]!));
    };
    const bad = check(here);
    if (!bad.has('')) for (const name of here) if (!bad.has(name)) seen.add(name);
  }
  t.diagnostic(`${seen.size} of ${names.size} constants checked`);
  assert.ok(seen.size > 7000, `${seen.size}`);
  assert.deepEqual(wrong, []);
});

test("arm64's system calls are those of the generic list", { skip: missing ?? false }, (t) => {
  const wants = 'RENAMEAT NEW_STAT SET_GET_RLIMIT TIME32_SYSCALLS SYS_CLONE3 MEMFD_SECRET'
    .split(' ')
    .filter((name) => name !== 'TIME32_SYSCALLS');
  const run = gcc(['-E', '-dM', ...wants.map((name) => `-D__ARCH_WANT_${name}`)], '#include <asm-generic/unistd.h>\n');
  const generic = new Map([...run.stdout.matchAll(/^#define (__NR\w+) (\w+)$/gm)].map((m) => [m[1]!, m[2]!]));
  const value = (name: string): string | undefined => {
    const text = generic.get(name);
    return text === undefined || /^\d/.test(text) ? text : value(text);
  };
  const ours = [...generic.keys()].filter((name) => /^__NR_(?!syscalls$|arch_specific_syscall$)/.test(name));
  assert.ok(ours.length > 280);
  assert.deepEqual(
    ours.filter((name) => tableText(name, 'arm64') !== value(name)),
    [],
  );
  // And none that it does not have, but for those that came after these headers.
  const end = Number(value('__NR_syscalls'));
  assert.ok(end > 400);
  const more = constantNames().filter(
    (name) => name.startsWith('__NR_') && !generic.has(name) && Number(tableText(name, 'arm64') ?? end) < end,
  );
  assert.deepEqual(more, []);
  t.diagnostic(`${ours.length} system calls`);
});

test('what differs on arm64', () => {
  assert.equal(tableText('__NR_openat', 'arm64'), '56');
  assert.equal(tableText('__NR_openat'), '257');
  assert.equal(tableText('__NR_open', 'arm64'), undefined);
  assert.deepEqual([tableText('O_DIRECT', 'arm64'), tableText('O_DIRECT')], ['65536', '16384']);
  assert.equal(tableText('ETH_P_IP', 'arm64'), tableText('ETH_P_IP'));
  assert.equal(tableText('PTRACE_GETREGS', 'arm64'), undefined);
});

test('page sizes: of the architecture, or of its configuration', () => {
  const of = (arch: 'x86_64' | 'arm64', config: Record<string, string>): TargetFacts => ({
    ...facts(),
    arch,
    kconfig: (name) => config[name],
  });
  assert.equal(constantText('PAGE_SHIFT', of('x86_64', {})), '12');
  assert.equal(constantText('PAGE_SHIFT', of('arm64', { CONFIG_ARM64_PAGE_SHIFT: '16' })), '16');
  assert.equal(constantText('PAGE_SIZE', of('arm64', { CONFIG_PAGE_SHIFT: '14' })), '(1UL << PAGE_SHIFT)');
  assert.equal(constantText('PAGE_SIZE', of('arm64', {})), undefined, 'unknown, and not guessed');
});

test('flags that became enumerators have the values of the kernel, or none', () => {
  const of = (enumerators: Record<string, bigint>): TargetFacts => {
    const btf = {
      find: () => undefined,
      findEnumerator: (name: string) => (enumerators[name] === undefined ? undefined : { id: 1, value: enumerators[name] }),
    };
    return { ...facts(), btf: btf as unknown as TargetFacts['btf'] };
  };
  assert.equal(constantText('RQF_STATS', of({ __RQF_STARTED: 0n, __RQF_STATS: 11n })), '(1U << 11)');
  assert.equal(constantText('RQF_ELV', of({ __RQF_STARTED: 0n, __RQF_STATS: 11n })), undefined, 'gone in that kernel');
  assert.equal(constantText('RQF_STATS', of({})), tableText('RQF_STATS'), 'a macro in that kernel');
  assert.equal(constantText('SLAB_PANIC', of({ _SLAB_POISON: 2n, _SLAB_PANIC: 8n })), '(1U << 8)');
});
