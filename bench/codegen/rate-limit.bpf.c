// A token bucket per address: 64-bit time arithmetic, division, a spin lock, clamping.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct bucket {
	struct bpf_spin_lock lock;
	__u64 tokens;
	__u64 last;
	__u64 passed;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

const volatile __u64 rate = 125000;
const volatile __u64 burst = 25000;

SEC("tc")
int limit(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct bucket *b, fresh = {};
	__u64 now, earned, cost = skb->len;
	__u32 key;
	int verdict = TC_ACT_SHOT;

	if ((void *)(ip + 1) > end || ((struct ethhdr *)data)->h_proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	key = ip->saddr;
	now = bpf_ktime_get_ns();
	b = bpf_map_lookup_elem(&buckets, &key);
	if (!b) {
		fresh.tokens = burst > cost ? burst - cost : 0;
		fresh.last = now;
		fresh.passed = 1;
		bpf_map_update_elem(&buckets, &key, &fresh, BPF_ANY);
		return TC_ACT_OK;
	}
	bpf_spin_lock(&b->lock);
	earned = (now - b->last) * rate / 1000000000ull;
	if (earned) {
		b->tokens += earned;
		if (b->tokens > burst)
			b->tokens = burst;
		b->last = now;
	}
	if (b->tokens >= cost) {
		b->tokens -= cost;
		b->passed++;
		verdict = TC_ACT_OK;
	} else {
		b->dropped++;
	}
	bpf_spin_unlock(&b->lock);
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
