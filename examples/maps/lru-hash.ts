/** An LRU hash: when it is full, what was not used for longest makes room. Linux 4.10. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_TABLE("lru_hash", u32, u32, recent, 64);
int unused(struct __sk_buff *skb) { u32 k = 0; return recent.lookup(&k) != 0; }`,
});

const recent = b.map<number, number>('recent');
for (let i = 0; i < 1000; i++) recent.set(i, i);
console.log(`the last one is there: ${recent.get(999) === 999}; the first one is not: ${recent.get(0) === undefined}`);
console.log(`never more than 64: ${recent.size <= 64}`);
