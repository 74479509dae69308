/** Programs whose pointers the compiler must know as well as the verifier does. */
const HEAD = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
`;
const END = `
char LICENSE[] SEC("license") = "GPL";
`;

/** Pointers kept in a context on the stack, read and written through by callbacks. */
export const CALLBACK_CONTEXTS: string = `${HEAD}
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, u32); __type(value, u64); } counts SEC(".maps");
struct context { int *out; u64 sum; u64 *slot; struct task_struct *task; u32 seen[4]; };
static long step(u32 i, void *data)
{
	struct context *c = data;
	c->sum += i;
	c->seen[i & 3] = i;
	*c->out += 1;
	if (c->slot) __sync_fetch_and_add(c->slot, i);
	return 0;
}
static long each(struct bpf_map *map, const void *key, void *value, void *data)
{
	struct context *c = data;
	struct task_struct *task = c->task;
	*c->out += *(u64 *)value + BPF_CORE_READ(task, pid);
	return 0;
}
SEC("raw_tp/sched_switch")
int contexts(void *ctx)
{
	u32 k = 1;
	int out = 0;
	struct context a = { .out = &out, .slot = bpf_map_lookup_elem(&counts, &k) };
	struct context b = { .out = &out, .task = (void *)bpf_get_current_task() };
	bpf_loop(4, step, &a, 0);
	bpf_for_each_map_elem(&counts, each, &b, 0);
	return out + a.sum + *a.out;
}
${END}`;

/** Keys and values that iterators lend. */
export const ITERATORS: string = `${HEAD}
SEC("iter/bpf_map_elem")
int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	u32 *key = ctx->key;
	u64 *value = ctx->value;
	if (!key || !value) return 0;
	*value += *key;
	return 0;
}
SEC("iter/bpf_sk_storage_map")
int storage(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	u32 *value = ctx->value;
	if (!sk || !value) return 0;
	__builtin_memset(value, 0, 4);
	__sync_fetch_and_add(value, sk->__sk_common.skc_family);
	return 0;
}
${END}`;

/** Objects of the program's own in a list of the kernel's; declarations as selftests' bpf_experimental.h has them. */
export const LISTS: string = `${HEAD}
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *kptr, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
struct item { struct bpf_list_node node; int value; };
private(A) struct bpf_spin_lock lock;
private(A) struct bpf_list_head head __contains(item, node);
SEC("tc")
int lists(struct __sk_buff *skb)
{
	struct item *item = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL);
	if (!item) return 0;
	item->value = skb->len;
	bpf_spin_lock(&lock);
	bpf_list_push_front_impl(&head, &item->node, NULL, 0);
	bpf_spin_unlock(&lock);
	bpf_spin_lock(&lock);
	struct bpf_list_node *first = bpf_list_pop_front(&head);
	bpf_spin_unlock(&lock);
	if (!first) return 0;
	item = container_of(first, struct item, node);
	int value = item->value;
	bpf_obj_drop_impl(item, NULL);
	return value;
}
${END}`;

/** Indices that were checked after one was taken off, and before: the verifier knows the bounds of what was compared. */
const PAIRS = `${HEAD}
struct pair { u64 a, b; };
struct stack { u64 depth; struct pair pairs[4]; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack);
} stacks SEC(".maps");
`;
export const CHECKED_AFTER: string = `${PAIRS}
SEC("socket")
int after(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct stack *stack = bpf_map_lookup_elem(&stacks, &zero);
	if (!stack || stack->depth == 0) return 0;
	u64 depth = stack->depth - 1;
	stack->depth = depth;
	if (depth >= 4) return 0;
	struct pair pair = stack->pairs[depth];
	return depth == 0 ? pair.a : pair.b;
}
${END}`;
/** `depth < 1` is `depth == 0` to every compiler, and before Linux 6.8 the verifier learns no least value from that. */
export const CHECKED_BEFORE: string = `${PAIRS}
SEC("socket")
int before(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct stack *stack = bpf_map_lookup_elem(&stacks, &zero);
	if (!stack) return 0;
	u64 depth = stack->depth;
	if (depth < 1 || depth > 4) return 0;
	struct pair pair = stack->pairs[depth - 1];
	return depth == 1 ? pair.a : pair.b;
}
${END}`;

/** A context's fields are written one by one, neighbours too, and in functions that are given it. */
export const CONTEXT_STORES: string = `${HEAD}
static __noinline int clear(struct __sk_buff *skb)
{
	skb->mark = 0;
	skb->queue_mapping = 0;
	return 0;
}
SEC("tc")
int marks(struct __sk_buff *skb)
{
	skb->queue_mapping = 0;
	skb->mark = 0;
	return clear(skb);
}
SEC("cgroup/getsockopt")
int answer(struct bpf_sockopt *ctx)
{
	ctx->retval = 0;
	ctx->optlen = 4;
	return 1;
}
${END}`;
