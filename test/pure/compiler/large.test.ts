/** Programs that grow when functions are inlined: told once, where it happens, and nothing is done with them afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { testFacts } from '../dialect/front.ts';

const HEAD = '#define INLINE static inline __attribute__((always_inline))\nstruct pt_regs { unsigned long di; };\n';

function said(text: string): { readonly what: string[]; readonly optimised: ReadonlySet<string> } {
  const optimised = new Set<string>();
  const { diagnostics, source } = compile(`${HEAD}${text}`, {
    facts: testFacts({ btf: undefined }),
    dialect: bccDialect,
    trace: (pass, fn) => void (pass !== 'lower' && optimised.add(fn.name)),
  });
  const what = diagnostics.map(({ code, loc }) => `${code} ${source.filePosition(loc)?.line ?? 0}`);
  return { what, optimised };
}

/** Each function calls the one before it twice. */
function doubling(depth: number): string {
  let text = 'INLINE u64 f0(u64 x) { return x * 31 + (x >> 3) + bpf_ktime_get_ns(); }\n';
  for (let i = 1; i < depth; i++) text += `INLINE u64 f${i}(u64 x) { return f${i - 1}(x) ^ f${i - 1}(x + ${i}); }\n`;
  return `${text}int kprobe__x(struct pt_regs *ctx) { return f${depth - 1}(ctx->di); }\n`;
}

test('a function that doubles with each that calls it', () => {
  const { what, optimised } = said(doubling(40));
  assert.deepEqual(what, ['function-too-large 18']);
  // Those that would be larger still are not looked at.
  assert.ok(optimised.has('f14'));
  assert.ok(!optimised.has('f15') && !optimised.has('kprobe__x'));
});

test('thousands of calls of one function', () => {
  const body =
    'u64 a[4] = { x, bpf_ktime_get_ns(), x * 3, 5 }; for (int i = 0; i < 4; i++) x += a[(x + i) & 3] * bpf_get_prandom_u32(); return x;';
  const calls = 'x = g(x);\n'.repeat(9000);
  const { what } = said(`INLINE u64 g(u64 x) { ${body} }\nint kprobe__x(struct pt_regs *ctx) { u64 x = ctx->di;\n${calls}return x; }\n`);
  assert.equal(what.length, 1);
  assert.match(what[0] ?? '', /^function-too-large \d{4}$/);
});
