// Insertion into a small sorted table in a map value, with loops the verifier walks.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define N 8

struct entry {
	__u64 value;
	__u32 pid;
	__u32 hits;
};

struct table {
	__u32 used;
	struct entry e[N];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

struct args {
	__u64 common;
	__u64 bytes;
	__u32 flags;
};

SEC("tracepoint/kmem/kmalloc")
int insert(struct args *ctx)
{
	__u32 zero = 0, pid = bpf_get_current_pid_tgid() >> 32, at, i;
	struct table *t = bpf_map_lookup_elem(&tables, &zero);
	__u64 value = ctx->bytes;

	if (!t)
		return 0;
	for (i = 0; i < N; i++) {
		if (i < t->used && t->e[i].pid == pid) {
			t->e[i].hits++;
			if (t->e[i].value < value)
				t->e[i].value = value;
			return 0;
		}
	}
	at = t->used;
	if (at < N)
		t->used = at + 1;
	else
		at = N - 1;
	for (i = 0; i < N; i++) {
		// The mask is for verifiers that learn nothing from `at != 0`.
		__u32 above = (at - 1) & (N - 1);

		if (at == 0 || at >= N || t->e[above].value >= value)
			break;
		t->e[at] = t->e[above];
		at--;
	}
	if (at < N) {
		t->e[at].value = value;
		t->e[at].pid = pid;
		t->e[at].hits = 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
