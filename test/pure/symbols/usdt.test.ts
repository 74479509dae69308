/** USDT probes of files and processes beside readelf; the counter of a probe raised by hand. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { USDT } from '../../../src/bcc/usdt.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { raiseSemaphore } from '../../../src/symbols/semaphore.ts';
import { sharedVictim } from '../../host/bcc/victim.ts';

const header = ['/usr/include/sys/sdt.h', '/usr/include/x86_64-linux-gnu/sys/sdt.h', '/usr/include/aarch64-linux-gnu/sys/sdt.h'].some((p) =>
  existsSync(p),
);
const missing = !header ? 'needs sys/sdt.h (systemtap-sdt-dev)' : spawnSync('gcc', ['--version']).error ? 'needs gcc' : false;

/** 'provider:name address semaphore arguments' of every note. */
function byReadelf(path: string): string[] {
  const text = execFileSync('readelf', ['-n', '--wide', path]).toString();
  return [
    ...text.matchAll(
      /Provider: (\S+)\s+Name: (\S+)\s+Location: 0x0*([0-9a-f]+), Base: \S+, Semaphore: 0x0*([0-9a-f]*)\s+Arguments: ([^\n]*)/g,
    ),
  ]
    .map(([, provider, name, at, semaphore, args]) => `${provider}:${name} ${at} ${semaphore || 0} ${args?.trim()}`)
    .sort();
}

function ours(usdt: USDT, file?: string): string[] {
  return usdt.probes
    .flatMap(({ provider, name, locations }) =>
      locations
        .filter((one) => file === undefined || one.file === file)
        .map(
          (one) =>
            `${provider}:${name} ${one.address.toString(16)} ${(one.semaphoreAddress ?? 0n).toString(16)} ${one.arguments.map((a) => a.text).join(' ')}`,
        ),
    )
    .sort();
}

test('the probes of a file are those that readelf lists', { skip: missing }, () => {
  const { path } = sharedVictim();
  assert.equal(byReadelf(path).length, 4);
  assert.deepEqual(ours(new USDT({ path })), byReadelf(path));
  for (const file of ['/usr/bin/python3', '/usr/lib/x86_64-linux-gnu/libstdc++.so.6', '/usr/lib/aarch64-linux-gnu/libstdc++.so.6'].filter(
    (f) => existsSync(f),
  ))
    assert.deepEqual(ours(new USDT({ path: file })), byReadelf(file), file);
});

test('the probes of a process: of its program and its libraries; errors name what is near', { skip: missing }, async () => {
  const { path } = sharedVictim();
  const child = spawn(path, ['1', 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const usdt = new USDT({ pid: child.pid as number });
  assert.deepEqual(ours(usdt, path), byReadelf(path));
  assert.throws(
    () => usdt.probe('skep:makr'),
    (error: unknown) =>
      error instanceof UsageError && /no USDT probe 'skep:makr'/.test(error.message) && error.suggestions.includes('skep:mark'),
  );
  assert.throws(() => usdt.enableProbe('other:mark', 'f'), /no USDT probe/);
  assert.equal(usdt.probe('mark').locations.length, 2);
  assert.throws(() => new USDT({ path: '/bin/true' }).probe('x'), /has no USDT probes/);
  assert.throws(() => new USDT({ path: '/no/such/file' }), /there is no file/);
  assert.throws(() => new USDT({}), /takes a 'pid'/);
  child.stdin.end('\n');
  await exited;
  assert.throws(() => new USDT({ pid: child.pid as number }), /there is no process/);
});

test('a counter raised by hand: the process passes the probe, until it is taken back', {
  skip: missing || (process.getuid?.() === 0 ? false : 'needs root'),
}, async () => {
  const { path } = sharedVictim();
  const rounds = 6;
  const [probe] = new USDT({ path }).probe('guarded').locations;
  const sums: number[] = [];
  for (const raise of ['no', 'yes', 'taken back']) {
    const child = spawn(path, [String(rounds), 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    const lower = raise === 'no' ? undefined : raiseSemaphore(child.pid as number, path, probe?.semaphoreAddress as bigint);
    if (raise === 'taken back') lower?.();
    const printed = once(child.stdout, 'data');
    child.stdin.write('\n');
    sums.push(Number(String((await printed)[0])));
    child.stdin.end();
    await exited;
    lower?.();
  }
  // The program adds one for each time that it passes the probe.
  assert.deepEqual(sums, [sums[0], (sums[0] as number) + rounds, sums[0]]);
});
