/** The attr table against what a C compiler makes of the kernel's own header. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ATTR, BPF_CMD, type BpfUse } from '../../../src/kernel/bpf-attr.ts';
import { decode, encode, type Fields, layoutOf } from '../../../src/kernel/layout.ts';
import { BTF_INFO, LINK_INFO, MAP_INFO, PROG_INFO } from '../../../src/kernel/obj-info.ts';
import { PERF_ATTR } from '../../../src/kernel/perf-attr.ts';
import { attrPath, linkInfoPath } from '../../host/kernel/paths.ts';

const HEADERS = ['/usr/include/linux/bpf.h', '/usr/include/linux/perf_event.h'];
const missing = !existsSync('/usr/bin/gcc') ? 'gcc is not installed' : HEADERS.find((h) => !existsSync(h));
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`cannot run: ${missing}`);

interface Question {
  readonly label: string;
  readonly struct: string;
  readonly path: string;
  readonly offset: number;
  readonly size: number;
}

function questions(label: string, struct: string, fields: Fields, path: (member: string) => string | undefined): Question[] {
  return layoutOf(fields).members.flatMap((m) => {
    const where = path(m.name);
    return where === undefined ? [] : [{ label: `${label}.${m.name}`, struct, path: where, offset: m.offset, size: m.size }];
  });
}

test('a number that its member does not hold is refused, not cut off', () => {
  const layout = layoutOf({ a: 'u8', b: 'u16', c: 'u32', d: 's32', e: 'u64', f: 'ptr' } as const);
  const nowhere = { addressOf: () => 0n };
  const [u64, u32] = [2n ** 64n - 1n, 2 ** 32 - 1];
  const largest = encode(layout, { a: 255, b: 65535, c: u32, d: -(2 ** 31), e: u64, f: u64 }, nowhere);
  assert.deepEqual(decode(layout, largest), { a: 255, b: 65535, c: u32, d: -(2 ** 31), e: u64, f: u64 });
  for (const [member, ...values] of [
    ['a', -1, 256],
    ['b', 65536],
    ['c', -1, 2 ** 32, 0x1_0000_0005, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
    ['d', 2 ** 31, -(2 ** 31) - 1],
    ['e', -1, -1n, 2n ** 64n, 2 ** 53, 0.5],
    ['f', -1n, 2n ** 64n],
  ] as const)
    for (const value of values)
      assert.throws(() => encode(layout, { [member]: value }, nowhere), { name: 'RangeError' }, `${member} ${value}`);
});

test('every member of every attr lies where gcc puts it', { skip: missing ?? false }, () => {
  const bpfHeader = readFileSync('/usr/include/linux/bpf.h', 'utf8');
  const plain = (name: string): string | undefined => (name === 'pad' || /^[a-f]$/.test(name) ? undefined : name);
  const all = [
    ...Object.entries(ATTR).flatMap(([use, fields]) => questions(use, 'union bpf_attr', fields, (m) => attrPath(use as BpfUse, m))),
    ...questions('prog_info', 'struct bpf_prog_info', PROG_INFO, (m) => (m === 'gpl_compatible' ? undefined : m)),
    ...questions('map_info', 'struct bpf_map_info', MAP_INFO, plain),
    ...questions('btf_info', 'struct bpf_btf_info', BTF_INFO, plain),
    ...Object.entries(LINK_INFO).flatMap(([kind, fields]) =>
      questions(`link_info ${kind}`, 'struct bpf_link_info', fields, (m) => linkInfoPath(kind, m)),
    ),
    ...questions('perf_attr', 'struct perf_event_attr', PERF_ATTR, (m) =>
      m === 'flags' ? undefined : m === 'reserved_2' ? '__reserved_2' : m,
    ),
  ];
  // Members newer than the header are held by the test against the running kernel's BTF.
  const known = all.filter(
    (q) => q.struct === 'struct perf_event_attr' || q.path.split('.').every((word) => new RegExp(`\\b${word}\\b`).test(bpfHeader)),
  );
  assert.ok(known.length > 200, `only ${known.length} members are in the header`);
  const folder = mkdtempSync(join(tmpdir(), 'skep-layout-'));
  try {
    // A member of one of the unions may be newer than the others of its name: those lines are left out, once.
    const compiled = compile(folder, known);
    const out = execFileSync(join(folder, 'a.out'), { encoding: 'utf8' });
    const said = new Map(
      out
        .trim()
        .split('\n')
        .map((line) => line.split(' ').map(Number))
        .map(([i, offset, size]) => [i, { offset, size }] as const),
    );
    assert.ok(said.size > 180, `${said.size} members compared`);
    for (const [i, q] of compiled) assert.deepEqual(said.get(i), { offset: q.offset, size: q.size }, q.label);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function compile(folder: string, known: readonly Question[]): Map<number, Question> {
  const lines = new Map(known.map((q, i) => [i, q] as const));
  for (let round = 0; round < 2; round++) {
    const body = [...lines].map(
      ([i, q]) => `printf("${i} %zu %zu\\n", __builtin_offsetof(${q.struct}, ${q.path}), sizeof(((${q.struct} *)0)->${q.path}));`,
    );
    writeFileSync(
      join(folder, 'a.c'),
      `#include <stdio.h>\n#include <linux/bpf.h>\n#include <linux/perf_event.h>\nint main(void) {\n${body.join('\n')}\nreturn 0; }\n`,
    );
    try {
      execFileSync('gcc', ['-fmax-errors=0', '-o', 'a.out', 'a.c'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
      return lines;
    } catch (error) {
      const stderr = String((error as { stderr?: unknown }).stderr);
      const order = [...lines.keys()];
      for (const match of stderr.matchAll(/a\.c:(\d+):\d+: error: .*has no member/g)) {
        const index = order[Number(match[1]) - 5];
        if (index !== undefined) lines.delete(index);
      }
    }
  }
  throw new Error('the questions do not compile');
}

test('command numbers are those of the header', { skip: missing ?? false }, () => {
  const text = /enum bpf_cmd \{([^}]*)\}/.exec(readFileSync('/usr/include/linux/bpf.h', 'utf8'))?.[1] ?? '';
  const names = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.includes('='));
  assert.ok(names.length > 30);
  for (const [number, name] of names.entries()) assert.equal(BPF_CMD[name.replace('BPF_', '') as keyof typeof BPF_CMD], number, name);
});
