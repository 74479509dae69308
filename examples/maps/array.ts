/** An array: all entries exist, indexes from 0. Mapped, it is read and written without system calls. Linux 3.19, mapped 5.5. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_ARRAY(squares, u64, 8);
BPF_F_TABLE("array", u32, u64, shared, 4, BPF_F_MMAPABLE);

int fill(struct __sk_buff *skb)
{
    for (int i = 0; i < 8; i++) {
        int key = i;
        u64 v = i * i;
        squares.update(&key, &v);
    }
    u32 key = 1;
    u64 *v = shared.lookup(&key);
    if (v)
        __sync_fetch_and_add(v, 10);
    return 0;
}`,
});
b.loadFunc('fill', 'sched_cls');
b.run('fill', { data: new Uint8Array(64) });
console.log(`squares: ${[...b.map<number, bigint>('squares').values()].join(' ')}`);

using shared = b.map<number, bigint>('shared').mapped();
shared.set(1, 100n);
b.run('fill', { data: new Uint8Array(64) });
shared.add(1, 1);
console.log(`shared: ${shared.get(1)}`);
