/**
 * Real headers, token by token beside clang with the same search folders: glibc's and libbpf's, and the kernel's own
 * under BCC programs where they are installed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bccPrograms, CorpusMissing } from '../../corpora/corpora.ts';
import { CLANG, clang, difference, haveClang, normal, preprocessFile } from './support.ts';

const skip = haveClang() ? false : `${CLANG} is not installed`;
const RESOURCES = '/usr/lib/llvm-19/lib/clang/19/include';
const SYSTEM = [RESOURCES, '/usr/include/x86_64-linux-gnu', '/usr/include'];

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'skep-headers-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const GROUPS: readonly (readonly string[])[] = [
  ['stdio.h', 'stdlib.h', 'string.h', 'unistd.h', 'fcntl.h', 'errno.h', 'signal.h', 'pthread.h', 'time.h', 'ctype.h', 'wchar.h'],
  ['math.h', 'tgmath.h', 'complex.h', 'inttypes.h', 'stdatomic.h', 'limits.h', 'float.h', 'stdalign.h', 'setjmp.h'],
  [
    'sys/socket.h',
    'netinet/in.h',
    'netinet/tcp.h',
    'arpa/inet.h',
    'net/if.h',
    'sys/stat.h',
    'sys/mman.h',
    'sys/ioctl.h',
    'sys/epoll.h',
    'sys/ptrace.h',
  ],
  [
    'linux/bpf.h',
    'linux/perf_event.h',
    'linux/if_ether.h',
    'linux/ip.h',
    'linux/tcp.h',
    'linux/pkt_cls.h',
    'linux/netlink.h',
    'linux/btf.h',
    'linux/seccomp.h',
  ],
  [
    'linux/types.h',
    'bpf/bpf_helpers.h',
    'bpf/bpf_tracing.h',
    'bpf/bpf_core_read.h',
    'bpf/bpf_endian.h',
    'bpf/usdt.bpf.h',
    'bpf/libbpf.h',
    'bpf/btf.h',
    'bpf/xsk.h',
  ],
];

for (const group of GROUPS) {
  const headers = group.filter((name) => SYSTEM.some((dir) => existsSync(join(dir, name))));
  test(`headers: ${group[0]}, …`, { skip: headers.length < 4 ? `no ${group[1]} here` : skip }, (t) => {
    const path = join(folder, 'main.c');
    writeFileSync(path, headers.map((name) => `#include <${name}>\n`).join(''));
    const ours = preprocessFile(path, { system: SYSTEM }, { before: '#define __x86_64__ 1\n' });
    const theirs = clang(path, ['-nostdinc', '-D__x86_64__', ...SYSTEM.flatMap((dir) => ['-isystem', dir])]);
    assert.ok(theirs.ok, theirs.stderr);
    assert.deepEqual(ours.codes, []);
    t.diagnostic(`${ours.words.length} tokens of ${headers.length} headers`);
    assert.equal(difference(ours.words.map(normal), theirs.words), undefined);
  });
}

/** Common and architecture part of an installed `linux-headers` package. */
function kernelHeaders(): { common: string; own: string } | undefined {
  if (!existsSync('/usr/src')) return undefined;
  const name = readdirSync('/usr/src')
    .filter((entry) => /^linux-headers-.*-common$/.test(entry))
    .sort()
    .at(-1);
  if (name === undefined) return undefined;
  const own = `/usr/src/${name.replace(/common$/, 'amd64')}`;
  return existsSync(own) ? { common: `/usr/src/${name}`, own } : undefined;
}

const kernel = kernelHeaders();
const PROGRAM = `
#include <linux/version.h>
#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/blk-mq.h>
#include <net/sock.h>
#include <net/inet_sock.h>
#include <linux/nsproxy.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 0, 0) && IS_ENABLED(CONFIG_NET_NS)
int yes[TASK_COMM_LEN];
#endif
int use(struct sock *sk) { return READ_ONCE(sk->sk_protocol) + min(1, 2) + container_of(sk, struct inet_sock, sk)->inet_sport; }
`;

/** Where a kernel build looks for headers, and what it defines before them. */
function underKernel(path: string, tree: { common: string; own: string }): string | undefined {
  const { common, own } = tree;
  const user = [
    join(folder, 'stubs'),
    `${common}/arch/x86/include`,
    `${own}/arch/x86/include/generated`,
    `${common}/include`,
    `${own}/include`,
    `${common}/arch/x86/include/uapi`,
    `${own}/arch/x86/include/generated/uapi`,
    `${common}/include/uapi`,
    `${own}/include/generated/uapi`,
  ];
  const defines = [
    '__KERNEL__',
    '__BPF_TRACING__',
    '__TARGET_ARCH_x86',
    '__x86_64__',
    'CC_USING_FENTRY',
    ...[16, 32, 64].map((bits) => `__HAVE_BUILTIN_BSWAP${bits}__`),
  ];
  const first = ['kconfig', 'compiler-version', 'compiler_types'].map((name) => `${common}/include/linux/${name}.h`);
  const before = `${defines.map((d) => `#define ${d} 1\n`).join('')}#define KBUILD_MODNAME "bcc"\n${first.map((name) => `#include "${name}"\n`).join('')}`;
  const ours = preprocessFile(path, { user, system: [RESOURCES] }, { before });
  const theirs = clang(path, [
    '-nostdinc',
    '-DKBUILD_MODNAME="bcc"',
    ...defines.map((d) => `-D${d}=1`),
    ...first.flatMap((name) => ['-include', name]),
    ...user.flatMap((dir) => ['-I', dir]),
    '-isystem',
    RESOURCES,
  ]);
  const errors = ours.diagnostics.filter((d) => d.severity === 'error');
  if (theirs.ok !== (errors.length === 0)) return `${path}: ours ${errors[0]?.message}, clang ${theirs.stderr.slice(0, 300)}`;
  tokens += ours.words.length;
  const differs = difference(ours.words.map(normal), theirs.words);
  return differs === undefined ? undefined : `${path}: ${differs}`;
}
let tokens = 0;

test("kernel headers under a program like BCC's", { skip: kernel === undefined ? 'no linux-headers package is installed' : skip }, (t) => {
  if (kernel === undefined) return;
  const path = join(folder, 'kernel.c');
  writeFileSync(path, PROGRAM);
  assert.equal(underKernel(path, kernel), undefined);
  t.diagnostic(`${tokens} tokens`);
  assert.ok(tokens > 100_000);
});

test("BCC's own programs with kernel headers", {
  skip: kernel === undefined ? 'no linux-headers package is installed' : skip,
  timeout: 1_800_000,
}, (t) => {
  if (kernel === undefined) return;
  let programs: ReturnType<typeof bccPrograms>;
  try {
    programs = bccPrograms();
  } catch (error) {
    if (error instanceof CorpusMissing) return t.skip(error.message);
    throw error;
  }
  // One program of each tool; a few of them unless there is time.
  const all = programs.filter(({ name }) => name.endsWith('.0'));
  const chosen = process.env['SKEP_LONG'] === undefined ? all.filter((_, i) => i % 32 === 7) : all;
  mkdirSync(join(folder, 'stubs', 'bcc'), { recursive: true });
  writeFileSync(join(folder, 'stubs', 'bcc', 'proto.h'), '');
  tokens = 0;
  const wrong: string[] = [];
  for (const { name, text } of chosen) {
    const path = join(folder, `${name}.c`);
    writeFileSync(path, text);
    const differs = underKernel(path, kernel);
    if (differs !== undefined) wrong.push(differs);
  }
  t.diagnostic(`${chosen.length} programs, ${tokens} tokens`);
  assert.deepEqual(wrong, []);
});
