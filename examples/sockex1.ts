/**
 * The kernel's sockex1 in TypeScript: bytes sent through an interface, by protocol.
 *
 *   sudo node build/examples/sockex1.js [interface] [bcc|libbpf]
 *
 * The same program twice: in BCC's dialect and in libbpf's. Ping something meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BPF } from 'skep';

const BCC = `
#include <uapi/linux/if_ether.h>
#include <uapi/linux/if_packet.h>
#include <uapi/linux/ip.h>

BPF_ARRAY(bytes, u64, 256);

int count_outgoing(struct __sk_buff *skb)
{
    int protocol = load_byte(skb, ETH_HLEN + offsetof(struct iphdr, protocol));
    u64 *value = bytes.lookup(&protocol);

    if (value && skb->pkt_type == PACKET_OUTGOING)
        lock_xadd(value, skb->len);
    return 0;
}
`;

const LIBBPF = `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define ETH_HLEN 14
#define PACKET_OUTGOING 4

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 256);
} bytes SEC(".maps");

SEC("socket")
int count_outgoing(struct __sk_buff *skb)
{
    __u8 protocol = 0;
    __u32 key;
    __u64 *value;

    if (skb->pkt_type != PACKET_OUTGOING)
        return 0;
    bpf_skb_load_bytes(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, protocol), &protocol, sizeof(protocol));
    key = protocol;
    value = bpf_map_lookup_elem(&bytes, &key);
    if (value)
        __sync_fetch_and_add(value, skb->len);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
`;

const [networkInterface = 'lo', dialect = 'bcc'] = process.argv.slice(2);

await using b = await BPF.load({ text: dialect === 'libbpf' ? LIBBPF : BCC, name: 'sockex1' });
b.attachRawSocket('count_outgoing', networkInterface);
const bytes = b.map<number, bigint>('bytes');

for (let i = 0; i < 5; i++) {
  console.log(`TCP ${bytes.get(6)} UDP ${bytes.get(17)} ICMP ${bytes.get(1)} bytes`);
  await sleep(1000);
}
