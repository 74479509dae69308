// Start and end of an operation joined by thread; slow ones go out through a ring buffer, all into a histogram.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct start {
	__u64 ts;
	__u64 arg;
	__u32 flags;
};

struct event {
	__u64 delta;
	__u64 arg;
	__u32 pid;
	__u32 tid;
	__u32 flags;
	__u8 comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct start);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} hist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

const volatile __u64 threshold_ns = 1000000;
const volatile __u32 only_pid = 0;
__u64 dropped = 0;

struct sys_enter {
	__u64 common;
	long nr;
	unsigned long args[6];
};

struct sys_exit {
	__u64 common;
	long nr;
	long ret;
};

SEC("tracepoint/syscalls/sys_enter_fsync")
int enter(struct sys_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = id;
	struct start s = {};

	if (only_pid && pid != only_pid)
		return 0;
	s.ts = bpf_ktime_get_ns();
	s.arg = ctx->args[0];
	s.flags = ctx->args[1];
	bpf_map_update_elem(&starts, &tid, &s, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_fsync")
int leave(struct sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), delta, us;
	__u32 tid = id, slot = 0;
	struct start *s;
	struct event *e;
	__u64 *count;
	int i;

	s = bpf_map_lookup_elem(&starts, &tid);
	if (!s)
		return 0;
	delta = bpf_ktime_get_ns() - s->ts;
	us = delta / 1000;
#pragma unroll
	for (i = 0; i < 6; i++) {
		int shift = 32 >> i;

		if (us >= 1ull << shift) {
			us >>= shift;
			slot += shift;
		}
	}
	count = bpf_map_lookup_elem(&hist, &slot);
	if (count)
		(*count)++;
	if (delta >= threshold_ns) {
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
		if (e) {
			e->delta = delta;
			e->arg = s->arg;
			e->flags = s->flags;
			e->pid = id >> 32;
			e->tid = tid;
			bpf_get_current_comm(e->comm, sizeof(e->comm));
			bpf_ringbuf_submit(e, 0);
		} else {
			__sync_fetch_and_add(&dropped, 1);
		}
	}
	bpf_map_delete_elem(&starts, &tid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
