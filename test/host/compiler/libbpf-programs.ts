/** Programs in libbpf's dialect for tests on kernels. */
export const CORE = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
struct task_struct___old { long state; } __attribute__((preserve_access_index));
struct mine { int pid; } __attribute__((preserve_access_index));
enum nope { NOPE_A = 5 };
struct event { u64 a; u32 pid, tgid, ppid, state; char comm[16]; u32 x[8]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");
const volatile int targ = 0;
SEC("raw_tp/sched_switch")
int BPF_PROG(sw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	if (!e) return 0;
	struct task_struct *t = (void *)bpf_get_current_task();
	e->pid = BPF_CORE_READ(t, pid);
	e->tgid = BPF_CORE_READ(t, real_parent, tgid);
	e->ppid = BPF_CORE_READ(prev, real_parent, real_parent, pid);
	bpf_core_read_str(e->comm, sizeof(e->comm), &next->comm);
	if (bpf_core_field_exists(t->__state)) e->state = BPF_CORE_READ(t, __state);
	else { struct task_struct___old *o = (void *)t; e->state = BPF_CORE_READ(o, state); }
	e->x[0] = bpf_core_field_size(t->comm);
	e->x[1] = bpf_core_type_exists(struct task_struct) + 2 * bpf_core_type_exists(struct no_such_thing);
	e->x[2] = bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_HASH);
	e->x[3] = bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_RINGBUF);
	e->x[4] = BPF_CORE_READ_BITFIELD_PROBED(t, sched_reset_on_fork);
	e->x[5] = bpf_core_type_size(struct task_struct);
	e->a = BPF_CORE_READ(t, thread.sp) + targ;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

export const FEATURES = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
struct elem { struct bpf_spin_lock lock; u64 n; struct bpf_timer t; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, u32); __type(value, struct elem); } m SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, u32); __type(value, u64); } arr SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4); __uint(value_size, 4); } progs SEC(".maps");
extern int LINUX_KERNEL_VERSION __kconfig;
extern const void bpf_prog_active __ksym __weak;
static long cb(u32 i, void *ctx) { u64 *s = ctx; *s += i; return i == 7; }
static long each(struct bpf_map *map, const void *key, void *value, void *ctx) { u64 *s = ctx; *s += *(u64 *)value; return 0; }
static int tick(void *map, int *key, struct elem *e) { bpf_timer_start(&e->t, 1000000, 0); return 0; }
__noinline int global_add(int a, int b) { return a * 3 + b; }
static __noinline u64 local_fn(u64 *p, u32 n) { u64 s = 0; for (u32 i = 0; i < n && i < 4; i++) s += p[i]; return s; }
u64 counter; int knob = 5; const volatile u32 limit = 10; static u64 hidden[3];
SEC("tc")
int prog1(struct __sk_buff *skb)
{
	u64 sum = 0; u32 k = 1;
	bpf_loop(10, cb, &sum, 0);
	bpf_for_each_map_elem(&arr, each, &sum, 0);
	struct elem *e = bpf_map_lookup_elem(&m, &k);
	if (e) {
		bpf_spin_lock(&e->lock); e->n++; bpf_spin_unlock(&e->lock);
		__sync_fetch_and_add(&counter, 1);
	}
	u64 buf[4] = {1, 2, 3, skb->len};
	sum += local_fn(buf, limit) + global_add(knob, LINUX_KERNEL_VERSION);
	hidden[1] = sum;
	bpf_tail_call(skb, &progs, 0);
	return sum & 1;
}
SEC("tc")
int timers(struct __sk_buff *skb)
{
	u32 k = 1;
	struct elem *e = bpf_map_lookup_elem(&m, &k);
	if (!e) return 0;
	if (bpf_timer_init(&e->t, &m, 1)) return 0;
	bpf_timer_set_callback(&e->t, tick);
	bpf_timer_start(&e->t, 0, 0);
	return 0;
}
SEC("xdp")
int xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) > end) return XDP_PASS;
	if (eth->h_proto != bpf_htons(0x0800)) return XDP_PASS;
	struct iphdr *ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end) return XDP_DROP;
	int hl = ip->ihl * 4;
	struct udphdr *u = (void *)ip + hl;
	if ((void *)(u + 1) > end) return XDP_DROP;
	u32 i; u64 s = 0;
	bpf_for(i, 0, 5) { s += i; }
	u8 mac[6]; __builtin_memcpy(mac, eth->h_source, 6); __builtin_memcpy(eth->h_source, eth->h_dest, 6); __builtin_memcpy(eth->h_dest, mac, 6);
	bpf_printk("udp %d %llu", bpf_ntohs(u->dest), s);
	return XDP_TX;
}
SEC("raw_tp/sched_switch")
int rtp(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *p = (void *)ctx->args[1];
	char comm[16];
	bpf_probe_read_kernel_str(comm, sizeof(comm), p->comm);
	bpf_printk("%s %d", comm, p->pid);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** Arguments of USDT probes, libbpf's way: hidden functions, maps that the loader fills. */
export const USDT = `#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>
long sum, cookie; int count, size;
SEC("usdt/./program:provider:probe")
int BPF_USDT(on_probe, int a, long b, char *c)
{
	sum = a + b + (long)c;
	count = bpf_usdt_arg_cnt(ctx);
	size = bpf_usdt_arg_size(ctx, 1);
	cookie = bpf_usdt_cookie(ctx);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** Global functions with tagged parameters, hidden and weak ones, tags on members and types. */
export const TAGS = `#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
struct packet { int length; char *data __attribute__((btf_decl_tag("of_member"))); };
struct packet last;
__noinline int measure(struct packet *p __arg_nonnull, struct __sk_buff *skb __arg_ctx) { return p->length + skb->len; }
__hidden __noinline int twice(int *p) { return *p * 2; }
__weak int replaceable(int x) { return x + 1; }
SEC("tc")
int tagged(struct __sk_buff *skb)
{
	struct packet p = { .length = skb->len };
	int n = measure(&p, skb);
	last = p;
	return twice(&n) + replaceable(n);
}
char LICENSE[] SEC("license") = "GPL";
`;
