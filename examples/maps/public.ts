/** A table that another program of this process uses, too. */
import { BPF } from 'skep';

await using owner = await BPF.load({
  text: `
BPF_TABLE_PUBLIC("array", u32, u64, shared, 4);
int put(struct __sk_buff *skb) { u32 k = 2; u64 v = skb->len; shared.update(&k, &v); return 0; }`,
});
await using other = await BPF.load({
  text: `
BPF_TABLE("extern", u32, u64, shared, 4);
int get(struct __sk_buff *skb) { u32 k = 2; u64 *v = shared.lookup(&k); return v ? *v : 0; }`,
});
owner.loadFunc('put', 'sched_cls');
other.loadFunc('get', 'sched_cls');
owner.run('put', { data: new Uint8Array(99) });
console.log(`the other program reads ${other.run('get', { data: new Uint8Array(64) }).result}`);
