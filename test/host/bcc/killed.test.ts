/**
 * `kill -9` at random moments of opening, loading, attaching and reading. Whatever the process held
 * is gone afterwards: programs, maps, links, probes of tracefs and private trace buffers.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { tracefsPath } from '../../../src/kernel/tracefs.ts';
import { type Snapshot, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { built } from '../../run/paths.ts';

/** Few in the ordinary run: in a guest, starting each victim takes seconds. */
const KILLS = process.env['SKEP_LONG'] === '1' ? 200 : 3;

/** Mulberry32: the same moments for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const instances = (): string[] => readdirSync(`${tracefsPath(linuxKernel())}/instances`).filter((name) => name.startsWith('skep_'));

async function left(before: Snapshot): Promise<string[]> {
  return [...(await snapshot()), ...instances()].filter((line) => !before.has(line));
}

/** Waits until nothing is left: objects go a moment after their process, probes when its guard has run. */
async function allGone(before: Snapshot): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const found = await left(before);
    if (found.length === 0 || tries >= 300) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Victim {
  readonly stages: string[];
  readonly first: Promise<void>;
  kill(): Promise<void>;
}

function startVictim(): Victim {
  const child = spawn(process.execPath, [join(built, 'test', 'host', 'bcc', 'killed-victim.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stages: string[] = [];
  const first = new Promise<void>((resolve) =>
    child.stdout.on('data', (data) => {
      stages.push(...String(data).trim().split('\n'));
      if (stages.includes('closed')) resolve();
    }),
  );
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    stages,
    first,
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

kernelTest(`killed at ${KILLS} random moments: nothing stays`, { kprobes: true, guest: true, timeout: 1_200_000 }, async () => {
  const seed = Date.now() & 0xffffff;
  const next = random(seed);
  const before = await snapshot();
  const start = Date.now();
  const measured = startVictim();
  await measured.first;
  const round = Date.now() - start;
  await measured.kill();
  assert.deepEqual(await allGone(before), []);
  const seen = new Map<string, number>();
  for (let i = 0; i < KILLS; i++) {
    const victim = startVictim();
    const after = round * (0.3 + 0.9 * next());
    await new Promise((resolve) => setTimeout(resolve, after));
    await victim.kill();
    const stage = victim.stages.at(-1) ?? 'started';
    seen.set(stage, (seen.get(stage) ?? 0) + 1);
    assert.deepEqual(await allGone(before), [], `kill ${i} of seed ${seed}, ${Math.round(after)} ms after the start, when it had ${stage}`);
  }
  process.stdout.write(`killed when they had: ${[...seen].map(([stage, times]) => `${stage} ${times}`).join(', ')}\n`);
});

test('the moments are the same for the same seed', () => {
  const [one, two] = [random(7), random(7)];
  for (let i = 0; i < 50; i++) {
    const at = one();
    assert.ok(at >= 0 && at < 1);
    assert.equal(two(), at);
  }
});
