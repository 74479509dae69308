/** Names with underscores, which no program has for its own. */
const ANNOTATIONS = `#define __user __attribute__((btf_type_tag("user")))
#define __percpu __attribute__((btf_type_tag("percpu")))
#define __rcu __attribute__((btf_type_tag("rcu")))
#define __kernel
#define __iomem
#define __force
#define __nocast
#define __bitwise
#define __must_check
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __init
#define __exit
#define __read_mostly
#define __private
#define __safe
#define __always_unused __attribute__((unused))
#define __maybe_unused __attribute__((unused))
#define __attribute_const__ __attribute__((const))
#define __pure __attribute__((pure))
#define __cold __attribute__((cold))
#define __used __attribute__((used))
#define __section(name) __attribute__((section(#name)))
#define __aligned(n) __attribute__((aligned(n)))
#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define __aligned_be64 __be64 __attribute__((aligned(8)))
#define __aligned_le64 __le64 __attribute__((aligned(8)))
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __noreturn __attribute__((noreturn))
#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
`;

/**
 * `<skep/kernel.h>`: what the kernel's headers give besides types, as far as BPF programs use it and it cannot be had
 * by name (`functions.ts`, `builtins.ts`): macros that take types, or stand where no expression does.
 *
 * Names that programs like to define for themselves (`min`, `htons`, …) are not here: they are found when nothing
 * else declares them.
 */
export const KERNEL_H = `#pragma once
#define __KERNEL_TYPES__ 1
#ifndef NULL
#define NULL ((void *)0)
#endif

${ANNOTATIONS}#ifndef noinline
#define noinline __attribute__((noinline))
#endif
#define noinline_for_stack noinline
#define notrace
#define asmlinkage
#define ____cacheline_aligned __attribute__((aligned(64)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_LICENSE(text)

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef READ_ONCE
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#endif
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
#endif
#define ACCESS_ONCE(x) (*(volatile typeof(x) *)&(x))
#define data_race(expr) (expr)
#define rcu_dereference(p) (p)
#define rcu_dereference_raw(p) (p)

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef sizeof_field
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#endif
#ifndef offsetofend
#define offsetofend(type, member) (offsetof(type, member) + sizeof_field(type, member))
#endif
#ifndef container_of
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#endif
#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_next_entry(pos, member) list_entry((pos)->member.next, typeof(*(pos)), member)
#define hlist_entry(pointer, type, member) container_of(pointer, type, member)
#define rb_entry(pointer, type, member) container_of(pointer, type, member)
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#ifndef BIT
#define BIT(n) (1UL << (n))
#endif
#ifndef BIT_ULL
#define BIT_ULL(n) (1ULL << (n))
#endif
#ifndef GENMASK
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (63 - (high))))
#endif
#ifndef GENMASK_ULL
#define GENMASK_ULL(high, low) ((~0ULL << (low)) & (~0ULL >> (63 - (high))))
#endif
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_DOWN_ULL(n, d) ((unsigned long long)(n) / (d))
#define DIV_ROUND_CLOSEST(n, d) (((n) + (d) / 2) / (d))
#define round_down(x, y) ((x) & ~((typeof(x))(y) - 1))
#define round_up(x, y) ((((x) - 1) | ((typeof(x))(y) - 1)) + 1)
#define roundup(x, y) ((((x) + (y) - 1) / (y)) * (y))
#define rounddown(x, y) ((x) - (x) % (y))
#define ALIGN(x, a) (((x) + (typeof(x))(a) - 1) & ~((typeof(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a) - 1))
#define PTR_ALIGN(p, a) ((typeof(p))ALIGN((unsigned long)(p), (a)))
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a) - 1)) == 0)
#define upper_32_bits(n) ((__u32)(((n) >> 16) >> 16))
#define lower_32_bits(n) ((__u32)((n) & 0xffffffff))
#define min_t(type, a, b) ({ type ___min1 = (a), ___min2 = (b); ___min1 < ___min2 ? ___min1 : ___min2; })
#define max_t(type, a, b) ({ type ___max1 = (a), ___max2 = (b); ___max1 > ___max2 ? ___max1 : ___max2; })
#define clamp_t(type, x, low, high) min_t(type, max_t(type, x, low), high)
#define clamp_val(x, low, high) clamp_t(typeof(x), x, low, high)
#ifndef swap
#define swap(a, b) do { typeof(a) ___swapped = (a); (a) = (b); (b) = ___swapped; } while (0)
#endif
#define do_div(n, base) ({ __u32 ___rest = (n) % (base); (n) = (n) / (base); ___rest; })

#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif
#define __skep_second(ignored, value, ...) value
#define __skep_defined_1 0,
#define __skep_is_one2(guess) __skep_second(guess 1, 0)
#define __skep_is_one1(value) __skep_is_one2(__skep_defined_##value)
#define __skep_is_one(value) __skep_is_one1(value)
#define IS_BUILTIN(option) __skep_is_one(option)
#define IS_MODULE(option) __skep_is_one(option##_MODULE)
#define IS_REACHABLE(option) IS_BUILTIN(option)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))

#define BUILD_BUG_ON(condition) _Static_assert(!(condition), "BUILD_BUG_ON: " #condition)
#define BUILD_BUG_ON_ZERO(condition) ((int)sizeof(struct { int:(-!!(condition)); }))
#define ___PASTE(a, b) a##b
#define __PASTE(a, b) ___PASTE(a, b)
#define __UNIQUE_ID(prefix) __PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)

#define MINORBITS 20
#define MINORMASK ((1U << MINORBITS) - 1)
#define MAJOR(dev) ((unsigned int)((dev) >> MINORBITS))
#define MINOR(dev) ((unsigned int)((dev) & MINORMASK))
#define MKDEV(major, minor) (((major) << MINORBITS) | (minor))
#define S_ISLNK(mode) (((mode) & 0170000) == 0120000)
#define S_ISREG(mode) (((mode) & 0170000) == 0100000)
#define S_ISDIR(mode) (((mode) & 0170000) == 0040000)
#define S_ISCHR(mode) (((mode) & 0170000) == 0020000)
#define S_ISBLK(mode) (((mode) & 0170000) == 0060000)
#define S_ISFIFO(mode) (((mode) & 0170000) == 0010000)
#define S_ISSOCK(mode) (((mode) & 0170000) == 0140000)
#define IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-4095)
#define atomic_read(v) ((v)->counter)
#define atomic64_read(v) ((v)->counter)
#define atomic_long_read(v) ((v)->counter)
#define refcount_read(r) ((r)->refs.counter)
#define kref_read(k) ((k)->refcount.refs.counter)

`;

/**
 * `<skep/net.h>`, behind `net/…` and some `linux/…` headers: members of sockets and addresses that are macros there.
 */
export const NET_H = `#pragma once
#include <skep/kernel.h>
#define sk_node __sk_common.skc_node
#define sk_nulls_node __sk_common.skc_nulls_node
#define sk_refcnt __sk_common.skc_refcnt
#define sk_tx_queue_mapping __sk_common.skc_tx_queue_mapping
#define sk_rx_queue_mapping __sk_common.skc_rx_queue_mapping
#define sk_dontcopy_begin __sk_common.skc_dontcopy_begin
#define sk_dontcopy_end __sk_common.skc_dontcopy_end
#define sk_hash __sk_common.skc_hash
#define sk_portpair __sk_common.skc_portpair
#define sk_num __sk_common.skc_num
#define sk_dport __sk_common.skc_dport
#define sk_addrpair __sk_common.skc_addrpair
#define sk_daddr __sk_common.skc_daddr
#define sk_rcv_saddr __sk_common.skc_rcv_saddr
#define sk_family __sk_common.skc_family
#define sk_state __sk_common.skc_state
#define sk_reuse __sk_common.skc_reuse
#define sk_reuseport __sk_common.skc_reuseport
#define sk_ipv6only __sk_common.skc_ipv6only
#define sk_net_refcnt __sk_common.skc_net_refcnt
#define sk_bound_dev_if __sk_common.skc_bound_dev_if
#define sk_bind_node __sk_common.skc_bind_node
#define sk_prot __sk_common.skc_prot
#define sk_net __sk_common.skc_net
#define sk_v6_daddr __sk_common.skc_v6_daddr
#define sk_v6_rcv_saddr __sk_common.skc_v6_rcv_saddr
#define sk_cookie __sk_common.skc_cookie
#define sk_incoming_cpu __sk_common.skc_incoming_cpu
#define sk_flags __sk_common.skc_flags
#define sk_rxhash __sk_common.skc_rxhash
#define inet_daddr sk.__sk_common.skc_daddr
#define inet_rcv_saddr sk.__sk_common.skc_rcv_saddr
#define inet_dport sk.__sk_common.skc_dport
#define inet_num sk.__sk_common.skc_num
#define ir_loc_addr req.__req_common.skc_rcv_saddr
#define ir_rmt_addr req.__req_common.skc_daddr
#define ir_num req.__req_common.skc_num
#define ir_rmt_port req.__req_common.skc_dport
#define ir_v6_rmt_addr req.__req_common.skc_v6_daddr
#define ir_v6_loc_addr req.__req_common.skc_v6_rcv_saddr
#define ir_iif req.__req_common.skc_bound_dev_if
#define ireq_family req.__req_common.skc_family
#define ireq_state req.__req_common.skc_state
#define tw_family __tw_common.skc_family
#define tw_state __tw_common.skc_state
#define tw_num __tw_common.skc_num
#define tw_dport __tw_common.skc_dport
#define tw_daddr __tw_common.skc_daddr
#define tw_rcv_saddr __tw_common.skc_rcv_saddr
#include <skep/in6.h>
`;

/** `<skep/in6.h>`: what addresses have for user space, too. */
export const IN6_H = `#pragma once
#define s6_addr in6_u.u6_addr8
#define s6_addr16 in6_u.u6_addr16
#define s6_addr32 in6_u.u6_addr32
`;

/**
 * `<skep/uapi.h>`: what the headers for user space define, as far as BPF programs use it. All else that the kernel's
 * own headers define is left for the program's own names: `sk_family` may be a member and `noinline` a variable.
 */
export const UAPI_H = `#pragma once
#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif
${ANNOTATIONS}`;
