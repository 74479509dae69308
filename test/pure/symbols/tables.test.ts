import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kallsyms } from '../../../src/symbols/kallsyms.ts';
import { PerfMap } from '../../../src/symbols/perf-map.ts';
import { orderByStart } from '../../../src/symbols/pieces.ts';
import { atOnce } from '../../../src/symbols/sliced.ts';
import { AddressTable, addressKey } from '../../../src/symbols/table.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const KALLSYMS = `ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 t secondary
ffffffff82000000 D some_data
ffffffffc0a1c010 t nf_nat_init\t[nf_nat]
`;

test('kallsyms: address to function, module and offset; data is not code', () => {
  const symbols = new Kallsyms(bytes(KALLSYMS));
  assert.equal(symbols.size, 4);
  assert.deepEqual(symbols.find(0xffffffff81000104n), { name: 'secondary', module: '', offset: 4 });
  assert.deepEqual(symbols.find(0xffffffff81000000n), { name: 'startup_64', module: '', offset: 0 });
  assert.deepEqual(symbols.find(0xffffffffc0a1c010n), { name: 'nf_nat_init', module: 'nf_nat', offset: 0 });
  assert.equal(symbols.find(0xffffffff80ffffffn), undefined);
  assert.equal(symbols.address('nf_nat_init'), 0xffffffffc0a1c010n);
  assert.equal(symbols.address('nope'), undefined);
});

test('kallsyms without the right to see addresses says so', () => {
  const symbols = new Kallsyms(bytes('0000000000000000 T _stext\n0000000000000000 t x\n'));
  assert.equal(symbols.hidden, true);
  assert.equal(symbols.find(0n), undefined);
  assert.equal(symbols.address('x'), undefined);
});

test('kallsyms survives what is no kallsyms', () => {
  for (const text of ['', '\n\n', 'garbage', 'ffffffff81000000 T', `${'f'.repeat(100)}\n`, '\0'.repeat(50)])
    new Kallsyms(bytes(text)).find(1n);
});

test('keys keep 64-bit order and exactness', () => {
  assert.ok(addressKey(0xffffffff81000000n) < addressKey(0x7fffffffffffn));
  assert.equal(addressKey(0xffffffff81000001n) - addressKey(0xffffffff81000000n), 1);
});

test('order by start: as a stable comparison sorts, whatever the addresses and however many', () => {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const ranges: readonly (readonly [string, (at: number) => number])[] = [
    ['ascending', (at) => at * 16],
    ['two that ascend', (at) => (at % 50_000) * 16],
    ['with equal ones', () => random(1000)],
    ['of user space', () => random(2 ** 32) * 65535],
    ['of the kernel and of user space', () => random(2 ** 31) * 65536 - 2 ** 46],
    ['far below', () => -random(2 ** 31) * 2 ** 25],
  ];
  for (const [what, start] of ranges)
    for (const length of [0, 1, 2, 1000, 32_768, 100_001]) {
      const starts = Float64Array.from({ length }, (_, at) => start(at));
      const expected = Uint32Array.from({ length }, (_, at) => at).sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b);
      assert.deepEqual(atOnce(orderByStart(starts)), expected, `${length} ${what}`);
    }
});

test('a table with sizes has gaps', () => {
  const table = new AddressTable(Float64Array.of(300, 100), Float64Array.of(310, 150));
  assert.deepEqual(table.find(149), { index: 1, offset: 49 });
  assert.equal(table.find(150), undefined);
  assert.deepEqual(table.find(309), { index: 0, offset: 9 });
});

test('perf map: the latest line wins, also when it covers a part', () => {
  const map = new PerfMap();
  atOnce(map.append(bytes('1000 100 JS:~old\n1000 40 JS:*hot\n2000 10 stub\nbroken line\n2008 8 JS:tail')));
  assert.equal(map.bad, 1);
  assert.deepEqual(map.find(0x1010), { name: 'JS:*hot', offset: 0x10 });
  assert.deepEqual(map.find(0x1050), { name: 'JS:~old', offset: 0x50 });
  assert.deepEqual(map.find(0x2009), { name: 'stub', offset: 9 }); // the last line is not ended yet
  assert.equal(map.find(0x3000), undefined);
});

test('perf map agrees with painting byte by byte, for random lines', () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let round = 0; round < 30; round++) {
    const paint = new Map<number, string>();
    let text = '';
    for (let i = 0; i < 60; i++) {
      const [start, size] = [random(400), 1 + random(60)];
      text += `${start.toString(16)} ${size.toString(16)} f${i}\n`;
      for (let a = start; a < start + size; a++) paint.set(a, `f${i}`);
    }
    const map = new PerfMap();
    atOnce(map.append(bytes(text)));
    for (let a = 0; a < 500; a++) assert.equal(map.find(a)?.name, paint.get(a), `address ${a}`);
  }
});
