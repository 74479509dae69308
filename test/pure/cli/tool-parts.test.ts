/** What tools share: C text from options, filters, probe choices, rounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyNot } from '../../../src/attach/choose.ts';
import { allFlags, parseTool } from '../../../src/cli/parse.ts';
import { rounds } from '../../../src/cli/waiting.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { Features } from '../../../src/kernel/features.ts';
import { alternatives } from '../../../src/tools/choose.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { Output } from '../../../src/tools/output.ts';
import { cString, program } from '../../../src/tools/parts/text.ts';
import type { ProbeChoice, Tool } from '../../../src/tools/tool.ts';

test('options become macros, never C', () => {
  assert.equal(
    program({ A: 1, B: true, C: false, D: undefined, E: 'x"\n', F: 5_000_000_000 }, '\nint x;\n', 'int y;'),
    '#define A 1\n#define B 1\n#define E "x\\042\\012"\n#define F 5000000000ULL\n\nint x;\n\nint y;\n',
  );
  assert.equal(cString('ä?0'), '"\\303\\244?0"');
  assert.throws(() => program({ 'a b': 1 }), /not the name of a macro/);
  assert.throws(() => program({ A: 1.5 }), /whole number/);
});

test('every tool that takes --cgroup asks for it in its program, by whatever probe', async () => {
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    if (!('cgroup' in allFlags(tool)) || tool.probes[0]?.kind === 'none') continue;
    // What a tool cannot do without stands in its first example.
    const { options, args } = parseTool(tool, [
      ...(tool.positionals.some((p) => p.required) ? exampleWords(tool) : []),
      '--cgroup',
      '/sys/fs/cgroup',
    ]);
    for (const choice of tool.probes) {
      const text = tool.program(options as never, args, choice);
      assert.match(text, /^#define FILTER_CGROUP 1$/m, tool.name);
      assert.match(text, /only_cgroup\.check_current_task|only_cgroup_id\.lookup/, tool.name);
    }
  }
});

function exampleWords(tool: Tool): string[] {
  return (tool.examples[0]?.command ?? '').split(' ').slice(1);
}

const TP: ProbeChoice = { kind: 'tracepoint', targets: ['block:block_io_start'] };
const KP: ProbeChoice = { kind: 'kprobe', targets: ['vfs_read'], minKernel: '6.2' };
const UP: ProbeChoice = { kind: 'uprobe', targets: ['libc:getaddrinfo'], also: [TP] };

function features(release: string, files: readonly string[]): Features {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
  kernel.files.set('/sys/kernel/tracing/events/enable', '0\n');
  kernel.files.set('/proc/kallsyms', 'ffffffff81000000 T vfs_read\n');
  for (const file of files) kernel.files.set(file, '7\n');
  return new Features(kernel);
}

test('choices of a tool, as attach/choose asks them', () => {
  const tool = {
    probes: [TP, KP, UP],
    program: (_options: unknown, _args: unknown, choice: ProbeChoice) => choice.kind,
  } as unknown as Tool;
  const rows = alternatives(tool, {}, {});
  assert.deepEqual(
    rows.map(({ load }) => load?.text),
    ['tracepoint', 'kprobe', 'uprobe'],
  );
  const why = (known: Features) => rows.map((row) => whyNot(known, row));
  const tracepoint = '/sys/kernel/tracing/events/block/block_io_start/id';
  const devices = ['kprobe', 'uprobe'].map((name) => `/sys/bus/event_source/devices/${name}/type`);
  assert.deepEqual(why(features('6.12.0', [tracepoint, ...devices])), [undefined, undefined, undefined]);
  assert.deepEqual(why(features('6.1.0', [...devices])), [
    "no tracepoint 'block:block_io_start'",
    'it needs Linux 6.2',
    "no tracepoint 'block:block_io_start'",
  ]);
  assert.deepEqual(why(features('6.12.0', [tracepoint])), [undefined, 'no kprobes', 'no uprobes']);
});

async function collect(iterable: AsyncIterable<{ readonly number: number; readonly last: boolean }>): Promise<string[]> {
  const out: string[] = [];
  for await (const { number, last } of iterable) out.push(`${number}${last ? ' last' : ''}`);
  return out;
}

test('rounds: so many, or until stopped, and the last is always given', async () => {
  const stopper = new AbortController();
  let waits = 0;
  const wait = async () => {
    if (++waits === 5) stopper.abort();
  };
  assert.deepEqual(await collect(rounds(wait, new AbortController().signal, 1, 3)), ['1', '2', '3 last']);
  assert.deepEqual(await collect(rounds(wait, stopper.signal, 1)), ['1', '2 last']);
  assert.deepEqual(await collect(rounds(async () => {}, new AbortController().signal)), ['1 last']);
});

test('lines of one turn are one write', async () => {
  const writes: string[] = [];
  const sink = { write: (text: string) => (writes.push(text), true) };
  const out = new Output(sink, false);
  out.line('a');
  out.line('b');
  assert.deepEqual(writes, []);
  await Promise.resolve();
  assert.deepEqual(writes, ['a\nb\n']);
  out.line('c');
  out.flush();
  assert.deepEqual(writes, ['a\nb\n', 'c\n']);
  const json = new Output(sink, true);
  json.line('not in JSON');
  json.record({ n: 1n }, 'text');
  json.flush();
  assert.deepEqual(writes[2], '{"n":1}\n');
});
