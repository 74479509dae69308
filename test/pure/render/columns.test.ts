/** Columns, times and the C text of tools: against C's printf, known instants and the compiler. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Columns } from '../../../src/render/columns.ts';
import { jsonLine } from '../../../src/render/json.ts';
import { clockText, EventClock } from '../../../src/render/time.ts';

interface Row {
  readonly pid: number;
  readonly comm: string;
  readonly ms: number;
}

const columns = new Columns<Row>([
  { head: 'PID', format: '%-7d ', value: (r) => r.pid },
  { head: 'COMM', format: '%-12.12s ', value: (r) => r.comm },
  false,
  { head: 'LAT(ms)', format: '%9.3f', value: (r) => r.ms },
]);

test("header and rows have printf's widths", () => {
  const expected = execFileSync(
    'printf',
    ['%-7s %-12.12s %9s\n%-7d %-12.12s %9.3f', 'PID', 'COMM', 'LAT(ms)', '42', 'a-very-long-command', '1.5'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(`${columns.header}\n${columns.row({ pid: 42, comm: 'a-very-long-command', ms: 1.5 })}`, expected);
});

test('foreign text is made safe in rows and in JSON', () => {
  assert.equal(columns.row({ pid: 1, comm: '\x1b[2J', ms: 0 }), `${'1'.padEnd(8)}${'\\x1b[2J'.padEnd(13)}    0.000`);
  const hostile = '\x1b[2J\x9b2J\x7f\u202e\n"\\';
  const line = jsonLine({ comm: hostile });
  assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u202e]/);
  assert.equal((JSON.parse(line) as { comm: string }).comm, hostile);
});

test('a format without conversion is a mistake', () => {
  assert.throws(() => new Columns([{ head: 'X', format: 'x ', value: () => 1 }]), /needs a printf conversion/);
});

test('times: local time of day as date prints it; events by the kernel clock', () => {
  const at = Date.UTC(2026, 0, 31, 13, 4, 5, 250);
  const date = execFileSync('date', ['-d', `@${Math.floor(at / 1000)}`, '+%H:%M:%S'], { encoding: 'utf8' }).trim();
  assert.equal(clockText(at), date);
  const clock = new EventClock(at, 5_000_000_000n);
  assert.equal(clock.text(5_000_000_000n), date);
  assert.equal(clock.iso(4_000_000_000n), '2026-01-31T13:04:04.250Z');
  assert.equal(clock.sinceFirst(7_000_000_000n), 0);
  assert.equal(clock.sinceFirst(8_500_000_000n), 1.5);
  assert.equal(clock.sinceFirst(6_500_000_000n), -0.5);
});
