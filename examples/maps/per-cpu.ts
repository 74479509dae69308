/** Per-CPU maps: a value for each CPU, so that none waits for another; reduced when read. Linux 4.6. */
import { BPF, possibleCpus } from 'skep';

await using b = await BPF.load({
  text: `
struct stats { u64 packets, bytes; };
BPF_PERCPU_ARRAY(total, struct stats, 1);
BPF_PERCPU_HASH(by_size, u32, u64);

int count(struct __sk_buff *skb)
{
    int zero = 0;
    struct stats *s = total.lookup(&zero);
    if (s) {
        s->packets++;
        s->bytes += skb->len;
    }
    u32 size = skb->len;
    u64 first = 0, *n = by_size.lookup_or_try_init(&size, &first);
    if (n)
        (*n)++;
    return 0;
}`,
});
b.loadFunc('count', 'sched_cls');
b.run('count', { data: new Uint8Array(64), repeat: 10 });
b.run('count', { data: new Uint8Array(100), repeat: 5 });

const total = b.map<number, { packets: bigint; bytes: bigint }[]>('total');
console.log(`one value for each CPU: ${total.get(0)?.length === possibleCpus().length}`);
console.log(`${total.sum(0)?.packets} packets, ${total.sum(0)?.bytes} bytes`);
for (const [size, count] of [...b.map<number, bigint[]>('by_size').reduced()].sort(([a], [b]) => a - b))
  console.log(`${size} bytes: ${count}`);
