import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ipv4Text, ipv6Text } from '../../../src/render/address.ts';

test('addresses as inet_ntop writes them', () => {
  // All the shapes that runs of zeros can have, and random ones.
  const addresses: Uint8Array[] = [];
  for (let mask = 0; mask < 256; mask++)
    addresses.push(Uint8Array.from({ length: 16 }, (_, i) => ((mask >> (i >> 1)) & 1 ? (i % 2 ? mask & 0xff || 1 : i) : 0)));
  for (let i = 0; i < 50; i++) addresses.push(crypto.getRandomValues(new Uint8Array(16)));
  addresses.push(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1));
  const hex = addresses.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n');
  const script =
    'import socket,sys\nfor l in sys.stdin: b=bytes.fromhex(l); print(socket.inet_ntop(socket.AF_INET6,b), socket.inet_ntop(socket.AF_INET,b[:4]))';
  const expected = execFileSync('python3', ['-c', script], { input: hex, encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(
    addresses.map((bytes) => `${ipv6Text(bytes)} ${ipv4Text(bytes)}`),
    expected,
  );
});
