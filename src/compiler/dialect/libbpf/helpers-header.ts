/**
 * `bpf/bpf_helpers.h`: libbpf's macros for sections, maps, attributes, printing and iterators. Helpers themselves are
 * declared by name when a program uses them (`helpers.ts`).
 */
import { family, names } from './families.ts';

const MAX = 12;

export const COUNTING = `#ifndef ___bpf_concat
#define ___bpf_concat(a, b) a##b
#endif
#ifndef ___bpf_apply
#define ___bpf_apply(fn, n) ___bpf_concat(fn, n)
#endif
#ifndef ___bpf_nth
#define ___bpf_nth(_, ${names(MAX, '_').join(', ')}, N, ...) N
#endif
#ifndef ___bpf_narg
#define ___bpf_narg(...) ___bpf_nth(_, ##__VA_ARGS__, ${Array.from({ length: MAX + 1 }, (_, i) => MAX - i).join(', ')})
#endif
`;

/** Arguments of any type into an array of 64-bit numbers. */
const FILL = family(
  '___bpf_fill',
  0,
  MAX,
  // Without arguments, the comma before them may stand all the same.
  (n) => (n === 0 ? 'array, ...' : ['array', ...names(n)].join(', ')),
  (n) =>
    n === 0
      ? 'do {} while (0)'
      : names(n)
          .map((a, i) => `(array)[${i}] = (unsigned long long)(${a});`)
          .join(' '),
);

export const BPF_HELPERS_H = String.raw`#pragma once
#define __BPF_HELPERS__ 1
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#define __ulong(name, value) enum { ___bpf_concat(__unique_value, __COUNTER__) = value } name
#define SEC(name) __attribute__((section(name), used))

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#define __hidden __attribute__((visibility("hidden")))
#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(pointer, type, member) ((type *)((void *)(pointer) - offsetof(type, member)))
#endif
#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(variable) asm volatile("" : "+r"(variable))
#endif
#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif
#define bpf_tail_call_static(ctx, map, slot) ((void)bpf_tail_call(ctx, (void *)(map), slot))

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };

#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))
#define bpf_ksym_exists(symbol) (!!(symbol))

${COUNTING}
${FILL}
#define ___bpf_fill(array, args...) ___bpf_apply(___bpf_fill, ___bpf_narg(args))(array, ##args)

#define BPF_SEQ_PRINTF(seq, fmt, args...) ({ \
	static const char ___fmt[] = fmt; \
	unsigned long long ___param[___bpf_narg(args)]; \
	___bpf_fill(___param, args); \
	bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___param, sizeof(___param)); \
})
#define BPF_SNPRINTF(out, size, fmt, args...) ({ \
	static const char ___fmt[] = fmt; \
	unsigned long long ___param[___bpf_narg(args)]; \
	___bpf_fill(___param, args); \
	bpf_snprintf(out, size, ___fmt, ___param, sizeof(___param)); \
})
#ifdef BPF_NO_GLOBAL_DATA
#define BPF_PRINTK_FMT_MOD
#else
#define BPF_PRINTK_FMT_MOD static const
#endif
#define __bpf_printk(fmt, args...) ({ \
	BPF_PRINTK_FMT_MOD char ____fmt[] = fmt; \
	bpf_trace_printk(____fmt, sizeof(____fmt), ##args); \
})
#define __bpf_vprintk(fmt, args...) ({ \
	static const char ___fmt[] = fmt; \
	unsigned long long ___param[___bpf_narg(args)]; \
	___bpf_fill(___param, args); \
	bpf_trace_vprintk(___fmt, sizeof(___fmt), ___param, sizeof(___param)); \
})
#define ___bpf_pick_printk(...) ___bpf_nth(_, ##__VA_ARGS__, ${Array.from({ length: MAX + 1 }, (_, i) => (MAX - i > 3 ? '__bpf_vprintk' : '__bpf_printk')).join(', ')})
#define bpf_printk(fmt, args...) ___bpf_pick_printk(args)(fmt, ##args)
#define bpf_stream_printk(stream, fmt, args...) ({ \
	static const char ___fmt[] = fmt; \
	unsigned long long ___param[___bpf_narg(args)]; \
	___bpf_fill(___param, args); \
	bpf_stream_vprintk(stream, ___fmt, ___param, sizeof(___param)); \
})

struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;

#ifndef bpf_for_each
#define bpf_for_each(type, cur, args...) for ( \
	struct bpf_iter_##type ___it __attribute__((aligned(8), cleanup(bpf_iter_##type##_destroy))), \
		*___p __attribute__((unused)) = (bpf_iter_##type##_new(&___it, ##args), (void *)0); \
	((cur) = bpf_iter_##type##_next(&___it)); )
#endif
#ifndef bpf_for
#define bpf_for(i, start, end) for ( \
	struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \
		*___p __attribute__((unused)) = (bpf_iter_num_new(&___it, (start), (end)), (void *)0); \
	({ int *___t = bpf_iter_num_next(&___it); ___t && ((i) = *___t, (i) >= (start) && (i) < (end)); }); )
#endif
#ifndef bpf_repeat
#define bpf_repeat(N) for ( \
	struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \
		*___p __attribute__((unused)) = (bpf_iter_num_new(&___it, 0, (N)), (void *)0); \
	bpf_iter_num_next(&___it); )
#endif
`;

/** Old kernel samples' and selftests' `bpf_legacy.h`. */
export const BPF_LEGACY_H = `#pragma once
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");
`;
