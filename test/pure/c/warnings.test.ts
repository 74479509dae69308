/**
 * Warnings: code, message and position of each, and silence where there is nothing to say. Where clang has the same
 * warning, it must give it for the same line of the same text, and none where we give none.
 *
 * `§` marks where the warning stands and is no part of the text.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { testFacts } from '../dialect/front.ts';
import { PT_REGS } from '../dialect/run.ts';
import { CLANG, hasClang } from './support.ts';

interface Case {
  readonly text: string;
  /** `code message`; nothing: no warning. */
  readonly expect: string;
  /** Why clang says nothing there, or something. */
  readonly apart?: string;
}

const NOTHING: Pick<Case, 'expect'> = { expect: '' };

const C: readonly Case[] = [
  // What nobody uses
  { text: 'int f(void) { int §a = 1; return 0; }', expect: "unused-variable variable 'a' is never used" },
  {
    text: 'int g(void) { return 1; }\nint f(void) { int §a; a = g(); return 0; }',
    expect: "unused-but-set variable 'a' is set and its value never used",
  },
  { text: 'int f(void) { int §a = 0; a += 2; return 0; }', expect: "unused-but-set variable 'a' is set and its value never used" },
  { text: 'int f(void) { int a = 1; return sizeof(a); }', ...NOTHING },
  { text: 'int f(void) { int a __attribute__((unused)) = 1; return 0; }', ...NOTHING },
  { text: 'int f(void) { int a = 1; (void)a; return 0; }', ...NOTHING },
  { text: 'int f(int unused) { return 0; }', ...NOTHING },
  // Tags
  {
    text: 'struct here { int a; };\nint f(struct §hers *p) { return p != 0; }',
    expect: "tag-in-parameters 'struct hers' is named here for the first time, and declared nowhere; did you mean 'struct here'?",
  },
  { text: 'struct here;\nint f(struct here *p) { return p != 0; }', ...NOTHING },
  { text: 'struct here *make(void);\nint f(struct here *p) { return p != 0; }', ...NOTHING },
  {
    text: 'static int §lonely(void) { return 1; }\nint f(void) { return 0; }',
    expect: "unused-function function 'lonely' is static and nobody calls it",
  },
  { text: 'static inline int lonely(void) { return 1; }\nint f(void) { return 0; }', ...NOTHING, apart: 'headers are full of them' },
  { text: 'int f(int a) { a §+ 1; return 0; }', expect: 'unused-value the value of this expression is not used' },
  { text: 'int f(int a) { a §== 1; return 0; }', expect: "unused-value the result of this comparison is not used; '=' assigns" },
  { text: 'int f(int *p) { §*p; return 0; }', expect: 'unused-value the value of this expression is not used' },
  { text: 'int f(int a) { (void)(a + 1); return ({ a + 2; }); }', ...NOTHING },
  { text: 'int f(int a) { a++; a ? a++ : a--; return a; }', ...NOTHING },
  // Read before it is set
  { text: 'int f(void) { int a; return §a; }', expect: "uninitialized variable 'a' is read here and nothing has been put into it" },
  {
    text: 'int f(int c) { int a; if (c) c = 1; else c = 2; return c + §a; }',
    expect: "uninitialized variable 'a' is read here and nothing has been put into it",
  },
  { text: 'int f(void) { int a; §a += 1; return a; }', expect: "uninitialized variable 'a' is read here and nothing has been put into it" },
  {
    text: 'int f(void) { int a; while (§a < 3) ; return 0; }',
    expect: "uninitialized variable 'a' is read here and nothing has been put into it",
  },
  { text: 'int f(int c) { int a; if (c) a = 1; else a = 2; return a; }', ...NOTHING },
  { text: 'int f(int c) { int a; switch (c) { case 1: a = 1; break; default: a = 2; } return a; }', ...NOTHING },
  { text: 'int f(int c) { int a; for (int i = 0; i < c; i++) { if (i) return a; a = i; } return 0; }', ...NOTHING },
  { text: 'void g(int *p) { *p = 1; }\nint f(void) { int a; g(&a); return a; }', ...NOTHING },
  { text: 'int f(int c) { int a; if (c) goto out; a = 1; return a; out: return 0; }', ...NOTHING },
  { text: 'int f(int c) { int a; if (!c) return 0; do { a = 1; } while (c--); return a; }', ...NOTHING },
  { text: 'int f(void) { struct { int x, y; } s; s.x = 1; return s.x; }', ...NOTHING },
  { text: 'int f(int c) { int a; return c && (a = c) ? a : 0; }', ...NOTHING },
  {
    text: 'int f(void) { int a; asm volatile("%0 = 1" : "=r"(a)); return a; }',
    ...NOTHING,
    apart: 'clang reads the registers of this machine',
  },
  // Conditions
  {
    text: 'int f(int a) { if (a §= 1) return 1; return 0; }',
    expect: "assignment-in-condition '=' assigns; write '==' to compare, or a second pair of parentheses if it is meant",
  },
  {
    text: 'int g(void) { return 1; }\nint f(int a) { while (a §= g()) ; return 0; }',
    expect: "assignment-in-condition '=' assigns; write '==' to compare, or a second pair of parentheses if it is meant",
  },
  { text: 'int g(void) { return 1; }\nint f(int a) { if ((a = g())) return 1; return a; }', ...NOTHING },
  { text: 'int f(int a) { if (a)§;\n return a; }', expect: "empty-body this ';' is all that the 'if' does" },
  { text: 'int f(int a) { if (a) {} return a; }', ...NOTHING },
  // Precedence
  {
    text: 'int f(int a) { return a §& 4 == 4; }',
    expect: "precedence '==' binds closer than '&': this compares first; put parentheses around what belongs together",
  },
  { text: 'int f(int a) { return (a & 4) == 4; }', ...NOTHING },
  { text: 'int f(int a) { return a & (a == 4); }', ...NOTHING },
  {
    text: 'int f(int a, int b) { return a §<< b + 1; }',
    expect: "precedence '+' binds closer than '<<': put parentheses around what belongs together",
  },
  {
    text: 'int f(int a, int b) { return §!a == b; }',
    expect: "precedence '!' is for the left side of '==' alone; put parentheses around the whole",
  },
  {
    text: 'int f(int a, int b) { return §!a & b; }',
    expect: "precedence '!' is for the left side of '&' alone; put parentheses around the whole",
  },
  { text: 'int f(int a, int b) { return !a == !b; }', ...NOTHING },
  { text: 'int f(int a, int b) { return (!a) == b; }', ...NOTHING },
  // Comparisons of which one outcome is impossible
  {
    text: 'int f(unsigned char c) { return c §== 300; }',
    expect: "comparison-always this is always false: 'unsigned char' goes from 0 to 255",
  },
  {
    text: 'int f(signed char c) { return c §!= 200; }',
    expect: "comparison-always this is always true: 'signed char' goes from -128 to 127",
  },
  {
    text: 'int f(unsigned short c) { return 70000 §> c; }',
    expect: "comparison-always this is always true: 'unsigned short' goes from 0 to 65535",
  },
  {
    text: 'int f(unsigned char c) { return c §< 0; }',
    expect: "comparison-always this is always false: 'unsigned char' goes from 0 to 255",
    apart: 'part of -Wextra',
  },
  {
    text: 'int f(unsigned c) { return c §>= 0; }',
    expect: "comparison-always this is always true: 'unsigned int' goes from 0 to 4294967295",
    apart: 'part of -Wextra',
  },
  { text: 'int f(int a) { return a §== a; }', expect: "comparison-always 'a' is compared with itself" },
  { text: 'int f(unsigned a) { return a == -1; }', ...NOTHING },
  { text: 'int f(unsigned char c) { return c == 255 || c <= 255 - 1 || c > 0; }', ...NOTHING },
  { text: 'enum e { A, B };\nint f(enum e v) { return v == 7; }', ...NOTHING },
];

const BCC: readonly Case[] = [
  {
    text: '#include §<stdio.h>\n#include <linux/sched.h>\n#include <stdint.h>\nint f(void *ctx) { return 0; }',
    expect:
      "library-header <stdio.h> is the C library's, and a program in the kernel has none of its functions: to print, call bpf_trace_printk()",
  },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 v = 1; h.update(&k, §v); return 0; }',
    expect: "int-conversion parameter 2 of 'h.update' is the address of a value, and this is 'u64' (aka 'unsigned long long'): '&v'",
  },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; return h.lookup(§k) != 0; }',
    expect: "int-conversion parameter 1 of 'h.lookup' is the address of a key, and this is 'u32' (aka 'unsigned int'): '&k'",
  },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 *v = h.lookup(&k); return *§v; }',
    expect: "unchecked-lookup 'v' may be null here, and the kernel refuses programs that do not ask: if (!v) return 0;",
  },
  {
    text: 'struct s { int a; };\nBPF_HASH(h, u32, struct s);\nint f(void *ctx) { u32 k = 1; struct s *v = h.lookup(&k); §v->a = 1; return 0; }',
    expect: "unchecked-lookup 'v' may be null here, and the kernel refuses programs that do not ask: if (!v) return 0;",
  },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; return *h.§lookup(&k); }',
    expect:
      'unchecked-lookup what the look-up gives may be null here, and the kernel refuses programs that do not ask: keep it in a variable and check that first',
  },
  { text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 *v = h.lookup(&k); if (v) return *v; return 0; }', ...NOTHING },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 *v = h.lookup(&k); if (v == NULL) return 0; return *v; }',
    ...NOTHING,
  },
  { text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 *v = h.lookup(&k); return v ? *v : 0; }', ...NOTHING },
  { text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 z = 0, *v = h.lookup_or_init(&k, &z); return *v; }', ...NOTHING },
  {
    text: 'BPF_HASH(h, u32, u64);\nint f(void *ctx) { u32 k = 1; u64 *v; int i; for (i = 0; i < 3; i++) { v = h.lookup(&k); if (!v) continue; return *v; } return 0; }',
    ...NOTHING,
  },
  {
    text: 'struct e { u64 pad; int data_loc_name; };\nint f(struct e *args) { char b[8]; bpf_probe_read_kernel_str(b, 8, §(void *)(long)args->data_loc_name); return b[0]; }',
    expect:
      "data-loc-as-pointer 'data_loc_name' is no address but says where in the record 'name' is (offset in the lower, length in the upper 16 bits): read it with TP_DATA_LOC_READ_STR(to, name, size), or from (void *)ctx + (data_loc_name & 0xffff)",
  },
  {
    text: 'struct e { u64 pad; int data_loc_name; };\nint f(struct e *args) { char b[8]; TP_DATA_LOC_READ_STR(b, name, 8); return b[0]; }',
    ...NOTHING,
  },
  {
    text: 'int f(void *ctx) { int a = 1; bpf_trace_printk("%s", §a); return 0; }',
    expect: 'bad-format %s prints the text at an address; value 1 is a number',
  },
  {
    text: 'int f(void *ctx) { char a[4] = "x"; bpf_trace_printk("%d", §a); return 0; }',
    expect: 'bad-format %d prints a number; value 1 is an address (%p, or %s for its text)',
  },
  { text: 'int f(void *ctx) { char a[4] = "x"; u64 b = 1; bpf_trace_printk("%s %d %lx", a, b, b); return 0; }', ...NOTHING },
  {
    text: 'int f(void *ctx) { return §bpf_ktime_get_tai_ns(); }',
    expect: 'helper-too-new bpf_ktime_get_tai_ns() exists since Linux 6.1, and the program is compiled for 5.10',
  },
  {
    text: 'BPF_ARRAY(a, u64, 1);\nint f(void *ctx) { int k = 0; u64 v = 1; a.§insert(&k, &v); return 0; }',
    expect: "useless-insert insert() never does anything on 'a': all keys of an array are there",
  },
];

function clean(text: string): { readonly text: string; readonly at: string | undefined } {
  const index = text.indexOf('§');
  const plain = text.replace('§', '');
  if (index < 0) return { text: plain, at: undefined };
  const before = plain.slice(0, index).split('\n');
  return { text: plain, at: `${before.length}:${(before.at(-1) ?? '').length + 1}` };
}

function warned(text: string, dialect: boolean): string[] {
  const { diagnostics, source } = compile(text, {
    facts: testFacts({ btf: undefined, ...(dialect ? { kernelVersion: 0x050a00 } : {}) }),
    dialect: dialect ? bccDialect : undefined,
    roots: ['f'],
    warnUnused: true,
  });
  return diagnostics.map((d) => {
    const at = source.filePosition(d.loc);
    return `${d.severity} ${at?.line}:${at?.column} ${d.code} ${d.message}`;
  });
}

test('each warning, where it stands', () => {
  for (const [cases, dialect] of [
    [C, false],
    [BCC, true],
  ] as const) {
    for (const { text, expect } of cases) {
      const { text: plain, at } = clean(text);
      assert.deepEqual(warned(plain, dialect), expect === '' ? [] : [`warning ${at} ${expect}`], plain);
    }
  }
});

test('clang warns where we do, and nowhere else', { skip: hasClang ? false : 'needs clang' }, () => {
  for (const { text, expect, apart } of C) {
    if (apart !== undefined) continue;
    const { text: plain, at } = clean(text);
    const { stderr } = spawnSync(CLANG, ['-xc', '-fsyntax-only', '-Wall', '-Wno-missing-prototypes', '-'], {
      input: plain,
      encoding: 'utf8',
    });
    const lines = [...stderr.matchAll(/^<stdin>:(\d+):\d+: warning/gm)].map((m) => m[1]);
    assert.deepEqual([...new Set(lines)], expect === '' ? [] : [at?.split(':')[0]], `${plain}\n${stderr}`);
  }
});

test('#pragma GCC diagnostic: silent between ignored and pop, and not elsewhere', () => {
  const lines = (text: string): (number | undefined)[] => {
    const { diagnostics, source } = compile(text, { facts: testFacts({ btf: undefined }), roots: ['f', 'g', 'h'], warnUnused: true });
    return diagnostics.map((d) => source.filePosition(d.loc)?.line);
  };
  const bad = (name: string): string => `int ${name}(int *p) { int u; return p; }\n`;
  // Each has two: the conversion, and the variable that nobody uses, found after all was read.
  assert.deepEqual(lines(bad('f')), [1, 1]);
  for (const who of ['GCC', 'clang'])
    assert.deepEqual(
      lines(
        `#pragma ${who} diagnostic push\n#pragma ${who} diagnostic ignored "-Wint-conversion"\n#pragma ${who} diagnostic ignored "-Wunused"\n${bad('f')}#pragma ${who} diagnostic pop\n${bad('g')}`,
      ),
      [6, 6],
    );
  assert.deepEqual(
    lines(`#pragma GCC diagnostic ignored "-Wint-conversion"\n${bad('f')}#pragma GCC diagnostic warning "-Wint-conversion"\n${bad('g')}`),
    [4, 2, 4],
  );
  assert.deepEqual(lines(`#pragma GCC diagnostic ignored "-Wno-such-warning"\n${bad('f')}`), [2, 2]);
  // In a macro, as libbpf's BPF_KPROBE has it: for what the macro makes, and what macros in it make.
  const macro =
    '#define ARG(x) (void *)(x)\n#define ARGS(x) ARG(x)\n#define CALL(f, x) ({ _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \\"-Wint-conversion\\"") int r = f(ARGS(x)); _Pragma("GCC diagnostic pop") r; })\n';
  assert.deepEqual(lines(`${macro}int g(int a) { return a; }\nint f(long a) { return CALL(g, a) + g(ARGS(a)); }`), [5]);
  assert.deepEqual(lines(`${macro}int g(int a) { return a; }\nint f(long a) { return CALL(g, a); }\nint h(int *p) { return p; }`), [6]);
});

test("warnings inside the user's own macros name the macro, those in the dialect's stay silent", () => {
  const own = compile('#define READ(x, y) (x & y == 1)\nint f(int a, int b) { return READ(a, b); }', {
    facts: testFacts({ btf: undefined }),
    roots: ['f'],
  });
  assert.deepEqual(
    own.diagnostics.map((d) => [d.code, own.source.resolve(d.loc)?.expansions[0]?.macro]),
    [['precedence', 'READ']],
  );
  assert.deepEqual(
    warned(
      `${PT_REGS}BPF_HISTOGRAM(h, u32);\nint f(struct pt_regs *ctx) { h.increment(1); h.atomic_increment(2, 3); return PT_REGS_RC(ctx); }`,
      true,
    ),
    [],
  );
});

test("a body that the user wrote is looked at, also where the function's name comes from a macro of the dialect", () => {
  const body = '{ u32 k = 1; int unused; u64 x; u64 *v = bpf_map_lookup_elem(&h, &k); *v += 1; return x; }';
  const facts = testFacts({
    btf: undefined,
    tracepointFormat: () => 'name: e\nID: 1\nformat:\n\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n',
  });
  const map =
    'struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 10); __type(key, u32); __type(value, u64); } h SEC(".maps");\n';
  const libbpf = `enum { BPF_MAP_TYPE_HASH = 1 };\ntypedef unsigned int u32;\ntypedef unsigned long long u64;\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n${map}`;
  for (const [text, dialect] of [
    [`BPF_HASH(h, u32, u64);\nTRACEPOINT_PROBE(sched, e) ${body}`, bccDialect],
    [`BPF_HASH(h, u32, u64);\nRAW_TRACEPOINT_PROBE(e) ${body}`, bccDialect],
    [`BPF_HASH(h, u32, u64);\nKFUNC_PROBE(e, int a) ${body}`, bccDialect],
    [`${libbpf}SEC("fentry/e") int BPF_PROG(f, int a) ${body}`, libbpfDialect],
  ] as const) {
    const { diagnostics, source } = compile(
      text.replaceAll('bpf_map_lookup_elem(&h, &k)', dialect === bccDialect ? 'h.lookup(&k)' : '$&'),
      {
        facts,
        dialect,
        warnUnused: true,
      },
    );
    const last = text.split('\n').length;
    assert.deepEqual(
      diagnostics.map((d) => `${source.filePosition(d.loc)?.line} ${d.code}`),
      [`${last} unused-variable`, `${last} unchecked-lookup`, `${last} uninitialized`],
      text,
    );
  }
});

test('without the option, nothing is said about what nobody uses', () => {
  const { diagnostics } = compile('static int g(void) { return 1; }\nint f(int a) { int b = 1; a + 1; return 0; }', {
    facts: testFacts({ btf: undefined }),
    roots: ['f'],
  });
  assert.deepEqual(diagnostics, []);
});
