/** Global variables, live, and constants that are given when loading. Linux 5.2; without system calls since 5.5. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 smallest = 0; /* a constant: the verifier drops what it rules out */
struct { __u64 packets; char last[8]; } seen;
__u32 limit = 100;

SEC("?tc") int count(struct __sk_buff *skb)
{
    if (skb->len < smallest || skb->len > limit)
        return 0;
    __sync_fetch_and_add(&seen.packets, 1);
    __builtin_memcpy(seen.last, "eth", 4);
    return 1;
}
char LICENSE[] SEC("license") = "GPL";`,
  globals: { smallest: 64 },
});
const run = (size: number) => b.run('count', { data: new Uint8Array(size) }).result;

console.log(`20 bytes: ${run(20)}, 80 bytes: ${run(80)}, 200 bytes: ${run(200)}`);
b.global<number>('limit').value = 1000;
console.log(`200 bytes, with a higher limit: ${run(200)}`);
const { packets, last } = b.global<{ packets: bigint; last: string }>('seen').value;
console.log(`${packets} packets, the last on ${last}; at least ${b.global<number>('smallest').value} bytes`);
