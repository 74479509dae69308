/**
 * `bpf/bpf_tracing.h`: registers and the function wrappers. A wrapped function keeps its own parameters: an attribute
 * tells the dialect where their values are (`arguments.ts`), so no second function is made and inlined.
 */

import { family, names } from './families.ts';
import { COUNTING } from './helpers-header.ts';

const PARAMETERS =
  family(
    'PT_REGS_PARM',
    1,
    8,
    () => 'x',
    (n) => `(__PT_REGS_CAST(x)->__skep_parm${n})`,
  ) +
  [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `#define PT_REGS_PARM${n}_CORE(x) BPF_CORE_READ(__PT_REGS_CAST(x), __skep_parm${n})\n`).join('') +
  [1, 2, 3, 4, 5, 6, 7]
    .map(
      (n) => `#define PT_REGS_PARM${n}_SYSCALL(x) (((struct pt_regs *)(x))->__skep_sysparm${n})
#define PT_REGS_PARM${n}_CORE_SYSCALL(x) BPF_CORE_READ((struct pt_regs *)(x), __skep_sysparm${n})\n`,
    )
    .join('');

const OTHERS = (['RET', 'FP', 'RC', 'SP', 'IP'] as const)
  .map(
    (name) => `#define PT_REGS_${name}(x) (__PT_REGS_CAST(x)->__skep_${name.toLowerCase()})
#define PT_REGS_${name}_CORE(x) BPF_CORE_READ(__PT_REGS_CAST(x), __skep_${name.toLowerCase()})\n`,
  )
  .join('');

/** `type, name, type, name` to declarations. */
const PAIRS = family(
  '___bpf_declare',
  0,
  12,
  (n) =>
    names(n)
      .flatMap((a, i) => [`t${i + 1}`, a])
      .join(', '),
  (n) =>
    names(n)
      .map((a, i) => `, t${i + 1} ${a}`)
      .join(''),
);

export const BPF_TRACING_H = String.raw`#pragma once
#include <bpf/bpf_helpers.h>
struct pt_regs;
#define __PT_REGS_CAST(x) ((const struct pt_regs *)(x))
${PARAMETERS}${OTHERS}
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#ifdef bpf_target_arm64
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ (ip) = PT_REGS_RET(ctx); })
#define BPF_KRETPROBE_READ_RET_IP BPF_KPROBE_READ_RET_IP
#else
#define BPF_KPROBE_READ_RET_IP(ip, ctx) ({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)PT_REGS_RET(ctx)); })
#define BPF_KRETPROBE_READ_RET_IP(ip, ctx) ({ bpf_probe_read_kernel(&(ip), sizeof(ip), (void *)(PT_REGS_FP(ctx) + sizeof(ip))); })
#endif
${COUNTING}
#define ___bpf_nth2(_, ${names(24, '_').join(', ')}, N, ...) N
#define ___bpf_pairs(...) ___bpf_nth2(_, ##__VA_ARGS__, ${Array.from({ length: 25 }, (_, i) => Math.ceil((24 - i) / 2)).join(', ')})
${PAIRS}
#define BPF_PROG(name, args...) __attribute__((skep_args("trampoline"))) name(unsigned long long *ctx, ##args)
#define BPF_PROG2(name, args...) __attribute__((skep_args("trampoline"))) \
	name(unsigned long long *ctx ___bpf_apply(___bpf_declare, ___bpf_pairs(args))(args))
#define BPF_KPROBE(name, args...) __attribute__((skep_args("registers"))) name(struct pt_regs *ctx, ##args)
#define BPF_KRETPROBE(name, args...) __attribute__((skep_args("result"))) name(struct pt_regs *ctx, ##args)
#define BPF_KSYSCALL(name, args...) __attribute__((skep_args("syscall"))) name(struct pt_regs *ctx, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)
`;
