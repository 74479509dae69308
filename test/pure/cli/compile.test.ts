/** `skep compile` as a user without root sees it; its outputs as other programs read them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inFolder } from '../../support/skep.ts';
import { compileBpf, run, toolTest } from '../object/clang.ts';

const FILTER = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
static __noinline int add(__u32 key)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &key);
	if (value)
		(*value)++;
	return key;
}
SEC("socket")
int filter(struct __sk_buff *skb)
{
	return add(skb->len) + STEP;
}
char LICENSE[] SEC("license") = "GPL";
`;
const BCC = 'BPF_HASH(seen, u32, u64);\nint count(struct __sk_buff *skb) { seen.increment(skb->len); return 0; }\n';
const FILES = { 'filter.bpf.c': FILTER, 'count.c': BCC };

test('an object beside nothing else, silent, status 0; -o and -D and the name of the default', () => {
  inFolder(FILES, ({ skep, path }) => {
    assert.deepEqual(skep('compile', '-DSTEP=1', 'filter.bpf.c'), { status: 0, out: '', err: '' });
    const object = readFileSync(`${path}/filter.bpf.o`);
    assert.equal(object.subarray(0, 4).toString('latin1'), '\x7fELF');
    assert.deepEqual(skep('compile', '-D', 'STEP=1', '-o', 'other.o', 'filter.bpf.c'), { status: 0, out: '', err: '' });
    // The same text gives the same bytes.
    assert.deepEqual(readFileSync(`${path}/other.o`), object);
    skep('compile', '-D', 'STEP=2', '-o', 'third.o', 'filter.bpf.c');
    assert.notDeepEqual(readFileSync(`${path}/third.o`), object);
  });
});

toolTest('the object as llvm-objdump and bpftool read it', { commands: ['llvm-objdump-19', 'bpftool'] }, () => {
  inFolder(FILES, ({ skep, path }) => {
    assert.equal(skep('compile', '-DSTEP=4711', 'filter.bpf.c').status, 0);
    const text = run('llvm-objdump-19', ['-d', '-r', `${path}/filter.bpf.o`]);
    assert.match(text, /section socket:\n\n0+ <filter>:/);
    assert.match(text, /section \.text:\n\n0+ <add>:/);
    assert.match(text, /R_BPF_64_64\tcounts/);
    assert.match(text, /\+= 0x1267/);
    const types = run('bpftool', ['btf', 'dump', 'file', `${path}/filter.bpf.o`]);
    assert.match(types, /FUNC 'filter' type_id=\d+ linkage=global/);
    assert.match(types, /DATASEC '\.maps' .*\n.*VAR 'counts'/);
  });
});

test('the stages: pp, ir, asm, btf as text on stdout', () => {
  inFolder(FILES, ({ skep }) => {
    const emit = (stage: string) => {
      const { status, out, err } = skep('compile', '-DSTEP=4711', '--emit', stage, 'filter.bpf.c');
      assert.deepEqual([status, err], [0, '']);
      return out;
    };
    assert.match(emit('pp'), /return add\(skb->len\) \+ 4711;/);
    assert.doesNotMatch(emit('pp'), /SEC\(/);
    assert.match(emit('ir'), /^function filter\(ptr %skb space=ctx\)/m);
    const asm = emit('asm');
    assert.match(asm, /^filter: ; program socket$/m);
    assert.match(asm, /^add: ; static function$/m);
    assert.match(asm, /r1 = map\[counts\]$/m);
    assert.match(asm, /\(85\) call bpf_map_lookup_elem#1$/m);
    assert.match(asm, /^; filter\.bpf\.c:14: return add\(skb->len\) \+ STEP;$/m);
  });
});

toolTest('--emit btf is C that clang takes', { commands: ['clang-19'] }, () => {
  inFolder(
    {
      's.c':
        'struct point { int x; char name[8]; };\nBPF_HASH(points, u32, struct point);\nint f(struct __sk_buff *skb) { struct point p = {}; u32 k = skb->len; points.update(&k, &p); return 0; }',
    },
    ({ skep, file }) => {
      const { out, status } = skep('compile', '--emit', 'btf', 's.c');
      assert.equal(status, 0);
      compileBpf(`${out}\n_Static_assert(sizeof(struct point) == 12 && __builtin_offsetof(struct point, name) == 4, "");`);
      assert.ok(file);
    },
  );
});

toolTest('--btf: layouts of that file, from an ELF object and raw', { commands: ['clang-19', 'llvm-objcopy-19'] }, () => {
  const kernel = 'struct page_pool { char other[72]; int wanted; } __attribute__((preserve_access_index)); struct page_pool pool;';
  inFolder({ 'k.c': 'int f(struct pt_regs *ctx, struct page_pool *pool) { return pool->wanted; }' }, ({ skep, file, path }) => {
    const pt_regs =
      'struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss; unsigned long regs[31]; } regs;';
    const object = file('types.o', compileBpf(`${kernel}\n${pt_regs}`));
    run('llvm-objcopy-19', ['-O', 'binary', '--only-section=.BTF', '--set-section-flags', '.BTF=alloc', object, `${path}/types.btf`]);
    const asm = (types: string) => skep('compile', '--btf', types, '--emit', 'asm', 'k.c');
    assert.match(asm('types.o').out, /\+= 72\b|= 72\b|\+72\)/);
    assert.equal(asm('types.btf').out, asm('types.o').out);
    assert.match(asm('k.c').err, /k\.c is no BTF/);
    assert.equal(asm('k.c').status, 1);
    const missing = skep(
      'compile',
      '--btf',
      'types.o',
      '--emit',
      'asm',
      file('m.c', 'int f(struct pt_regs *ctx, struct page_pool *pool) { return pool->absent; }'),
    );
    assert.equal(missing.status, 1);
    assert.match(missing.err, /no member 'absent'/);
  });
});

test('--btf: a file that ends before its header says is refused, and the program is not blamed', () => {
  inFolder({ 'k.c': 'int f(struct pt_regs *ctx, struct page_pool *pool) { return pool->wanted; }' }, ({ skep, path }) => {
    const header = new Uint32Array([0x0001eb9f, 24, 0, 4000, 4000, 100]);
    writeFileSync(`${path}/cut.btf`, Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(64)]));
    const { status, err } = skep('compile', '--btf', 'cut.btf', 'k.c');
    assert.equal(status, 1);
    assert.match(err, /cut\.btf is not whole: the \w+ section ends at \d+, but there are only 88 bytes/);
    assert.doesNotMatch(err, /k\.c/);
  });
});

toolTest('--portable leaves CO-RE relocations to the loader', { btf: true, commands: ['llvm-objdump-19'] }, () => {
  const text =
    '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_core_read.h>\nSEC("raw_tp/sched_switch") int f(void *ctx) { struct task_struct *t = (void *)bpf_get_current_task(); return BPF_CORE_READ(t, tgid); }\nchar LICENSE[] SEC("license") = "GPL";\n';
  inFolder({ 'c.bpf.c': text }, ({ skep, path }) => {
    const relocations = (...flags: readonly string[]) => {
      assert.deepEqual(skep('compile', ...flags, 'c.bpf.c'), { status: 0, out: '', err: '' });
      return run('llvm-objdump-19', ['-d', '-r', `${path}/c.bpf.o`]).match(/CO-RE .*/g) ?? [];
    };
    assert.deepEqual(relocations(), []);
    const found = relocations('--portable');
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', /byte_off.*struct task_struct::tgid/);
  });
});

test('errors: file, line, column, caret on stderr; status 1; nothing written', () => {
  inFolder({ 'bad.c': 'int f(struct __sk_buff *skb) {\n  return skb->lenn;\n}\n' }, ({ skep, path }) => {
    const { status, out, err } = skep('compile', 'bad.c');
    assert.equal(status, 1);
    assert.equal(out, '');
    assert.match(err, /^bad\.c:2:15: error: .*'lenn'/);
    assert.match(err, /\n {6}\| {15}\^~~~\n/);
    assert.ok(!existsSync(`${path}/bad.bpf.o`));
  });
});

test('--json: one line with what was made, or why not', () => {
  inFolder({ ...FILES, 'bad.c': 'int f(struct __sk_buff *skb) {\n  return nothing;\n}\n' }, ({ skep }) => {
    const good = skep('compile', '--json', '-DSTEP=1', 'filter.bpf.c');
    assert.equal(good.err, '');
    assert.match(good.out, /^[^\n]+\n$/);
    const made = JSON.parse(good.out) as {
      ok: boolean;
      output: string;
      license: string;
      programs: { name: string; type: string; instructions: number }[];
      maps: unknown[];
    };
    assert.deepEqual([made.ok, made.output, made.license], [true, 'filter.bpf.o', 'GPL']);
    assert.deepEqual(
      made.programs.map(({ name, type }) => [name, type]),
      [['filter', 'socket_filter']],
    );
    assert.deepEqual(made.maps, [{ name: 'counts', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 16 }]);
    const bad = skep('compile', '--json', 'bad.c');
    assert.deepEqual([bad.status, bad.err], [1, '']);
    const { ok, diagnostics } = JSON.parse(bad.out) as { ok: boolean; diagnostics: { code: string; position: object }[] };
    assert.equal(ok, false);
    assert.deepEqual(
      diagnostics.map(({ code, position }) => [code, position]),
      [['undeclared-identifier', { file: 'bad.c', line: 2, column: 10 }]],
    );
    const text = JSON.parse(skep('compile', '--json', '--emit', 'pp', '-DSTEP=77', 'filter.bpf.c').out) as { text: string };
    assert.match(text.text, /\+ 77;/);
  });
});

test('-I and headers beside the file; the dialect can be said', () => {
  inFolder(
    { 'uses.c': '#include "own.h"\n#include <far.h>\nint f(struct __sk_buff *skb) { return OWN + FAR; }', 'own.h': '#define OWN 1\n' },
    ({ skep, file, path }) => {
      assert.equal(skep('compile', 'uses.c').status, 1);
      run('mkdir', [`${path}/inc`]);
      file('inc/far.h', '#define FAR 2\n');
      assert.deepEqual(skep('compile', '-I', 'inc', 'uses.c'), { status: 0, out: '', err: '' });
      assert.equal(skep('compile', '-Iinc', 'uses.c').status, 0);
      // BCC's macros mean nothing to libbpf.
      file('count.c', BCC);
      assert.equal(skep('compile', 'count.c').status, 0);
      assert.equal(skep('compile', '--dialect', 'libbpf', 'count.c').status, 1);
    },
  );
});

test('quoted includes look beside the file that asks, wherever the command is called from', () => {
  const files = {
    'inc.c': '#include "sub/far.h"\n#include "own.h"\nint f(struct __sk_buff *skb) { struct ev e = { FAR }; return e.a; }\n',
  };
  inFolder(files, ({ skep, path, file }) => {
    run('mkdir', ['-p', `${path}/d/sub`]);
    file('d/inc.c', files['inc.c']);
    file('d/own.h', '#pragma once\nstruct ev { int a; };\n');
    // Reached as d/sub/../own.h, and through -I by its absolute path: the same file.
    file('d/sub/far.h', '#include "../own.h"\n#include <own.h>\n#define FAR 2\n');
    for (const words of [
      [`-I${path}/d`, 'd/inc.c'],
      ['-Id/sub/..', `${path}/d/inc.c`],
    ])
      assert.deepEqual(skep('compile', ...words), { status: 0, out: '', err: '' });
    assert.match(skep('compile', 'inc.c').err, /inc\.c:1:10: error: there is no file 'sub\/far\.h'/);
  });
});

toolTest("a project's own vmlinux.h, the whole kernel's", { commands: ['bpftool'] }, () => {
  const btf = '/sys/kernel/btf/vmlinux';
  if (!existsSync(btf)) return;
  const program = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct event_of_mine { int pid; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } out SEC(".maps");
SEC("kprobe/x") int f(struct pt_regs *ctx) { struct task_struct *t = (void *)bpf_get_current_task(); return BPF_CORE_READ(t, real_parent, tgid); }
`;
  inFolder({ 'prog.c': program }, ({ skep, file, path }) => {
    file('vmlinux.h', spawnSync('bpftool', ['btf', 'dump', 'file', btf, 'format', 'c'], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout);
    assert.deepEqual(skep('compile', 'prog.c'), { status: 0, out: '', err: '' });
    const types = run('bpftool', ['btf', 'dump', 'file', `${path}/prog.bpf.o`]);
    assert.match(types, /'event_of_mine'/);
    assert.doesNotMatch(types, /'super_block' size=\d+ vlen=[1-9]/, 'types of the kernel only as far as they are used');
  });
});

test('what is no text: a NUL is a blank, a device and a pipe are said to be none', () => {
  inFolder({ 'nul.c': 'int kprobe__x(void *ctx) { \0 return 0; }\n', 'inc.c': '#include "/dev/zero"\nint x;\n' }, ({ skep }) => {
    const nul = skep('compile', 'nul.c');
    assert.deepEqual([nul.status, nul.err], [0, '']);
    const included = skep('compile', 'inc.c');
    assert.equal(included.status, 1);
    assert.match(included.err, /inc\.c:1:\d+: error: .*\/dev\/zero/);
    const device = skep('compile', '/dev/zero');
    assert.deepEqual([device.status, device.err], [1, 'skep: cannot read /dev/zero: it is a device\n']);
  });
});

test('check: a text with errors does not reach the kernel: status 1', () => {
  inFolder({ 'bad.c': 'int f(struct __sk_buff *skb) { return nothing; }' }, ({ skep }) => {
    const text = skep('check', 'bad.c');
    assert.deepEqual([text.status, text.out], [1, '']);
    assert.match(text.err, /^bad\.c:1:39: error: 'nothing'/);
    const { ok, programs } = JSON.parse(skep('check', '--json', 'bad.c').out) as { ok: boolean; programs: unknown[] };
    assert.deepEqual([ok, programs], [false, []]);
  });
});

test('wrong words: status 2, and what would be right', () => {
  inFolder(FILES, ({ skep }) => {
    const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['compile'], 2, /compile needs a C file/],
      [['compile', 'a.c', 'b.c'], 2, /takes one C file, not also 'b\.c'/],
      [['compile', '--emti', 'asm', 'count.c'], 2, /did you mean --emit/],
      [['compile', '--emit', 'elf', 'count.c'], 2, /--emit is one of obj, asm, ir, pp, btf, not 'elf'/],
      [['compile', '--dialect', 'cilium', 'count.c'], 2, /--dialect is one of bcc, libbpf/],
      [['compile', 'absent.c'], 1, /cannot read absent\.c: there is no such file/],
      [['compile', '.'], 1, /it is a folder/],
      [['compile', '-o', 'no/such/folder.o', 'count.c'], 1, /cannot write no\/such\/folder\.o: there is no such file or folder$/m],
      [['check'], 2, /check needs a C file/],
      [['run', '--attach', 'f', 'count.c'], 2, /--attach takes FUNCTION=PLACE/],
      [['completion'], 2, /bash, zsh, fish/],
      [['completion', 'csh'], 2, /not 'csh'/],
    ];
    for (const [words, status, message] of wrong) {
      const ended = skep(...words);
      assert.equal(ended.status, status, words.join(' '));
      assert.match(ended.err, message);
      assert.equal(ended.out, '');
    }
  });
});

test('--help of each command names all its flags; skep --help names the commands', () => {
  inFolder({}, ({ skep }) => {
    const overview = skep('--help').out;
    for (const name of ['compile', 'check', 'run', 'completion']) assert.match(overview, new RegExp(`^  ${name} `, 'm'));
    for (const [name, flags] of [
      ['compile', ['-o', '-D', '-I', '--dialect', '--btf', '--portable', '--emit', '--json']],
      ['check', ['--log', '--json']],
      ['run', ['--attach', '--duration', '--json']],
    ] as const) {
      const { status, out } = skep(name, '--help');
      assert.equal(status, 0);
      for (const flag of flags) assert.ok(out.includes(flag), `${name} ${flag}`);
    }
  });
});

test('completion: bash completes names, flags and choices', () => {
  inFolder({}, ({ skep, file }) => {
    const script = file('c.bash', skep('completion', 'bash').out);
    const complete = (...words: readonly string[]) =>
      run('bash', [
        '-c',
        `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _skep; echo "\${COMPREPLY[@]}"`,
      ])
        .trim()
        .split(' ');
    assert.deepEqual(complete('skep', 'bite'), ['bitesize']);
    assert.deepEqual(complete('skep', 'comp').sort(), ['compile', 'completion']);
    assert.deepEqual(complete('skep', 'compile', '--po'), ['--portable']);
    assert.deepEqual(complete('skep', 'compile', '--emit', ''), ['obj', 'asm', 'ir', 'pp', 'btf']);
    assert.deepEqual(complete('skep', 'bitesize', '--pi'), ['--pid']);
    assert.deepEqual(complete('skep', 'completion', 'f'), ['fish']);
    for (const command of ['compile', 'check', 'run']) assert.deepEqual(complete('skep', command, script.slice(0, -1)), [script], command);
    assert.deepEqual(complete('skep', 'tools', script.slice(0, -1)), ['']);
    // The other shells may not be here: every name and flag is at least in their scripts.
    for (const shell of ['zsh', 'fish'])
      for (const word of ['bitesize', 'compile', 'portable', 'pid'])
        assert.ok(skep('completion', shell).out.includes(word), `${shell} ${word}`);
  });
});
