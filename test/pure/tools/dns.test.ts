/** Answers of name servers: bytes put together after RFC 1035 (its own example of compression among them), and hostile ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DnsNames, dnsAnswer } from '../../../src/tools/parts/dns.ts';
import { journalEntry } from '../../../src/tools/parts/journal.ts';

const label = (text: string): number[] => [text.length, ...Buffer.from(text)];
const name = (...labels: readonly string[]): number[] => [...labels.flatMap(label), 0];
const header = (flags: number, answers: number): number[] => [0xab, 0xcd, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0];
const record = (owner: readonly number[], type: number, data: readonly number[]): number[] => [
  ...owner,
  ...[0, type, 0, 1, 0, 0, 0, 60, 0, data.length],
  ...data,
];
const QUESTION = [...name('F', 'ISI', 'ARPA'), 0, 1, 0, 1];
const POINTER = [0xc0, 12];
const bytes = (...parts: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(parts.flat());

test('addresses of an answer, behind an alias, and the name that was asked for', () => {
  // FOO.F.ISI.ARPA as a label and a pointer, as in section 4.1.4.
  const alias = record(POINTER, 5, [...label('FOO'), ...POINTER]);
  const four = record([...label('FOO'), ...POINTER], 1, [10, 1, 0, 52]);
  const six = record(name('other', 'name'), 28, [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1]);
  assert.deepEqual(dnsAnswer(bytes(header(0x8180, 3), QUESTION, alias, four, six)), {
    name: 'F.ISI.ARPA',
    addresses: ['10.1.0.52', '2001:db8::1'],
  });
});

test('questions, refusals and what is cut say nothing, and nothing hostile hangs', () => {
  const answer = bytes(header(0x8180, 1), QUESTION, record(POINTER, 1, [10, 1, 0, 52]));
  assert.notEqual(dnsAnswer(answer), undefined);
  for (let length = 0; length < answer.length; length++) assert.equal(dnsAnswer(answer.subarray(0, length)), undefined);
  assert.equal(dnsAnswer(bytes(header(0x0100, 1), QUESTION, record(POINTER, 1, [1, 2, 3, 4]))), undefined, 'a question');
  assert.equal(dnsAnswer(bytes(header(0x8183, 0), QUESTION)), undefined, 'no such name');
  assert.equal(dnsAnswer(bytes(header(0x8180, 1), POINTER, [0, 1, 0, 1], record(POINTER, 1, [1, 2, 3, 4]))), undefined, 'a loop');
  // A count that is too high, and any byte at all in any place.
  assert.deepEqual(dnsAnswer(bytes(header(0x8180, 200), QUESTION, record(POINTER, 1, [1, 2, 3, 4])))?.addresses, ['1.2.3.4']);
  for (let at = 0; at < answer.length; at++)
    for (let value = 0; value < 256; value++) dnsAnswer(Uint8Array.from(answer, (byte, i) => (i === at ? value : byte)));
});

test('the column: the newest name, how long ago, and what has none', () => {
  const names = new DnsNames();
  const answer = (label0: string): Uint8Array =>
    bytes(header(0x8180, 1), [...name(label0), 0, 1, 0, 1], record(POINTER, 1, [192, 0, 2, 1]));
  names.add(answer('old'), 0n);
  names.add(answer('new'), 1_000_000_000n);
  assert.equal(names.text('192.0.2.1', 1_050_000_000n), 'new');
  assert.equal(names.text('192.0.2.1', 1_150_500_000n), 'new (150.500ms)');
  assert.equal(names.text('192.0.2.2', 0n), 'No DNS Query');
  assert.equal(names.text('::1', 0n), 'localhost');
});

test('entries of the journal: a line each, and a length before what has line breaks', () => {
  // As in the description of the protocol.
  assert.equal(
    Buffer.from(journalEntry({ PRIORITY: 3, MESSAGE: 'a\nb', SYSLOG_IDENTIFIER: 'x=y' })).toString('latin1'),
    'PRIORITY=3\nMESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nSYSLOG_IDENTIFIER=x=y\n',
  );
});
