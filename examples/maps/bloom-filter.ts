/** A bloom filter: surely not, or probably. Linux 5.16. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
    __type(value, __u32);
    __uint(max_entries, 1000);
    __uint(map_extra, 4); /* hash functions */
} known SEC(".maps");

SEC("?tc") int look(struct __sk_buff *skb)
{
    __u32 value = skb->len;
    return bpf_map_peek_elem(&known, &value) == 0;
}
char LICENSE[] SEC("license") = "GPL";`,
});

const known = b.map<number, number>('known');
known.add(64);
console.log(`a packet of 64 bytes: ${b.run('look', { data: new Uint8Array(64) }).result}`);
console.log(`from here: 64 is ${known.has(64) ? 'probably' : 'not'} there`);
