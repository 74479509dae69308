// Ethernet, VLAN, IPv4, IPv6, TCP, UDP: bytes and packets by protocol and port, from the packet itself.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct vlan {
	__be16 tci;
	__be16 proto;
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct traffic);
} by_protocol SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u16);
	__type(value, struct traffic);
} by_port SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u64 offset = sizeof(*eth);
	__u16 proto, port = 0;
	__u32 key;
	struct traffic *t;

	if (data + offset > end)
		return XDP_DROP;
	proto = eth->h_proto;
	if (proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD)) {
		struct vlan *v = data + offset;

		offset += sizeof(*v);
		if (data + offset > end)
			return XDP_DROP;
		proto = v->proto;
	}
	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + offset;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		if (ip->ihl < 5)
			return XDP_DROP;
		key = ip->protocol;
		offset += sizeof(*ip);
		if (ip->ihl != 5 || (ip->frag_off & bpf_htons(0x1fff)))
			goto done;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + offset;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		key = ip->nexthdr;
		offset += sizeof(*ip);
	} else {
		return XDP_PASS;
	}
	if (key == IPPROTO_TCP) {
		struct tcphdr *tcp = data + offset;

		if ((void *)(tcp + 1) > end)
			return XDP_DROP;
		port = bpf_ntohs(tcp->dest);
	} else if (key == IPPROTO_UDP) {
		struct udphdr *udp = data + offset;

		if ((void *)(udp + 1) > end)
			return XDP_DROP;
		port = bpf_ntohs(udp->dest);
	}
done:
	t = bpf_map_lookup_elem(&by_protocol, &key);
	if (t) {
		t->packets++;
		t->bytes += end - data;
	}
	if (port) {
		t = bpf_map_lookup_elem(&by_port, &port);
		if (t) {
			__sync_fetch_and_add(&t->packets, 1);
			__sync_fetch_and_add(&t->bytes, end - data);
		} else {
			struct traffic first = { .packets = 1, .bytes = end - data };

			bpf_map_update_elem(&by_port, &port, &first, BPF_ANY);
		}
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
