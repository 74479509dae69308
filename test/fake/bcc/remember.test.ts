/** Compiled texts that are kept: used exactly as long as all that the compiler asked is answered the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { compileText } from '../../../src/bcc/compile-text.ts';
import { type Compilation, remembered, type SpecStore } from '../../../src/bcc/remember.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { sealed } from '../../../src/kernel/sealed.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { specToJson } from '../../../src/object/spec-json.ts';
import { testFacts } from '../../pure/dialect/front.ts';

const TEXT = `BPF_HASH(counts, u32, u64);
TRACEPOINT_PROBE(block, block_rq_issue) { u32 k = args->bytes; counts.increment(k); return 0; }
`;
const format = (offset: number) => `name: block_rq_issue
ID: 1200
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned int bytes;\toffset:${offset};\tsize:4;\tsigned:0;

print fmt: "%d", REC->bytes
`;

/** A machine: what its compiler sees, and what is kept on it. */
function machine() {
  const kernel = new FakeKernel();
  kernel.files.set('/sys/kernel/notes', 'build 1');
  const entries = new Map<string, string>();
  const store: SpecStore = { read: (name) => [entries.get(name) ?? []].flat(), write: (name, text) => void entries.set(name, text) };
  const state = { text: TEXT, offset: 28, compiled: 0, spoke: false };
  const facts = testFacts({ btf: undefined, tracepointFormat: () => format(state.offset) });
  const look = (known: TargetFacts): void => void known.btf;
  const run = async (also: (known: TargetFacts) => void = () => {}): Promise<ObjectSpec> =>
    remembered(store, [state.text], facts, kernel, (known): Promise<Compilation> => {
      state.compiled++;
      also(known);
      const options = { text: state.text, file: 'p.c', name: 'p', defines: [], includes: [], onWarning: () => {} };
      return Promise.resolve({ spec: compileText(options, known, kernel), spoke: state.spoke });
    });
  return { kernel, entries, state, run, look };
}

test('the second time nothing is compiled, and the spec is the same', async () => {
  const { state, run } = machine();
  const first = await run();
  const second = await run();
  assert.equal(state.compiled, 1);
  assert.deepEqual(JSON.parse(specToJson(second)), JSON.parse(specToJson(first)));
  assert.deepEqual(second.functions, first.functions);
});

test('another text, and another tracepoint of the same name, are compiled', async () => {
  const { state, run } = machine();
  const before = await run();
  state.offset = 32;
  const after = await run();
  assert.equal(state.compiled, 2);
  assert.notDeepEqual(after.functions, before.functions);
  // The new one took the place of the old one.
  await run();
  assert.equal(state.compiled, 2);
  state.text += '\n';
  await run();
  assert.equal(state.compiled, 3);
});

test('of several entries the one that fits is taken', async () => {
  const { kernel, entries, run } = machine();
  const spec = await run();
  const fits = [...entries.values()];
  const other = sealed(JSON.stringify({ key: JSON.stringify([TEXT]), asked: [['arch', [], '["riscv"]']], spec: specToJson(spec) }));
  const written: string[] = [];
  const several: SpecStore = { read: () => ['', other, ...fits], write: (name) => void written.push(name) };
  const known = testFacts({ btf: undefined, tracepointFormat: () => format(28) });
  const found = await remembered(several, [TEXT], known, kernel, () => assert.fail('it is known'));
  assert.deepEqual(found.functions, spec.functions);
  assert.deepEqual(written, []);
});

test('what asked for types holds for the kernel image that has them', async () => {
  const { kernel, state, run, look } = machine();
  await run(look);
  await run(look);
  assert.equal(state.compiled, 1);
  kernel.files.set('/sys/kernel/notes', 'build 2');
  await run(look);
  assert.equal(state.compiled, 2);
});

test('a kernel that does not say who it is: nothing that asked for types is kept', async () => {
  const { kernel, entries, run, look } = machine();
  kernel.files.delete('/sys/kernel/notes');
  await run(look);
  assert.equal(entries.size, 0);
});

test('what was said is said again: a text with warnings is not kept', async () => {
  const { entries, state, run } = machine();
  state.spoke = true;
  await run();
  assert.equal(entries.size, 0);
});

test('an entry that was cut short is compiled again', async () => {
  const { entries, state, run } = machine();
  await run();
  for (const [name, text] of entries) entries.set(name, text.slice(0, text.length / 2));
  await run();
  assert.equal(state.compiled, 2);
});

test('an entry that was damaged, or is of another shape, is compiled again and replaced', async () => {
  const { entries, state, run } = machine();
  await run();
  const [[name, good] = ['', '']] = entries;
  const content = JSON.parse(good.slice(good.indexOf('\n') + 1)) as Record<string, unknown>;
  const summed = (value: unknown) => `${crc32(JSON.stringify(value))}\n${JSON.stringify(value)}`;
  // A digit of the program's own bytes: still JSON, another program.
  const at = good.search(/\d(?!.*\d)/s);
  const bad = [
    'null',
    '',
    good.slice(0, at) + (good[at] === '1' ? '2' : '1') + good.slice(at + 1),
    summed(null),
    summed([]),
    summed({ ...content, asked: undefined }),
    summed({ ...content, asked: 1 }),
    summed({ ...content, spec: '{"btf":{"$bytes":"AAAA"}}' }),
    summed({ ...content, spec: 'null' }),
  ];
  for (const [i, text] of bad.entries()) {
    entries.set(name, text);
    await run();
    assert.equal(state.compiled, i + 2, text.slice(0, 60));
    assert.equal(entries.get(name), good);
  }
});
