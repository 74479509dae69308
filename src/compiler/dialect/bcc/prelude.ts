/**
 * What every BCC program sees before its first line, and after its last: macros only, so that it costs nothing that
 * is not used. Functions are found by name (`functions.ts`).
 */
import { MAP_MACROS } from './map-macros.ts';

const REGISTERS =
  [1, 2, 3, 4, 5, 6]
    .map(
      (n) => `#define PT_REGS_PARM${n}(ctx) ((ctx)->__skep_parm${n})
#define PT_REGS_PARM${n}_SYSCALL(ctx) ((ctx)->__skep_sysparm${n})
`,
    )
    .join('') +
  ['FP', 'RC', 'IP', 'SP', 'RET'].map((name) => `#define PT_REGS_${name}(ctx) ((ctx)->__skep_${name.toLowerCase()})\n`).join('');

export const BCC_PRELUDE = String.raw`#include <skep/kernel.h>
#define __KERNEL__ 1
#define __BPF_TRACING__ 1
#define KBUILD_MODNAME "bcc"
#define SEC(name) __attribute__((section(name), used))
#define BCC_SEC(name) __attribute__((section(name), used))
#define BPF_F_CURRENT_CPU 0xffffffffULL
#ifndef CUR_CPU_IDENTIFIER
#define CUR_CPU_IDENTIFIER BPF_F_CURRENT_CPU
#endif
#define BCC_PROBE_READ bpf_probe_read_kernel
#define MASK(n) ((n) < 64 ? (1ull << (n)) - 1 : ((__u64)-1LL))
#define MASK128(n) ((n) < 128 ? ((unsigned __int128)1 << (n)) - 1 : ((unsigned __int128)-1))
#define lock_xadd(pointer, value) ((void)__sync_fetch_and_add(pointer, value))
#define cursor_advance(cursor, length) ({ void *___at = (void *)(cursor); (cursor) += (length); ___at; })
${MAP_MACROS}
${REGISTERS}
#define __skep_wrapped_regs(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#define __skep_plain_regs(ctx) (ctx)
#define PT_REGS_SYSCALL_CTX(ctx) __skep_syscall_regs(ctx)

#define TRACEPOINT_PROBE(category, event) \
	int tracepoint__##category##__##event(struct tracepoint__##category##__##event *args)
#define RAW_TRACEPOINT_PROBE(event) int raw_tracepoint__##event(struct bpf_raw_tracepoint_args *ctx)
#define BPF_PROG(name, args...) int __attribute__((skep_args("trampoline"))) name(unsigned long long *ctx, ##args)
#define KFUNC_PROBE(event, args...) BPF_PROG(kfunc__vmlinux__##event, ##args)
#define KRETFUNC_PROBE(event, args...) BPF_PROG(kretfunc__vmlinux__##event, ##args)
#define MODULE_KFUNC_PROBE(module, event, args...) BPF_PROG(kfunc__##module##__##event, ##args)
#define MODULE_KRETFUNC_PROBE(module, event, args...) BPF_PROG(kretfunc__##module##__##event, ##args)
#define KMOD_RET(event, args...) BPF_PROG(kmod_ret__##event, ##args)
#define BTF_TRACEPOINT_PROBE(event, args...) BPF_PROG(btf_tracepoint__##event, ##args)
#define LSM_PROBE(event, args...) BPF_PROG(lsm__##event, ##args)
#define BPF_ITER(target) int bpf_iter__##target(struct bpf_iter__##target *ctx)

#define TP_DATA_LOC_READ_CONST(dst, field, length) \
	do { bpf_probe_read_kernel((void *)(dst), length, (char *)args + (args->data_loc_##field & 0xffff)); } while (0)
#define TP_DATA_LOC_READ(dst, field) \
	do { bpf_probe_read_kernel((void *)(dst), (__u32)args->data_loc_##field >> 16, (char *)args + (args->data_loc_##field & 0xffff)); } while (0)
#define TP_DATA_LOC_READ_STR(dst, field, length) \
	do { bpf_probe_read_kernel_str((void *)(dst), length, (char *)args + (args->data_loc_##field & 0xffff)); } while (0)
`;

/** The licence is a macro of bare words. */
export const BCC_FOOTER = `
#ifndef BPF_LICENSE
#define BPF_LICENSE GPL
#endif
#define __skep_words(words...) #words
#define __skep_license(words...) __skep_words(words)
char _license[] SEC("license") = __skep_license(BPF_LICENSE);
`;
