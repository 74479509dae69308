import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { linearLines, log2Lines } from '../../../src/render/histogram.ts';
import { jsonLine } from '../../../src/render/json.ts';
import { printf } from '../../../src/render/printf.ts';
import { cString, safe } from '../../../src/render/safe.ts';

// BCC's own text for these counts (reference: its _print_log2_hist, run by hand).
test('narrow log2 histogram as BCC prints it', () => {
  assert.deepEqual(log2Lines([0, 1, 0, 2], 'Kbytes'), [
    '     Kbytes              : count     distribution',
    '         0 -> 1          : 1        |********************                    |',
    '         2 -> 3          : 0        |                                        |',
    '         4 -> 7          : 2        |****************************************|',
  ]);
});

test('wide form from slot 33', () => {
  const slots = new Array<number>(34).fill(0);
  slots[1] = 1;
  slots[33] = 8;
  const lines = log2Lines(slots, 'nsecs');
  assert.equal(lines[0], '               nsecs                         : count     distribution');
  assert.equal(lines[1], '                   0 -> 1                    : 1        |**                  |');
  assert.equal(lines[33], '          4294967296 -> 8589934591           : 8        |********************|');
});

test('nothing is printed for empty and for slot 0 alone', () => {
  assert.deepEqual(log2Lines([], 'x'), []);
  assert.deepEqual(log2Lines([7], 'x'), []);
});

test('slot 0 scales the stars though it is not printed', () => {
  assert.equal(log2Lines([4, 2], 'x')[1], '         0 -> 1          : 2        |********************                    |');
});

test('one of a thousand has no star; leading zeros can be stripped; wide counts push the bar', () => {
  assert.match(log2Lines([0, 1, 1000], 'x')[1] as string, /: 1 {8}\| {40}\|$/);
  assert.equal(log2Lines([0, 0, 3], 'x', { stripLeadingZero: true }).length, 2);
  assert.match(log2Lines([0, 1234567890n], 'x')[1] as string, /: 1234567890 \|\*{40}\|$/);
});

test('the same text as the installed BCC for random counts', (t) => {
  const script = `
import sys, json
sys.path.insert(0, '/usr/lib/python3/dist-packages')
from bcc.table import _print_log2_hist, _print_linear_hist
for vals, kind in json.load(sys.stdin):
    if kind == 'log2': _print_log2_hist(vals, 'usecs', False)
    else: _print_linear_hist(vals, 'runqlen', False)
    print('=')
`;
  const cases: [number[], string][] = [];
  let seed = 1;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let n = 0; n < 60; n++) {
    const length = 1 + Math.floor(random() * 64);
    const values = new Array<number>(65).fill(0);
    for (let i = 0; i < length; i++) values[i] = random() < 0.4 ? 0 : Math.floor(random() ** 6 * 1e9);
    cases.push([values, n % 4 === 3 ? 'linear' : 'log2']);
  }
  const run = spawnSync('/usr/bin/python3', ['-c', script], { input: JSON.stringify(cases), encoding: 'utf8' });
  if (run.status !== 0) {
    if (process.env['CI'] === 'true') assert.fail(`BCC's Python is needed: ${run.stderr}`);
    return t.skip('python3-bpfcc is not installed');
  }
  const theirs = run.stdout.split('=\n').slice(0, -1);
  assert.equal(theirs.length, cases.length);
  for (const [i, [values, kind]] of cases.entries()) {
    const ours = kind === 'log2' ? log2Lines(values, 'usecs') : linearLines(values, 'runqlen');
    assert.equal(ours.map((line) => `${line}\n`).join(''), theirs[i]);
  }
});

test('printf', () => {
  assert.equal(printf('%-6s|%5d|%7.2f|%05d|%x|%%|%c', 'ab', 42, 3.14159, -7, 255, 65), 'ab    |   42|   3.14|-0007|ff|%|A');
  assert.equal(printf('%-12.4s|%+d|%#x|%*d', 'abcdefgh', 3, 16, 4, 9), 'abcd        |+3|0x10|   9');
  assert.equal(printf('%d %u', 18446744073709551615n, 2n ** 63n), '18446744073709551615 9223372036854775808');
  assert.throws(() => printf('%s'), RangeError);
  assert.throws(() => printf('x', 1), RangeError);
});

test('hostile text is escaped, plain text is the same string', () => {
  assert.equal(safe('dd\x1b[2Jx\n'), 'dd\\x1b[2Jx\\x0a');
  assert.equal(safe('a\u202eb\x9b'), 'a\\u{202e}b\\x9b');
  assert.equal(safe('naïve 日本'), 'naïve 日本');
  assert.equal(cString(new Uint8Array([0x68, 0x69, 0, 0x7a])), 'hi');
  assert.equal(cString(new Uint8Array([0xff, 0x68])), '\ufffdh');
});

test('JSON keeps 64 bits exact and stays on one line', () => {
  assert.equal(jsonLine({ a: 5n, b: 2n ** 64n - 1n, c: 'x\ny' }), '{"a":5,"b":"18446744073709551615","c":"x\\ny"}');
});
