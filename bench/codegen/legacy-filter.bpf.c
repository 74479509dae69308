// A socket filter of the old kind: packet loads through the context, bytes by protocol.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <stddef.h>

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long off) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long off) asm("llvm.bpf.load.word");

struct pair {
	__u32 src, dst;
	__u16 sport, dport;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct pair);
	__type(value, long);
} pairs SEC(".maps");

SEC("socket")
int account(struct __sk_buff *skb)
{
	struct pair key = {};
	__u64 at = ETH_HLEN, proto;
	long *bytes, first;

	if (load_half(skb, offsetof(struct ethhdr, h_proto)) != ETH_P_IP)
		return 0;
	proto = load_byte(skb, at + 9);
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return 0;
	if (load_half(skb, at + 6) & 0x1fff)
		return 0;
	key.src = load_word(skb, at + 12);
	key.dst = load_word(skb, at + 16);
	at += (load_byte(skb, at) & 0xf) << 2;
	key.sport = load_half(skb, at);
	key.dport = load_half(skb, at + 2);
	first = skb->len;
	bytes = bpf_map_lookup_elem(&pairs, &key);
	if (bytes)
		__sync_fetch_and_add(bytes, first);
	else
		bpf_map_update_elem(&pairs, &key, &first, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
