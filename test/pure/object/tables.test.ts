/** The tables against the running kernel's own enums, and section names against libbpf. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ATTACH_TYPES, attachType } from '../../../src/object/attach-types.ts';
import { MAP_TYPES, mapProblems, mapType, ringSize } from '../../../src/object/map-types.ts';
import { PROGRAM_TYPES, programType, programTypeByNumber } from '../../../src/object/program-types.ts';
import { SECTION_DEFS } from '../../../src/object/section-defs.ts';
import { matchSection } from '../../../src/object/sections.ts';
import { kernelBtf } from '../btf/support.ts';
import { inTempDir, run, toolTest } from './clang.ts';

interface Row {
  readonly number: number;
  readonly name: string;
}

/** Rows by number against an enum of the kernel; the table may be newer than the kernel, not older. */
function compare(enumName: string, prefix: string, rows: readonly Row[], skip: readonly string[] = []): void {
  const btf = kernelBtf();
  const type = btf.type(btf.find(enumName, 'enum') ?? 0);
  assert.ok(type.kind === 'enum');
  const byNumber = new Map(rows.map((r) => [r.number, r.name]));
  assert.equal(byNumber.size, rows.length, 'a number is in the table twice');
  for (const v of type.values) {
    if (v.name.startsWith('__') || v.name.endsWith('_UNSPEC') || skip.includes(v.name)) continue;
    assert.equal(byNumber.get(Number(v.value)), v.name.slice(prefix.length).toLowerCase(), v.name);
  }
}

toolTest('program types are those of the kernel', { btf: true }, () => {
  compare('bpf_prog_type', 'BPF_PROG_TYPE_', PROGRAM_TYPES);
  for (const type of PROGRAM_TYPES) {
    if (type.context !== undefined) assert.ok(kernelBtf().find(type.context, 'struct') !== undefined, `struct ${type.context}`);
  }
});

toolTest('attach types are those of the kernel', { btf: true }, () => compare('bpf_attach_type', 'BPF_', ATTACH_TYPES));

toolTest('map types are those of the kernel', { btf: true }, () => {
  compare('bpf_map_type', 'BPF_MAP_TYPE_', MAP_TYPES, [
    'BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED',
    'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED',
  ]);
});

test('types by name, by number and by the name in C', () => {
  assert.equal(programType('kprobe'), programTypeByNumber(2));
  assert.equal(programType('BPF_PROG_TYPE_KPROBE'), programTypeByNumber(2));
  assert.equal(mapType('BPF_MAP_TYPE_LRU_HASH')?.number, 9);
  assert.equal(attachType('BPF_TRACE_FENTRY')?.number, 24);
  assert.equal(mapType('nonsense'), undefined);
  for (const { program, name } of ATTACH_TYPES) assert.ok(programType(program), name);
  // The 14 types that libbpf creates without BTF.
  assert.equal(MAP_TYPES.filter((t) => t.refusesBtf).length, 14);
});

test('every section pattern names types that exist', () => {
  assert.equal(SECTION_DEFS.length, 116);
  assert.equal(new Set(SECTION_DEFS.map((d) => d.pattern)).size, 116);
  for (const def of SECTION_DEFS) {
    assert.ok(programType(def.type), def.pattern);
    if (def.attachType !== undefined) assert.ok(attachType(def.attachType), def.pattern);
  }
});

const HEADER = '/usr/include/bpf/libbpf.h';

/** What libbpf makes of each name: 'type attach' or 'none'. */
function byLibbpf(names: readonly string[]): string[] {
  return inTempDir((dir) => {
    const list = names.map((n) => JSON.stringify(n)).join(', ');
    writeFileSync(
      join(dir, 'names.c'),
      `
      #include <stdio.h>
      #include <bpf/libbpf.h>
      static int quiet(enum libbpf_print_level l, const char *f, va_list a) { return 0; }
      int main(void) {
        const char *names[] = { ${list} };
        libbpf_set_print(quiet);
        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
          enum bpf_prog_type type; enum bpf_attach_type attach;
          if (libbpf_prog_type_by_name(names[i], &type, &attach)) puts("none");
          else printf("%d %d\\n", type, attach);
        }
      }`,
    );
    run('cc', ['-w', join(dir, 'names.c'), '-lbpf', '-o', join(dir, 'names')]);
    return run(join(dir, 'names'), []).trimEnd().split('\n');
  });
}

function ours(name: string): string {
  const match = matchSection(name);
  if (match === undefined || match.legacy) return 'none';
  return `${programType(match.type)?.number} ${match.attachType === undefined ? 0 : attachType(match.attachType)?.number}`;
}

const libbpfVersion = existsSync('/usr/include/bpf/libbpf_version.h') ? readFileSync('/usr/include/bpf/libbpf_version.h', 'utf8') : '';

toolTest('section names are what libbpf takes them for', { commands: ['cc'] }, (t) => {
  if (!existsSync(HEADER)) return t.skip(`needs ${HEADER}`);
  const names = SECTION_DEFS.flatMap(({ pattern }) => {
    const base = pattern.replace(/[+/]$/, '');
    return [base, `${base}/target`, `${base}/`, `${base}x`, `x${base}`, base.toUpperCase()];
  });
  names.push(
    '',
    '.text',
    'socket1',
    'xdp_icmp',
    'kprobe/vfs_read',
    'kprobe/',
    'my_section',
    'fentry.s/x/y',
    'cgroup/skb/x',
    'tc/foo',
    'sk_skb/stream_parserx',
  );
  const want = byLibbpf(names);
  // Names newer than the libbpf of this machine are in its table neither alone nor with a target.
  const newer = new Set(
    SECTION_DEFS.map((d) => d.pattern.replace(/[+/]$/, '')).filter(
      (base) => want[names.indexOf(base)] === 'none' && want[names.indexOf(`${base}/target`)] === 'none',
    ),
  );
  assert.ok(newer.size < 40, `libbpf ${libbpfVersion.match(/\d+/g)?.join('.')} lacks ${[...newer].join(' ')}`);
  names.forEach((name, i) => {
    const isNewer = [...newer].some((base) => name === base || name.startsWith(`${base}/`));
    // Before 1.0 tc/… and others meant another type, and usdt had to say more.
    if (!isNewer) assert.equal(ours(name), want[i], name);
  });
});

test('what a section says of its program', () => {
  assert.deepEqual(matchSection('fentry.s/vfs_read'), {
    type: 'tracing',
    attachType: 'trace_fentry',
    target: 'vfs_read',
    attach: 'trace',
    autoLoad: true,
    sleepable: true,
    xdpFrags: false,
    btfTarget: true,
    optional: false,
    usdt: false,
    legacy: false,
  });
  assert.equal(matchSection('?xdp.frags')?.autoLoad, false);
  assert.equal(matchSection('?xdp.frags')?.xdpFrags, true);
  assert.equal(matchSection('tracepoint/block/block_rq_issue')?.target, 'block:block_rq_issue');
  assert.equal(matchSection('uprobe//usr/bin/bash:readline+0x4')?.target, '/usr/bin/bash:readline+0x4');
  assert.equal(matchSection('kprobe')?.target, undefined);
  assert.equal(matchSection('usdt/libc:setjmp:x')?.usdt, true);
});

test('section names from before libbpf are what they begin with', () => {
  const old: Readonly<Record<string, string>> = {
    socket1: 'socket_filter',
    'socket/0': 'socket_filter',
    xdp_icmp: 'xdp',
    xdp_prog0: 'xdp',
    'cgroup/sock2': 'cgroup_sock',
    tc_mark: 'sched_cls',
    perf_event1: 'perf_event',
    classifier2: 'sched_cls',
  };
  for (const [name, type] of Object.entries(old)) {
    const match = matchSection(name);
    assert.deepEqual([match?.type, match?.legacy], [type, true], name);
  }
  for (const name of ['filter', 'len_hist', 'tcp_connect', 'maps', 'license']) assert.equal(matchSection(name), undefined, name);
});

test('map rules', () => {
  const hash = { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
  assert.deepEqual(mapProblems(hash), []);
  const wrong: readonly (readonly [Partial<typeof hash>, RegExp])[] = [
    [{ type: 'nonsense' }, /no map type/],
    [{ maxEntries: 0 }, /max_entries.*must not be 0/],
    [{ keySize: 0 }, /needs a key/],
    [{ type: 'array', keySize: 8 }, /must be 4 bytes, not 8/],
    [{ type: 'queue' }, /must be 0 bytes, not 4/],
    [{ type: 'lpm_trie', keySize: 4, flags: 1 }, /5 to 260/],
    [{ type: 'lpm_trie', keySize: 8 }, /BPF_F_NO_PREALLOC/],
    [{ type: 'stack_trace', valueSize: 12 }, /multiple of 8/],
    [{ type: 'task_storage', flags: 1 }, /max_entries.*must be 0/],
    [{ type: 'prog_array' }, /must be 4 bytes, not 8/],
    [{ type: 'ringbuf', keySize: 0 }, /value.*must be 0/],
  ];
  for (const [change, message] of wrong)
    assert.ok(
      mapProblems({ ...hash, ...change }).some((p) => message.test(p)),
      String(message),
    );
  assert.deepEqual([ringSize(1, 4096), ringSize(4096, 4096), ringSize(4097, 4096), ringSize(20000, 16384)], [4096, 4096, 8192, 32768]);
});
