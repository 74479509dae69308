/**
 * Random programs of csmith: skep's code in the VM computes the checksum that gcc's code computes, zero differences.
 * 200 seeds; SKEP_LONG=1 for 10,000. SKEP_CSMITH_FROM and SKEP_CSMITH choose seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePlain, runFunction } from '../compiler/support.ts';
import { missing, nativeChecksums, program } from './csmith.ts';

/** Beyond BPF in ways that csmith's programs reach. */
const REFUSALS = new Set(['stack-too-large']);
const BATCH = 10;
const BUDGET = 2_000_000_000;

const count = Number(process.env['SKEP_CSMITH'] ?? (process.env['SKEP_LONG'] === '1' ? 10_000 : 200));
const from = Number(process.env['SKEP_CSMITH_FROM'] ?? 1);
const reason = missing();
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);

test(`${count} programs of csmith from seed ${from}`, { skip: reason ?? false, timeout: 86_400_000 }, (t) => {
  let same = 0,
    slow = 0;
  const refused = new Map<string, number>();
  const wrong: string[] = [];
  for (let first = from; first < from + count; first += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, from + count - first) }, (_, at) => first + at);
    const texts = seeds.map(program);
    const sums = nativeChecksums(texts);
    seeds.forEach((seed, at) => {
      const expected = sums[at];
      if (expected === undefined) {
        slow++;
        return;
      }
      const got = ours(texts[at] as string, seed);
      if (got.refused !== undefined) refused.set(got.refused, (refused.get(got.refused) ?? 0) + 1);
      if (got.refused !== undefined ? !REFUSALS.has(got.refused) : got.sum !== expected)
        wrong.push(`seed ${seed}: ${got.says ?? `${got.sum}, natively ${expected}`}`);
      else if (got.refused === undefined) same++;
    });
  }
  t.diagnostic(`${same} the same, ${slow} without an end, refused: ${[...refused].map(([k, n]) => `${k} ${n}`).join(', ') || 'none'}`);
  assert.deepEqual(wrong, []);
  assert.ok(same >= count * 0.5, `only ${same} of ${count} ran`);
});

interface Outcome {
  readonly sum?: bigint;
  readonly refused?: string;
  readonly says?: string;
}

function ours(text: string, seed: number): Outcome {
  try {
    // Calls stay calls in every third program.
    const c = compilePlain(text, { roots: ['skep_main'], verify: false, storeAddresses: true, inlineAll: seed % 3 !== 0, maxErrors: 1 });
    if (!c.spec) {
      const error = c.diagnostics.find((d) => d.severity === 'error');
      return { refused: error?.code ?? 'nothing said', says: error?.message ?? '' };
    }
    return { sum: BigInt.asUintN(64, runFunction(c, 'skep_main', { budget: BUDGET })) };
  } catch (e) {
    return { refused: 'thrown', says: e instanceof Error ? `${e.message.split('\n')[0]}` : String(e) };
  }
}
