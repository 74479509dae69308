/**
 * The kernel's first sample: the unmodified C of Debian's kernel source, and our own in both dialects.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BPF } from '../../../src/bcc/bpf.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { CorpusMissing, kernelSamples } from '../../corpora/corpora.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { built, SHARED } from '../../run/paths.ts';
import { start, startSkep } from '../../support/command.ts';
import { printed } from '../../support/examples.ts';
import { within } from '../attach/namespace.ts';

/** Runs with a network namespace of its own, loopback up. */
async function withNamespace(action: (name: string) => Promise<void>): Promise<void> {
  const name = `skep-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  try {
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await action(name);
  } finally {
    execFileSync('ip', ['netns', 'del', name]);
  }
}

/** Packets of 98 bytes on the wire, seen twice on loopback: once out, once in; the sample counts what goes out. */
const PING = ['-4', '-i', '0.2', '-W', '5', '127.0.0.1'];

kernelTest('the unmodified sample counts ICMP bytes on loopback', { commands: ['ip', 'ping'] }, async (t) => {
  let file: string;
  try {
    file = `${kernelSamples('6.1').folder}/sockex1_kern.c`;
  } catch (error) {
    if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
    return t.skip(error.message);
  }
  const before = await snapshot();
  await withNamespace(async (name) => {
    await using b = await BPF.load({ text: readFileSync(file, 'utf8'), name: 'sockex1_kern', autoAttach: false });
    b.attachRawSocket('bpf_prog1', 'lo', { netns: `/run/netns/${name}` });
    const counts = b.map<number, bigint>('my_map');
    assert.equal(counts.get(1), 0n);
    execFileSync('ip', ['netns', 'exec', name, 'ping', '-c', '1', ...PING]);
    // One echo request and one reply leave through the interface: 84 bytes of IP behind 14 of Ethernet, each.
    assert.equal(counts.get(1), 196n);
    assert.equal(counts.get(6), 0n);
    execFileSync('ip', ['netns', 'exec', name, 'ping', '-c', '4', ...PING]);
    assert.equal(counts.get(1), 196n * 5n);
  });
  assert.deepEqual(await leftovers(before), []);
});

for (const dialect of ['bcc', 'libbpf']) {
  kernelTest(`examples/sockex1 in the dialect of ${dialect}`, { commands: ['ip', 'ping'] }, async () => {
    await withNamespace(async (name) => {
      if (SHARED in globalThis) return await inThisProcess(name, dialect);
      const example = start(['ip', 'netns', 'exec', name, process.execPath, join(built, 'examples', 'sockex1.js'), 'lo', dialect]);
      await example.sees('TCP 0 UDP 0 ICMP 0 bytes\n');
      await start(['ip', 'netns', 'exec', name, 'ping', '-c', '1', ...PING]).ended;
      assert.deepEqual(await example.ended, { status: 0, signal: null }, example.err());
      assert.match(example.out(), /TCP 0 UDP 0 ICMP 196 bytes\n$/);
    });
  });
}

/** With a compiler that is warm: an emulated processor takes a quarter of a minute for a cold one. */
async function inThisProcess(name: string, dialect: string): Promise<void> {
  let begun = () => {};
  const first = new Promise<void>((resolve) => {
    begun = resolve;
  });
  await within(linuxKernel(), `/run/netns/${name}`, async () => {
    const lines = printed('.', 'sockex1', ['lo', dialect], (line) => line === 'TCP 0 UDP 0 ICMP 0 bytes' && begun());
    await Promise.race([first, lines]);
    await start(['ping', '-c', '1', ...PING]).ended;
    assert.equal((await lines).at(-1), 'TCP 0 UDP 0 ICMP 196 bytes');
  });
}

kernelTest("skep sockex1 prints the sample's lines once a second", { commands: ['ip', 'ping'] }, async () => {
  await withNamespace(async (name) => {
    const tool = startSkep(['sockex1', '-v', 'lo', '4'], ['ip', 'netns', 'exec', name]);
    await tool.sees('TCP 0 UDP 0 ICMP 0 bytes\n');
    const ping = start(['ip', 'netns', 'exec', name, 'ping', '-c', '1', ...PING]);
    await ping.ended;
    assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
    const lines = tool.out().trim().split('\n');
    assert.equal(lines.length, 4);
    assert.equal(lines[3], 'TCP 0 UDP 0 ICMP 196 bytes');
    assert.match(tool.err(), /attached count_outgoing to .*\n(?:.*\n)*probes: socket_filter:the interface\nsockex1: ready\n/);
  });
});
