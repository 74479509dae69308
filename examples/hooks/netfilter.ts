/** netfilter: a program beside iptables and nftables, in an order by priority. Linux 6.4. */
import { createSocket } from 'node:dgram';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} packets SEC(".maps");

SEC("netfilter")
int count(struct bpf_nf_ctx *ctx)
{
    __u32 key = 0;
    __u64 *value = bpf_map_lookup_elem(&packets, &key);

    if (value)
        __sync_fetch_and_add(value, 1);
    return 1;
}

char LICENSE[] SEC("license") = "GPL";`,
});
b.attachNetfilter({ family: 'ipv4', hook: 'output', priority: -128 }, 'count');

const socket = createSocket('udp4');
await new Promise((resolve) => socket.send('hello', 9, '127.0.0.1', resolve));
socket.close();
console.log(`${b.map<number, bigint>('packets').get(0)} packets went out`);
