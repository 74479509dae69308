/**
 * The codes of all diagnostics: each stands in the table, the page `docs/errors.md` is what the table says, and each is
 * given by some text that a test has, at its place. Most have their tests elsewhere (`c/errors`, `preprocessor/`,
 * `parser/`, `dialect/`); the rest is here.
 *
 * SKEP_UPDATE=1 writes the page anew.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WARNING_NAMES } from '../../../src/compiler/c/preprocessor/warning-names.ts';
import { adviceOf } from '../../../src/compiler/code-advice.ts';
import { allCodes, CODE_GROUPS } from '../../../src/compiler/codes.ts';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { renderDiagnostic } from '../../../src/compiler/render-diagnostic.ts';
import { VERIFIER_TABLE } from '../../../src/link/verifier-table.ts';
import { root } from '../../run/paths.ts';
import { kernelBtf, testFacts } from '../dialect/front.ts';

interface Case {
  readonly text: string;
  /** `severity code message` of the one that `§` marks; what follows from it may come after. */
  readonly expect: string;
  readonly dialect?: 'bcc' | 'libbpf';
}

// biome-ignore format: a table
const CASES: readonly Case[] = [
  // Preprocessor
  { text: '#if defined §3\n#endif', expect: "error bad-defined 'defined' needs the name of a macro" },
  { text: '#line §x', expect: "error bad-line-directive '#line' needs a line number" },
  { text: '#line 7 §x', expect: "error bad-line-directive the file name of '#line' must be a string" },
  { text: '#define P(a, b) a##b\nint x = P(§+, /);', expect: "error bad-token-paste '##' makes '+/' here, which is not one token" },
  { text: '#define V(...) §__VA_OPT__ x\nint y;', expect: "error bad-va-opt '__VA_OPT__' needs a parenthesised text behind it" },
  { text: '#if 9223372036854775807 §+ 1\n#endif', expect: 'warning condition-overflow this condition overflows 64 bits' },
  { text: "#if §''\n#endif", expect: 'error empty-character a character constant needs a character' },
  { text: "#if §'\\777'\n#endif", expect: "error escape-out-of-range the escape '\\777' does not fit into the character's type" },
  { text: '#define F(x) x\nint a = F(\n#§include <x.h>\n1);', expect: "error include-in-arguments '#include' cannot stand among the arguments of a macro" },
  { text: '#§include_next <linux/types.h>', expect: "warning include-next-in-main '#include_next' in a main file is the same as '#include'", dialect: 'libbpf' },
  { text: '#define S(x) #x\nchar a[] = §S(\\);', expect: "warning incomplete-string the text that '#' makes ends in a lone backslash, which is left out" },
  { text: '#§define\nint a;', expect: "error missing-macro-name '#define' needs the name of a macro" },
  { text: 'struct ev { int a; };\nstruct s { struct evv §b; };', expect: "error incomplete-type member 'b' has incomplete type 'struct evv'; did you mean 'struct ev'?" },
  { text: '#if §18446744073709551615 > 1\n#endif', expect: "warning number-as-unsigned '18446744073709551615' is too large for a signed number and counts as unsigned" },
  { text: '#define M 1\n#pragma GCC poison §M', expect: "warning poisoned-macro 'M' is poisoned while it is a macro" },
  { text: '#§pragma GCC system_header\nint a;', expect: "warning system-header-in-main '#pragma system_header' in a main file does nothing" },
  { text: '#define F(x) x\n#if §__has_builtin\n#endif', expect: "error bad-builtin-call '__has_builtin' needs its operand in parentheses" },
  { text: '#include <bpf/bpf_helpers.h>\nSEC("fentry/x") int §BPF_PROG(f, struct task_struct *p) { return 0; }', expect: "error missing-include 'BPF_PROG' is a macro of <bpf/bpf_tracing.h>: include it, '#include <bpf/bpf_tracing.h>'$", dialect: 'libbpf' },
  { text: 'struct t { int pid; };\n#include <bpf/bpf_helpers.h>\nSEC("tc") int f(struct __sk_buff *s) { struct t *t = (void *)s; return §BPF_CORE_READ(t, pid) + nowhere; }', expect: "error missing-include 'BPF_CORE_READ' is a macro of <bpf/bpf_core_read.h>: include it, '#include <bpf/bpf_core_read.h>'$", dialect: 'libbpf' },
  { text: '§SEC("tc") int f(void *ctx) { return 0; }', expect: "error missing-include 'SEC' is a macro of <bpf/bpf_helpers.h>: include it, '#include <bpf/bpf_helpers.h>'$", dialect: 'libbpf' },
  // Programs and maps of libbpf
  { text: '#include <bpf/bpf_helpers.h>\nSEC("xdp") int two(struct xdp_md *c, int §n) { return n; }', expect: "warning program-parameter a program of type xdp gets one argument, its context: nothing sets 'n'$", dialect: 'libbpf' },
  { text: '#include <bpf/bpf_helpers.h>\nSEC("kprobe/f") int two(void *c, int §fd) { return fd; }', expect: "warning program-parameter a program of type kprobe gets one argument, its context: nothing sets 'fd'; BPF_KPROBE(two, …) would fetch it$", dialect: 'libbpf' },
  { text: '#include <bpf/bpf_helpers.h>\nstruct { __uint(type, 2); __uint(max_entries, 1); __type(key, int); __type(value, int); } §m;\nSEC("xdp") int f(struct xdp_md *c) { int k = 0; int *v = bpf_map_lookup_elem(&m, &k); return v ? *v : 0; }', expect: "warning map-without-section 'm' is described like a map and has no section, so it is plain memory, which bpf_map_lookup_elem() does not take", dialect: 'libbpf' },
  { text: 'int f(struct __sk_buff *skb) { u8 *cursor = 0; struct §ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet)); return ethernet->type; }', expect: "error missing-include 'ethernet_t' is a macro of <bcc/proto.h>: include it, '#include <bcc/proto.h>'$", dialect: 'bcc' },
  // Parser
  { text: 'int f(void) { __auto_type *§p = 0; return 0; }', expect: "error auto-type '__auto_type' declares plain names only" },
  { text: 'int f(void) { §_BitInt(7) a = 1; return a; }', expect: "error bit-int '_BitInt' is not supported" },
  { text: 'struct s { §int; int a; };', expect: 'warning declares-nothing this declares no member' },
  { text: 'static §static int a;', expect: "warning duplicate-specifier 'static' is said twice" },
  { text: 'int f(a) int a; §3 { return a; }', expect: "error expected-function-body expected '{' or the declaration of a parameter; found the number 3" },
  { text: 'int f(void) { asm(§3); return 0; }', expect: "error expected-string expected a string literal; found the number 3" },
  { text: 'struct §3;', expect: "error expected-tag expected a name or '{' after 'struct'; found the number 3" },
  { text: 'struct s { const§; int a; };', expect: "error expected-type expected a type; found ';'" },
  { text: 'void *p = §&&out;', expect: 'error label-outside-function the address of a label can only be taken inside a function' },
  { text: 'int f(void) { int a; §__label__ x; return 0; }', expect: "error misplaced-label-declaration '__label__' is allowed at the start of a block only" },
  { text: '#§pragma clang attribute pop', expect: 'warning pragma-attribute #pragma clang attribute pop without a push before it' },
  { text: '#§pragma pack(3)\nint a;', expect: "warning pragma-pack #pragma pack takes 1, 2, 4, 8 or 16; found '3'" },
  { text: 'typedef int f(void) §{ return 0; }', expect: 'error typedef-function a typedef cannot have a function body' },
  { text: 'int f(a) int §b; { return a; }', expect: "error unknown-parameter 'b' is not a parameter of 'f'" },
  // Behind a macro, at its closing parenthesis; what a macro begins with is no word of the user's.
  { text: 'struct k { u32 a; };\nBPF_HASH(counts, struct k)§\nint f(void) { return 0; }', expect: "error expected-semicolon expected ';' after a declaration; found 'int'", dialect: 'bcc' },
  { text: 'BPF_HASH(counts)§\nBPF_PERF_OUTPUT(events);', expect: "error expected-semicolon expected ';' after a declaration$", dialect: 'bcc' },
  { text: '#define M int q\nM§\nint f(void) { return 0; }', expect: "error expected-semicolon expected ';' after a declaration; found 'int'" },
  // Dialects
  { text: '§BPF_HASH(h, u32, struct foo);', expect: "error incomplete-type the value of table 'h' has incomplete type 'struct foo'$", dialect: 'bcc' },
  { text: 'struct fool { int a; };\n§BPF_HASH(h, struct foo);', expect: "error incomplete-type the key of table 'h' has incomplete type 'struct foo'; did you mean 'struct fool'?", dialect: 'bcc' },
  { text: 'struct k { int a; };\nBPF_HASH(h, struct k);\nint f(void *ctx) { struct k key = {}; return h.lookup(§key) != 0; }', expect: "error incompatible-assign 'h.lookup' takes a pointer to the key: &key; this is 'struct k' itself$", dialect: 'bcc' },
  { text: 'struct k { int a; };\nBPF_HASH(h, u32, struct k);\nint f(void *ctx) { struct k v[2] = {}; u32 key = 0; h.update(&key, v§[1]); return 0; }', expect: "error incompatible-assign 'h.update' takes a pointer to the value (take the address with '&'); this is 'struct k' itself$", dialect: 'bcc' },
  { text: 'struct k { int a; };\nBPF_PERF_OUTPUT(p);\nint f(void *ctx) { struct k e = {}; p.perf_submit(ctx, §e, sizeof(e)); return 0; }', expect: "error incompatible-assign 'p.perf_submit' takes a pointer to the record: &e; this is 'struct k' itself$", dialect: 'bcc' },
  { text: '#include <bpf/bpf_helpers.h>\nSEC("kprobee/foo") int §f(void *ctx) { return 0; }', expect: 'error unknown-section section "kprobee/foo" of \'f\' does not say what kind of program it is, and neither does its context; did you mean "kprobe/foo"?', dialect: 'libbpf' },
  { text: '#include <bpf/bpf_helpers.h>\nSEC("?cgruop/connect4") int §f(void *ctx) { return 0; }', expect: 'error unknown-section section "?cgruop/connect4" of \'f\' does not say what kind of program it is, and neither does its context; did you mean "?cgroup/connect4"?', dialect: 'libbpf' },
  { text: '#include <bpf/bpf_helpers.h>\nstruct pt_regs { long di; };\nSEC("kretprob/foo") int §f(struct pt_regs *ctx) { return 0; }', expect: 'warning unknown-section section "kretprob/foo" of \'f\' does not say where it belongs; did you mean "kretprobe/foo"?', dialect: 'libbpf' },
  { text: '#include <bcc/proto.h>\nstatic int f(void) { struct udp_t *u = 0; return u->§sport; }', expect: "error no-packet field 'sport' of a packet header is read in a function without the packet: its first parameter must be the struct __sk_buff *", dialect: 'bcc' },
  // Code generation
  { text: 'static int a;\nint *§p = &a;\nint f(void) { return *p; }', expect: "error address-in-initializer 'p' holds the address of 'a', and no loader fills addresses into data: use it only where it folds away, or set it in the program" },
  { text: 'int f(void) { §asm volatile("r0 = 1" ::: "r77"); return 0; }', expect: 'error asm-clobber "r77" is not a register that assembly may destroy' },
  { text: 'int f(int a) { §asm volatile("%0 = 1" :: "X"(a)); return 0; }', expect: 'error asm-constraint' },
  { text: 'int f(int a) { §asm goto("if %0 == 0 goto %l1" :: "r"(a) :: out); out: return 0; }', expect: "error asm-goto 'asm goto' is not supported" },
  { text: 'struct r { long a[4]; };\nextern struct r k(void) __attribute__((section(".ksyms")));\nint f(void) { struct r x; x = §k(); return x.a[0]; }', expect: "error record-result 'k' returns a record, which no kernel function can hand to BPF" },
];

interface Said {
  readonly line: string;
  readonly code: string;
  readonly caret: number;
}

function said(text: string, dialect: Case['dialect']): Said[] {
  const { diagnostics, source } = compile(text, {
    facts: testFacts({ btf: undefined }),
    dialect: dialect === undefined ? undefined : dialect === 'bcc' ? bccDialect : libbpfDialect,
    roots: ['f'],
    file: 't.c',
  });
  return diagnostics.map((d) => {
    const at = source.filePosition(d.loc);
    const [, , mark = ''] = renderDiagnostic(d, source).split('\n');
    return {
      line: `${d.severity} ${at?.line}:${at?.column} ${d.code} ${d.message}`,
      code: d.code,
      caret: mark.indexOf('^') - mark.indexOf('|') - 2,
    };
  });
}

test('codes that no other test has, at their places, with the caret there', () => {
  const wrong: string[] = [];
  for (const { text, expect, dialect } of CASES) {
    const index = text.indexOf('§');
    const plain = text.replace('§', '');
    const before = plain.slice(0, index).split('\n');
    const column = (before.at(-1) ?? '').length;
    const [severity, code] = expect.split(' ');
    const all = said(plain, dialect);
    const found = all.find((s) => s.code === code);
    // A `$` at the end: the message ends there.
    const whole = expect.endsWith('$');
    const wanted = `${severity} ${before.length}:${column + 1} ${expect.slice((severity ?? '').length + 1, whole ? -1 : undefined)}`;
    if (whole ? found?.line !== wanted : found?.line.startsWith(wanted) !== true)
      wrong.push(`${plain}\nwanted ${wanted}\nfound  ${all.map((s) => s.line).join('\n       ')}`);
    else if (found?.caret !== column) wrong.push(`${plain}\ncaret at ${found?.caret}`);
  }
  assert.deepEqual(wrong, []);
});

test("one message for one mistake, and nothing of the dialects' own text", () => {
  assert.deepEqual(
    said('int f(void) { float f = 1.5; return 0; }', undefined).map((s) => s.code),
    ['no-floating-point'],
  );
  const { diagnostics, source } = compile('BPF_HASH(h, u32, struct foo);', { facts: testFacts({ btf: undefined }), dialect: bccDialect });
  const shown = diagnostics.map((d) => renderDiagnostic(d, source)).join('');
  assert.equal(shown.split('\n').length, 4, shown);
  assert.ok(!shown.includes('<bcc>'), shown);
});

test('one message for one mistake: macros', () => {
  const codes = (text: string, dialect?: 'bcc' | 'libbpf'): string[] => said(text, dialect).map((s) => s.line.replace(/^(\S+ )\S+ /, '$1'));
  assert.deepEqual(codes('#define M(a, b) a + b\nint f(void) { return M(1); }\nint g(void) { return M(1, 2, 3); }'), [
    "error macro-argument-count macro 'M' takes 2 arguments, but 1 is given",
    "error macro-argument-count macro 'M' takes 2 arguments, but 3 are given",
  ]);
  assert.deepEqual(codes('TRACEPOINT_PROBE(sched) { return 0; }\nint f(void *ctx) { return nowhere; }', 'bcc'), [
    "error macro-argument-count macro 'TRACEPOINT_PROBE' takes 2 arguments, but 1 is given",
    "error undeclared-identifier 'nowhere' is not declared",
  ]);
  const READ = '#define TWICE(p, m) (sizeof((p)->m) + (p)->m)\nstruct s { int a; int b; };\n';
  assert.deepEqual(codes(`${READ}int f(struct s *p) { return TWICE(p, c); }`), [
    "error no-member 'struct s' has no member 'c'; it has 'a' and 'b'",
  ]);
  assert.deepEqual(codes('BPF_QUEUE(q, u32);\nBPF_HASH(h, u32, u32, 1, 2, 3);', 'bcc'), [
    'error static-assert static assertion failed: BPF_QUEUE takes 3 or 4 arguments',
    'error static-assert static assertion failed: BPF_HASH takes 1 to 4 arguments',
  ]);
  assert.deepEqual(codes('struct s { int a; int a; };\nint f(struct s *p) { return p->bcd; }'), [
    "error duplicate-member member 'a' is there twice",
    "error no-member 'struct s' has no member 'bcd'; it has 'a'",
  ]);
});

test('what is quoted from the text has an end', () => {
  for (const word of ['a'.repeat(3_000_000), '1'.repeat(3_000_000)]) {
    const { diagnostics } = compile(`int f(void) { return ${word}; }`, { facts: testFacts({ btf: undefined }), roots: ['f'] });
    assert.equal(diagnostics.length, 1);
    assert.ok((diagnostics[0]?.message.length ?? 0) < 300, diagnostics[0]?.message.slice(0, 300));
    assert.match(diagnostics[0]?.message ?? '', /^'(.)\1{40,}…\1+'/);
  }
});

test('a loop that is too long to be unrolled', () => {
  const { diagnostics } = compile(
    'int g(int);\n__attribute__((noinline)) int g(int i) { return i * 3; }\nint f(void) {\n int n = 0;\n#pragma unroll\n for (int i = 0; i < 1000000; i++) n += g(i);\n return n; }',
    { facts: testFacts({ btf: undefined }), roots: ['f'] },
  );
  assert.deepEqual(
    diagnostics.map((d) => d.message.replace(/\d+ instructions/, 'N instructions')),
    ['this loop is not unrolled: more than 4096 rounds of N instructions are too many'],
  );
});

test('a misspelt constant of the kernel', () => {
  const line = (text: string): string | undefined => said(text, 'libbpf')[0]?.line;
  assert.match(line('int a = ETH_P_IPV66;') ?? '', /'ETH_P_IPV66' is not declared; did you mean 'ETH_P_IPV6'\?$/);
  const btf = kernelBtf();
  if (btf === undefined) return;
  const { diagnostics } = compile('int a = BPF_MAP_TYPE_HSAH;', { facts: testFacts({ btf }), dialect: libbpfDialect });
  assert.deepEqual(
    diagnostics.map((d) => d.message),
    ["'BPF_MAP_TYPE_HSAH' is not declared; did you mean 'BPF_MAP_TYPE_HASH'?"],
  );
});

test("clang's names of warnings stand for codes that there are", () => {
  const known = new Set<string>(allCodes());
  assert.deepEqual(
    Object.values(WARNING_NAMES).flatMap((codes) => (codes === 'every' ? [] : codes.filter((code) => !known.has(code)))),
    [],
  );
});

test('a header that is missing hides no other mistake', () => {
  const text =
    '#include <bpf/bpf_helpers.h>\nSEC("fentry/x") int BPF_PROG(f, int a)\n{\n\tint b = nowhere;\n\treturn a + b\n}\nSEC("fentry/y") int BPF_PROG(g, int a) { return a; }\n';
  assert.deepEqual(
    said(text, 'libbpf').map((s) => s.line.split(' ').slice(0, 3).join(' ')),
    ['error 2:21 missing-include', 'error 4:10 undeclared-identifier', 'error 5:14 expected-semicolon'],
  );
  // The text's own struct of that name, or macro, is not missed.
  assert.deepEqual(
    said('struct ip_t { int a; };\nint f(struct __sk_buff *skb) { struct ip_t *p = 0; return p->b; }', 'bcc').map((s) => s.code),
    ['no-member'],
  );
  assert.deepEqual(
    said('#define SEC(n) __attribute__((section(n), used))\nSEC("tc") int f(void *ctx) { return nowhere; }', 'libbpf').map((s) => s.code),
    ['undeclared-identifier'],
  );
});

/** All files below a folder of the project. */
function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
}

test('every code that is given stands in the table, and the other way round', () => {
  const given = new Set<string>();
  const sources = files('src/compiler', '.ts');
  for (const text of sources) {
    for (const [, code] of text.matchAll(
      /\b(?:\w*error|\w*warn|report|fail|stop|problem|refuse)\w*\(\s*(?:ctx,\s*)?'([a-z][a-z0-9]*(?:-[a-z0-9]+)*)'/g,
    ))
      given.add(code as string);
    for (const [, code] of text.matchAll(/\bcode: '([a-z][a-z0-9-]+)'/g)) given.add(code as string);
  }
  const known = new Set(allCodes());
  assert.deepEqual(
    [...given].filter((code) => !known.has(code)),
    [],
  );
  const everything = sources.join('\n');
  assert.deepEqual(
    [...known].filter(
      (code) => !given.has(code) && everything.split(`'${code}'`).length < 3 && !new RegExp(String.raw`\b${code}:`).test(everything),
    ),
    [],
  );
  assert.ok(known.size >= 200, `${known.size}`);
});

/** Guards of the back end: the front end says it earlier, in other words. */
const GUARDS = new Set(['core-kind', 'core-offset-too-large', 'too-many-parameters']);

test('every code is in a test', () => {
  const tests = files('test', '.ts').join('\n');
  assert.deepEqual(
    allCodes().filter((code) => !GUARDS.has(code) && !new RegExp(String.raw`\b${code}\b`).test(tests)),
    [],
  );
});

/** As Markdown; what stands in backticks is shown as it is and needs no escapes. */
function markdown(text: string): string {
  return text
    .replace(/\$\d/g, '…')
    .split('`')
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[_*<]/g, '\\$&')))
    .join('`');
}

function page(): string {
  let text = `# Messages of the compiler

Every message ends with its code in brackets. Codes are stable: scripts and editors may rely on them, messages may grow
clearer. Where the meaning alone does not say what to change, that follows. \`skep explain CODE\` says the same. This page
is made from \`src/compiler/codes.ts\` and \`src/compiler/code-advice.ts\`.
`;
  for (const [title, group] of Object.entries(CODE_GROUPS)) {
    text += `\n## ${title}\n\n`;
    for (const [code, meaning] of Object.entries(group)) {
      const advice = adviceOf(code);
      text += `- \`${code}\`: ${markdown(meaning)}${advice === undefined ? '' : ` What to do: ${markdown(advice)}.`}\n`;
    }
  }
  text += `
## Refusals of the kernel's verifier

A program that compiles may still be refused when it is loaded. skep names the class, the line, the way there and what to
change; these are the classes.

`;
  for (const { class: name, explanation, hint } of VERIFIER_TABLE)
    text += `- \`${name}\`: ${markdown(explanation)}. What to do: ${markdown(hint)}.\n`;
  return text;
}

test('code on the page is code: in pairs of backticks, without backslashes', () => {
  for (const line of page().split('\n')) {
    const parts = line.split('`');
    assert.equal(parts.length % 2, 1, line);
    assert.deepEqual(
      parts.filter((part, i) => i % 2 === 1 && part.includes('\\')),
      [],
      line,
    );
  }
});

test('docs/errors.md is what the table says', () => {
  const path = join(root, 'docs', 'errors.md');
  if (process.env['SKEP_UPDATE'] === '1') writeFileSync(path, page());
  assert.equal(readFileSync(path, 'utf8'), page());
});
