/** The dialects' own C text, read by another compiler. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allHelpers, helperText } from '../../../src/compiler/dialect/helpers.ts';
import { kernelHeader } from '../../../src/compiler/dialect/kernel/headers.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';

const CLANG = ['clang-19', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
const TYPES = `typedef unsigned char __u8; typedef unsigned short __u16, __be16; typedef unsigned int __u32, __be32, __wsum; typedef unsigned long long __u64; typedef long long __s64; typedef int __s32;
typedef unsigned short __sum16;
struct pt_regs { unsigned long bx, di, si, dx, cx, r8, r9, r10, ax, ip, sp, bp; };
#define __skep_parm1 di
#define __skep_rc ax
#define __skep_sysparm4 r10
`;
const USE = `
struct c { int id; char name[8]; }; struct b { struct c *c; unsigned x : 3; }; struct a { struct b *b; };
struct { __uint(type, 1); __type(key, int); __type(value, struct a); __uint(max_entries, 3); __ulong(map_extra, 1ull << 40); } m SEC(".maps");
SEC("kprobe/x") int f(struct pt_regs *ctx)
{
	struct a *a = (void *)PT_REGS_PARM1(ctx);
	char name[8];
	int id = BPF_CORE_READ(a, b, c, id) + BPF_CORE_READ_BITFIELD_PROBED(a->b, x) + BPF_CORE_READ_BITFIELD(a->b, x);
	BPF_CORE_READ_STR_INTO(&name, a, b, c, name);
	BPF_CORE_WRITE_BITFIELD(a->b, x, 3);
	bpf_printk("x"); bpf_printk("%d", id); bpf_printk("%d %d %d %d", 1, 2, 3, 4);
	BPF_SNPRINTF(name, sizeof(name), "%d", id);
	if (bpf_core_field_exists(a->b) && bpf_core_field_exists(struct a, b) && bpf_core_type_exists(struct a)) id++;
	barrier(); barrier_var(id);
	return id + min_t(int, id, 3) + IS_ENABLED(CONFIG_X) + ARRAY_SIZE(name) + PT_REGS_RC(ctx) + PT_REGS_PARM4_SYSCALL(ctx);
}
char _license[] SEC("license") = "GPL";
`;

test('clang reads the headers without a word', { skip: CLANG === undefined ? 'needs clang' : false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-headers-'));
  try {
    for (const path of [
      'skep/kernel.h',
      'skep/net.h',
      'skep/in6.h',
      'skep/uapi.h',
      'bpf/bpf_helpers.h',
      'bpf/bpf_tracing.h',
      'bpf/bpf_core_read.h',
    ]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), kernelHeader(path) ?? libbpfDialect.header(path) ?? '');
    }
    const helpers = allHelpers()
      .map((h) => `${helperText(h)}\n`)
      .join('');
    const structs = [...new Set(helpers.match(/\b(?:struct|enum) \w+/g) ?? [])]
      .map((s) => (s.startsWith('enum') ? '' : `${s};\n`))
      .join('');
    writeFileSync(
      join(folder, 'main.c'),
      `${TYPES}${structs}${helpers}#include <skep/net.h>\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n#include <bpf/bpf_core_read.h>\n${USE}`,
    );
    const out = execFileSync(
      CLANG ?? '',
      [
        '-target',
        'bpf',
        '-g',
        '-O2',
        '-Wall',
        '-Wno-unused-function',
        '-Wno-unused-variable',
        '-Wno-unused-const-variable',
        '-I',
        folder,
        '-c',
        join(folder, 'main.c'),
        '-o',
        join(folder, 'main.o'),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    assert.equal(out, '');
  } catch (error) {
    assert.fail((error as { stderr?: string }).stderr ?? String(error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
