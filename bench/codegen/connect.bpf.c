// Policy for connect(): context fields read and written, rules in an array, counters in globals.
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define SOCK_STREAM 1

struct rule {
	__u32 network;
	__u32 mask;
	__u16 low;
	__u16 high;
	__u32 action;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct rule);
} rules SEC(".maps");

__u64 allowed, denied, rewritten;
__u32 proxy_address = 0x0100007f;
__u16 proxy_port = 3128;

SEC("cgroup/connect4")
int policy(struct bpf_sock_addr *ctx)
{
	__u32 i, address = bpf_ntohl(ctx->user_ip4);
	__u16 port = bpf_ntohs(ctx->user_port);

	if (ctx->type != SOCK_STREAM)
		return 1;
	for (i = 0; i < 16; i++) {
		__u32 key = i;
		struct rule *r = bpf_map_lookup_elem(&rules, &key);

		if (!r || !r->action)
			break;
		if ((address & r->mask) != r->network || port < r->low || port > r->high)
			continue;
		if (r->action == 1) {
			__sync_fetch_and_add(&allowed, 1);
			return 1;
		}
		if (r->action == 2) {
			ctx->user_ip4 = proxy_address;
			ctx->user_port = bpf_htons(proxy_port);
			__sync_fetch_and_add(&rewritten, 1);
			return 1;
		}
		__sync_fetch_and_add(&denied, 1);
		return 0;
	}
	__sync_fetch_and_add(&allowed, 1);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
