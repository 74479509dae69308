// A bounded loop over user pointers into one buffer, and a comparison with a prefix byte by byte.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ARGS 20
#define ARG_SIZE 128

struct event {
	__u32 pid;
	__u32 uid;
	int count;
	unsigned int size;
	char comm[16];
	char args[ARGS * ARG_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

const volatile int max_args = ARGS;
const volatile char prefix[16] = "kworker";

static __always_inline int wanted(const char *comm)
{
	int i;

	for (i = 0; i < 16; i++) {
		char c = prefix[i];

		if (!c)
			return 0;
		if (comm[i] != c)
			return 1;
	}
	return 0;
}

struct enter {
	__u64 common;
	long nr;
	const char *filename;
	const char *const *argv;
	const char *const *envp;
};

SEC("tracepoint/syscalls/sys_enter_execve")
int on_exec(struct enter *ctx)
{
	__u32 zero = 0;
	struct event *e = bpf_map_lookup_elem(&scratch, &zero);
	const char *arg;
	long n;
	int i;

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	e->count = 0;
	e->size = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (!wanted(e->comm))
		return 0;
	n = bpf_probe_read_user_str(e->args, ARG_SIZE, ctx->filename);
	if (n > 0 && n <= ARG_SIZE)
		e->size += n;
	for (i = 1; i < ARGS && i < max_args; i++) {
		if (bpf_probe_read_user(&arg, sizeof(arg), &ctx->argv[i]) || !arg)
			break;
		if (e->size > sizeof(e->args) - ARG_SIZE)
			break;
		n = bpf_probe_read_user_str(&e->args[e->size], ARG_SIZE, arg);
		if (n <= 0 || n > ARG_SIZE)
			break;
		e->count++;
		e->size += n;
	}
	n = e->size;
	if (n >= 0 && n <= sizeof(e->args))
		bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e) - sizeof(e->args) + n);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
