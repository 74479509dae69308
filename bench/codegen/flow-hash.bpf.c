// Jenkins' hash of a flow, rotations and all: 32-bit arithmetic under register pressure.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __always_inline __u32 rol32(__u32 word, unsigned int shift)
{
	return (word << shift) | (word >> ((-shift) & 31));
}

#define MIX(a, b, c)				\
	{					\
		a -= c; a ^= rol32(c, 4); c += b;	\
		b -= a; b ^= rol32(a, 6); a += c;	\
		c -= b; c ^= rol32(b, 8); b += a;	\
		a -= c; a ^= rol32(c, 16); c += b;	\
		b -= a; b ^= rol32(a, 19); a += c;	\
		c -= b; c ^= rol32(b, 4); b += a;	\
	}

#define FINAL(a, b, c)				\
	{					\
		c ^= b; c -= rol32(b, 14);	\
		a ^= c; a -= rol32(c, 11);	\
		b ^= a; b -= rol32(a, 25);	\
		c ^= b; c -= rol32(b, 16);	\
		a ^= c; a -= rol32(c, 4);	\
		b ^= a; b -= rol32(a, 14);	\
		c ^= b; c -= rol32(b, 24);	\
	}

struct flow {
	__u32 src[4];
	__u32 dst[4];
	__u16 sport;
	__u16 dport;
	__u8 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} backends SEC(".maps");

static __always_inline __u32 hash(const __u32 *k, __u32 length, __u32 seed)
{
	__u32 a, b, c;
	int i;

	a = b = c = 0xdeadbeef + (length << 2) + seed;
#pragma unroll
	for (i = 0; i < 9; i += 3) {
		a += k[i];
		b += k[i + 1];
		c += k[i + 2];
		MIX(a, b, c);
	}
	FINAL(a, b, c);
	return c;
}

SEC("socket")
int balance(struct __sk_buff *skb)
{
	struct flow f = {};
	__u32 words[9], h, *backend;

	f.proto = skb->protocol;
	if (bpf_skb_load_bytes(skb, 14 + 8, &f.src, 32))
		return 0;
	if (bpf_skb_load_bytes(skb, 14 + 40, &f.sport, 4))
		return 0;
	__builtin_memcpy(words, &f, 32);
	words[8] = (__u32)f.sport << 16 | f.dport;
	h = hash(words, 9, f.proto);
	h &= 0xffff;
	backend = bpf_map_lookup_elem(&backends, &h);
	if (!backend)
		return 0;
	skb->cb[0] = *backend;
	skb->cb[1] = h;
	return skb->len;
}

char LICENSE[] SEC("license") = "GPL";
