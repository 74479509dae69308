// A histogram of request sizes by process name, as block tracing tools keep it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct request {
	unsigned long long pad;
	unsigned int dev;
	unsigned long long sector;
	unsigned int sectors;
	unsigned int bytes;
	char rwbs[8];
	char comm[16];
};

struct key {
	char name[16];
	unsigned long long slot;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct key);
	__type(value, __u64);
} dist SEC(".maps");

static __always_inline unsigned int log2_32(unsigned int v)
{
	unsigned int shift, r;

	r = (v > 0xFFFF) << 4;
	v >>= r;
	shift = (v > 0xFF) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xF) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	r |= (v >> 1);
	return r;
}

static __always_inline unsigned int log2_64(unsigned long long v)
{
	unsigned int hi = v >> 32;

	if (hi)
		return log2_32(hi) + 32 + 1;
	return log2_32(v) + 1;
}

SEC("tracepoint/block/block_rq_issue")
int on_issue(struct request *args)
{
	struct key key = {};
	__u64 zero = 0, *count;

	bpf_get_current_comm(&key.name, sizeof(key.name));
	key.slot = log2_64(args->bytes / 1024);
	count = bpf_map_lookup_elem(&dist, &key);
	if (!count) {
		bpf_map_update_elem(&dist, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&dist, &key);
		if (!count)
			return 0;
	}
	__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
