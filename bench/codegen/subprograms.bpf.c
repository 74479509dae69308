// Real calls: functions that are not inlined, a callback for bpf_loop, globals that they share.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sample {
	__u64 sum;
	__u64 squares;
	__u32 count;
	__u32 least;
	__u32 most;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} values SEC(".maps");

struct sample last;
__u64 runs;
static __u32 spread;

static __noinline __u64 isqrt(__u64 v)
{
	__u64 r = 0, bit = 1ull << 62;
	int i;

	for (i = 0; i < 32; i++) {
		if (v >= r + bit) {
			v -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
		bit >>= 2;
	}
	return r;
}

__noinline int clamp(int v, int low, int high)
{
	if (v < low)
		return low;
	return v > high ? high : v;
}

static int add(__u32 index, struct sample *s)
{
	__u32 *v = bpf_map_lookup_elem(&values, &index);

	if (!v)
		return 1;
	s->sum += *v;
	s->squares += (__u64)*v * *v;
	s->count++;
	if (*v < s->least)
		s->least = *v;
	if (*v > s->most)
		s->most = *v;
	return 0;
}

SEC("socket")
int collect(struct __sk_buff *skb)
{
	struct sample s = { .least = 0xffffffff };
	__u64 mean, variance;

	bpf_loop(clamp(skb->len, 1, 256), add, &s, 0);
	if (!s.count)
		return 0;
	mean = s.sum / s.count;
	variance = s.squares / s.count - mean * mean;
	last = s;
	spread = isqrt(variance);
	runs++;
	return clamp(spread, 0, 1000);
}

char LICENSE[] SEC("license") = "GPL";
