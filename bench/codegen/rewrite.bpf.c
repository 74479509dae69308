// Address translation: headers read into the stack, checksums updated, packets redirected.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct service {
	__be32 address;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct target {
	__be32 address;
	__be16 port;
	__u16 ifindex;
	__u8 mac[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct service);
	__type(value, struct target);
} services SEC(".maps");

#define IP_OFF sizeof(struct ethhdr)
#define L4_OFF (IP_OFF + sizeof(struct iphdr))

SEC("tc")
int translate(struct __sk_buff *skb)
{
	struct service key = {};
	struct target *t;
	struct iphdr ip;
	__be16 ports[2];
	__be32 old;
	int at, flags = 0x10;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, IP_OFF, &ip, sizeof(ip)) < 0)
		return TC_ACT_SHOT;
	if (ip.version != 4 || ip.ihl != 5)
		return TC_ACT_OK;
	if (ip.protocol == IPPROTO_TCP) {
		at = L4_OFF + offsetof(struct tcphdr, check);
	} else if (ip.protocol == IPPROTO_UDP) {
		at = L4_OFF + offsetof(struct udphdr, check);
		flags |= 0x20;
	} else {
		return TC_ACT_OK;
	}
	if (bpf_skb_load_bytes(skb, L4_OFF, ports, sizeof(ports)) < 0)
		return TC_ACT_SHOT;
	key.address = ip.daddr;
	key.port = ports[1];
	key.proto = ip.protocol;
	t = bpf_map_lookup_elem(&services, &key);
	if (!t)
		return TC_ACT_OK;
	old = ip.daddr;
	bpf_l4_csum_replace(skb, at, old, t->address, flags | 4);
	bpf_l4_csum_replace(skb, at, ports[1], t->port, 2);
	bpf_l3_csum_replace(skb, IP_OFF + offsetof(struct iphdr, check), old, t->address, 4);
	bpf_skb_store_bytes(skb, IP_OFF + offsetof(struct iphdr, daddr), &t->address, 4, 0);
	bpf_skb_store_bytes(skb, L4_OFF + 2, &t->port, 2, 0);
	bpf_skb_store_bytes(skb, 0, t->mac, 6, 0);
	if (t->ifindex)
		return bpf_redirect(t->ifindex, 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
