/** A hash: keys and values of any type. Linux 3.19. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct key { u16 port; char proto[4]; };
BPF_HASH(seen, struct key, u64, 1024);

int count(struct __sk_buff *skb)
{
    struct key k = { .port = load_half(skb, 14), .proto = "tcp" };
    seen.increment(k);
    return 0;
}`,
});
b.loadFunc('count', 'sched_cls');
for (const port of [80, 80, 22])
  b.run('count', { data: Uint8Array.of(...new Array(14).fill(0), port >> 8, port & 255, ...new Array(48).fill(0)) });

const seen = b.map<{ port: number; proto: string }, bigint>('seen');
seen.set({ port: 443, proto: 'tcp' }, 5n);
for (const [{ port, proto }, count] of [...seen.entries()].sort(([a], [b]) => a.port - b.port)) console.log(`${proto} ${port}: ${count}`);

// Many at once, in batches where the kernel has them (5.6).
seen.setAll(Array.from({ length: 500 }, (_, i) => [{ port: 1000 + i, proto: 'udp' }, 1n] as const));
console.log(
  `${seen.size} entries, ${seen.deleteAll([
    { port: 1000, proto: 'udp' },
    { port: 7, proto: 'udp' },
  ])} of two deleted`,
);
console.log(`${[...seen.drain()].length} drained, ${seen.size} left`);
