/** docs/bcc-api.md: everything that it says exists does, and every method of BCC's Python module has a row. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BPF } from '../../../src/bcc/bpf.ts';
import { Table } from '../../../src/bcc/table.ts';
// What the page names without a class comes from the package itself.
import { filterByContainers, onlineCpus, possibleCpus, USDT } from '../../../src/index.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { BloomMap } from '../../../src/maps/bloom.ts';
import { FdMap } from '../../../src/maps/fd-array.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { PerCpuMap } from '../../../src/maps/per-cpu.ts';
import { QueueMap } from '../../../src/maps/queue.ts';
import { StackTraceMap } from '../../../src/maps/stack-trace.ts';
import { StorageMap } from '../../../src/maps/storage.ts';
import { root } from '../../run/paths.ts';

const PARTS = {
  ArrayMap,
  BloomMap,
  FdMap,
  HashMap,
  PerCpuMap,
  QueueMap,
  StackTraceMap,
  StorageMap,
  USDT,
  filterByContainers,
  disassemble,
  onlineCpus,
  possibleCpus,
};

interface Row {
  readonly bcc: string;
  readonly skep: string;
  readonly note: string;
}

const text = readFileSync(join(root, 'docs', 'bcc-api.md'), 'utf8');

function rows(): Row[] {
  const lines = text.split('\n').filter((line) => line.startsWith('|') && !/^\| (?:BCC|-)/.test(line));
  return lines.map((line) => {
    const [, bcc = '', skep = '', note = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return { bcc, skep, note };
  });
}

function has(prototype: object | null, name: string): boolean {
  for (let at = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null)
    if (Object.hasOwn(at, name)) return true;
  return false;
}

test('what stands for something exists; what does not says why', () => {
  const found = rows();
  assert.ok(found.length > 90, `${found.length} rows`);
  for (const { bcc, skep, note } of found) {
    if (skep === '–') {
      assert.notEqual(note, '', `${bcc}: why not?`);
      continue;
    }
    const names = [...skep.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    assert.ok(names.length > 0, `${bcc}: names nothing`);
    for (const name of names) {
      const [owner = '', member] = name.split('.');
      if (member === undefined) assert.ok(owner === 'Attachment' || Object.hasOwn(PARTS, owner), `${bcc}: there is no ${name}`);
      else if (owner === 'BPF')
        assert.equal(typeof (BPF as unknown as Record<string, unknown>)[member], 'function', `${bcc}: there is no ${name}`);
      else if (owner === 'b') assert.ok(has(BPF.prototype, member), `${bcc}: there is no ${name}`);
      else if (owner === 'Table') assert.ok(has(Table.prototype, member) || Object.hasOwn(Table, member), `${bcc}: there is no ${name}`);
      else if (owner === 'USDT') assert.ok(has(USDT.prototype, member), `${bcc}: there is no ${name}`);
      else assert.equal(owner, 'Attachment', `${bcc}: what is ${name}?`);
    }
  }
});

/** The public methods of class BPF in Debian's package, where it is installed. */
function pythonMethods(): string[] | undefined {
  const path = '/usr/lib/python3/dist-packages/bcc/__init__.py';
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const from = source.indexOf('\nclass BPF(');
  const body = source.slice(from, source.indexOf('\nclass ', from + 1) < 0 ? undefined : source.indexOf('\nclass ', from + 1));
  return [...body.matchAll(/^ {4}def ([a-z]\w*)\(/gm)].map(([, name = '']) => name);
}

const methods = pythonMethods();

/** The classes of BCC's tables. */
function pythonTables(): string[] {
  const source = readFileSync('/usr/lib/python3/dist-packages/bcc/table.py', 'utf8');
  return [...source.matchAll(/^class (\w+)\((?!MutableMapping|object)\w+\):/gm)].map(([, name = '']) => name);
}

test("each of BCC's table classes has a row", { skip: methods === undefined ? 'needs python3-bpfcc' : false }, () => {
  const mentioned = new Set(rows().flatMap(({ bcc }) => bcc.match(/\w+/g) ?? []));
  const tables = pythonTables();
  assert.ok(tables.length > 15, tables.join());
  assert.deepEqual(
    tables.filter((name) => !name.endsWith('Base') && !mentioned.has(name)),
    [],
  );
});

test("each public method of BCC's BPF class has a row", { skip: methods === undefined ? 'needs python3-bpfcc' : false }, () => {
  const mentioned = new Set(rows().flatMap(({ bcc }) => [...bcc.matchAll(/[a-z_]\w*/g)].map(([word]) => word)));
  // A default argument of other methods.
  mentioned.add('donothing');
  const missing = [...new Set(methods)].filter((name) => !mentioned.has(name));
  assert.ok((methods?.length ?? 0) > 50);
  assert.deepEqual(missing, []);
});
