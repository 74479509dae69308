// SipHash-1-3 of sixteen bytes: 64-bit arithmetic with constants that fit nowhere.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct keys {
	__u64 k0, k1;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct keys);
} secret SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} seen SEC(".maps");

#define ROL(x, n) (((x) << (n)) | ((x) >> (64 - (n))))
#define ROUND					\
	do {					\
		v0 += v1; v1 = ROL(v1, 13); v1 ^= v0; v0 = ROL(v0, 32);	\
		v2 += v3; v3 = ROL(v3, 16); v3 ^= v2;			\
		v0 += v3; v3 = ROL(v3, 21); v3 ^= v0;			\
		v2 += v1; v1 = ROL(v1, 17); v1 ^= v2; v2 = ROL(v2, 32);	\
	} while (0)

static __always_inline __u64 siphash(__u64 a, __u64 b, const struct keys *k)
{
	__u64 v0 = 0x736f6d6570736575ull ^ k->k0;
	__u64 v1 = 0x646f72616e646f6dull ^ k->k1;
	__u64 v2 = 0x6c7967656e657261ull ^ k->k0;
	__u64 v3 = 0x7465646279746573ull ^ k->k1;
	__u64 end = 16ull << 56;

	v3 ^= a;
	ROUND;
	v0 ^= a;
	v3 ^= b;
	ROUND;
	v0 ^= b;
	v3 ^= end;
	ROUND;
	v0 ^= end;
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

SEC("cgroup_skb/ingress")
int remember(struct __sk_buff *skb)
{
	__u32 zero = 0, one = 1, *count;
	struct keys *k = bpf_map_lookup_elem(&secret, &zero);
	__u64 pair[2], h;

	if (!k || bpf_skb_load_bytes(skb, 8, pair, sizeof(pair)))
		return 1;
	h = siphash(pair[0], pair[1], k);
	count = bpf_map_lookup_elem(&seen, &h);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&seen, &h, &one, BPF_NOEXIST);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
