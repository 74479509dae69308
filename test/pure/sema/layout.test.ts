/** Record layout against clang's own account of it, for random records. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { RecordType } from '../../../src/compiler/c/types.ts';
import { CLANG, compile, hasClang } from '../c/support.ts';
import { randomRecords } from './random-records.ts';

interface Layout {
  readonly size: number;
  readonly align: number;
  /** First bit and, for bit-fields, width of every named member, nested ones too. */
  readonly members: ReadonlyMap<string, string>;
}

/** `-fdump-record-layouts`, by record. */
function clangLayouts(text: string, names: readonly string[]): Map<string, Layout> {
  const uses = names.map((n, i) => `int use${i} = sizeof(${n});`).join('\n');
  const run = spawnSync(CLANG, ['-target', 'bpf', '-fsyntax-only', '-w', '-Xclang', '-fdump-record-layouts-complete', '-x', 'c', '-'], {
    input: `${text}\n${uses}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(run.stderr, '');
  const layouts = new Map<string, Layout>();
  for (const part of run.stdout.split('*** Dumping AST Record Layout')) {
    const head = /^\s*0 \| ((?:struct|union) R\d+)\s*$/m.exec(part);
    const tail = /\[sizeof=(\d+),(?: dsize=\d+,)? align=(\d+)/.exec(part);
    if (!head?.[1] || !tail) continue;
    const members = new Map<string, string>();
    for (const line of part.split('\n')) {
      const m = /^\s*(\d+)(?::(\d+)-(\d+))? \|.*\b(m\d+)\s*$/.exec(line);
      if (!m?.[4]) continue;
      const start = Number(m[1]) * 8 + Number(m[2] ?? 0);
      members.set(m[4], m[2] === undefined ? `${start}` : `${start}:${Number(m[3]) - Number(m[2]) + 1}`);
    }
    layouts.set(head[1], { size: Number(tail[1]), align: Number(tail[2]), members });
  }
  return layouts;
}

function collect(record: RecordType, base: number, into: Map<string, string>): void {
  for (const f of record.fields ?? []) {
    const start = (base + f.offset) * 8 + (f.bit?.offset ?? 0);
    if (f.name.startsWith('m')) into.set(f.name, f.bit ? `${start}:${f.bit.width}` : `${start}`);
    // clang lists the members of members once, arrays of records not at all.
    if (f.type.type.kind === 'record') collect(f.type.type, base + f.offset, into);
  }
}

function ourLayouts(text: string, names: readonly string[]): Map<string, Layout> {
  const c = compile(`${text}\n${names.map((n, i) => `extern ${n} v${i};`).join('\n')}`);
  assert.deepEqual(c.errors, []);
  const layouts = new Map<string, Layout>();
  names.forEach((name, i) => {
    const t = c.variable(`v${i}`).type.type;
    assert.equal(t.kind, 'record');
    const members = new Map<string, string>();
    collect(t as RecordType, 0, members);
    layouts.set(name, { size: (t as RecordType).size, align: (t as RecordType).align, members });
  });
  return layouts;
}

test('random records are laid out as clang does it', { skip: hasClang ? false : `${CLANG} is not installed` }, () => {
  let compared = 0;
  for (const seed of [1, 2, 3, 4]) {
    const { text, names } = randomRecords(seed, 150);
    const theirs = clangLayouts(text, names);
    const ours = ourLayouts(text, names);
    for (const name of names) {
      const expected = theirs.get(name);
      assert.ok(expected, `clang says nothing of ${name}`);
      const definition = text.split('\n').find((l) => l.includes(`${name.split(' ')[1]} {`)) ?? '';
      assert.deepEqual(ours.get(name), expected, `seed ${seed}: ${definition}`);
      compared += expected.members.size + 2;
    }
  }
  assert.ok(compared > 3000, `only ${compared} values compared`);
});
