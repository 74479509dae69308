// Large switches: dense, sparse, ranges, values.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} kinds SEC(".maps");

enum { K_OTHER, K_FILE, K_NET, K_MEM, K_PROC, K_SIGNAL, K_TIME };

static __always_inline __u32 classify(long nr)
{
	switch (nr) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 8:
	case 17: case 18: case 19: case 20: case 21:
		return K_FILE;
	case 9: case 10: case 11: case 12: case 25: case 26: case 27: case 28:
		return K_MEM;
	case 13: case 14: case 15: case 34: case 62: case 127 ... 131:
		return K_SIGNAL;
	case 35: case 36: case 37: case 38: case 96: case 201: case 228: case 230:
		return K_TIME;
	case 41 ... 55: case 288: case 299: case 307:
		return K_NET;
	case 56: case 57: case 58: case 59: case 60: case 61: case 231: case 435:
		return K_PROC;
	default:
		return K_OTHER;
	}
}

static __always_inline int weight(__u32 kind, long ret)
{
	switch (kind) {
	case K_FILE: return ret < 0 ? 3 : 1;
	case K_NET: return ret < 0 ? 5 : 2;
	case K_MEM: return 4;
	case K_PROC: return 10;
	case K_SIGNAL: return 7;
	case K_TIME: return ret == 0;
	}
	return 0;
}

struct args {
	__u64 common;
	long nr;
	long ret;
};

SEC("tracepoint/raw_syscalls/sys_exit")
int on_exit(struct args *ctx)
{
	__u32 kind = classify(ctx->nr), slot;
	int w = weight(kind, ctx->ret);
	__u64 *v = bpf_map_lookup_elem(&kinds, &kind);

	if (v)
		*v += w;
	slot = 16 + (w & 15);
	v = bpf_map_lookup_elem(&kinds, &slot);
	if (v)
		__sync_fetch_and_add(v, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
