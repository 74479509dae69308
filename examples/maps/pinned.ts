/** A pinned map outlives the process that made it. Needs a bpf file system. Linux 4.4. */
import { existsSync, mkdtempSync } from 'node:fs';
import { BPF, Table } from 'skep';

const text = `
struct value { u64 count; char who[16]; };
BPF_HASH(kept, u32, struct value);
int unused(struct __sk_buff *skb) { u32 k = 0; return kept.lookup(&k) != 0; }`;

const folder = process.argv[2] ?? mkdtempSync('/sys/fs/bpf/skep-');
const path = `${folder}/kept`;
{
  await using b = await BPF.load({ text });
  b.map('kept').set(1, { count: 2n ** 60n, who: 'the first' });
  b.map('kept').pin(path);
}
// Its types came with it: it needs no C text to be read.
const again = Table.openPinned<number, { count: bigint; who: string }>(path);
for (const [key, { count, who }] of again.entries()) console.log(`${key}: ${count} of ${who}`);
again.close();
Table.unpin(path);
console.log(`the name is gone: ${!existsSync(path)}`);
