/** What does not fit into a map is counted, exactly: entries and losses together are what was put in. */
import assert from 'node:assert/strict';
import { testRun } from '../../../src/attach/test-run.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { kernelTest } from '../../run/needs.ts';

const ROOM = 10;
const RUNS = 50;

const PROGRAM = `
BPF_ARRAY(runs, u64, 1);
BPF_HASH(updated, u64, u64, ${ROOM});
BPF_HASH(inserted, u64, u64, ${ROOM});
BPF_HASH(tried, u64, u64, ${ROOM});
BPF_HASH(counted, u64, u64, ${ROOM});
BPF_HASH(summed, u64, u64, ${ROOM});
BPF_HASH(roomy, u64, u64, ${RUNS});
BPF_RINGBUF_OUTPUT(ring, 1);
struct record { char bytes[248]; };

int fill(struct __sk_buff *skb)
{
    int zero = 0;
    u64 none = 0, one = 1;
    u64 *run = runs.lookup(&zero);
    if (!run)
        return 0;
    u64 key = (*run)++;

    updated.update(&key, &one);
    inserted.insert(&key, &one);
    inserted.insert(&key, &one);
    u64 *leaf = tried.lookup_or_try_init(&key, &none);
    if (leaf)
        *leaf += 1;
    counted.increment(key);
    counted.increment(key);
    summed.atomic_increment(key, 3);
    roomy.increment(key);
    struct record *record = ring.ringbuf_reserve(sizeof(struct record));
    if (record)
        ring.ringbuf_submit(record, 0);
    return 0;
}
`;

kernelTest('what a full map refused is counted', {}, async () => {
  await using bpf = await BPF.load({ text: PROGRAM, name: 'lost' });
  testRun(linuxKernel(), bpf.program('fill', 'socket_filter'), { data: new Uint8Array(64), repeat: RUNS });
  assert.equal(bpf.map<number, bigint>('runs').get(0), BigInt(RUNS));
  const lost = BigInt(RUNS - ROOM);
  for (const name of ['updated', 'tried', 'summed']) {
    assert.equal(bpf.map(name).size, ROOM, name);
    assert.equal(bpf.lost(name), lost, name);
  }
  // A key that is there already is no loss; where there is no room, each of the two attempts is one.
  assert.equal(bpf.lost('inserted'), 2n * lost);
  assert.equal(bpf.lost('counted'), 2n * lost);
  assert.deepEqual(
    [...bpf.map('counted').values()],
    Array.from({ length: ROOM }, () => 2n),
  );
  assert.deepEqual(
    [...bpf.map('summed').values()],
    Array.from({ length: ROOM }, () => 3n),
  );
  assert.equal(bpf.lost('roomy'), 0n);
  // 256 bytes with the header: 16 fit into a page of 4096, less what the kernel keeps free.
  const fit = RUNS - Number(bpf.lost('ring'));
  assert.ok(fit === 15 || fit === 16, `${fit} records fit`);
  assert.deepEqual(
    bpf.maps.filter((name) => name.startsWith('.')),
    [],
  );
});
