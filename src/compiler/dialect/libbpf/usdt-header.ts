/**
 * `bpf/usdt.bpf.h`: arguments of USDT probes in libbpf's way. The program is one for all probes; whoever attaches it
 * puts what the notes say into two maps, and the program looks it up there when it runs.
 *
 *   __bpf_usdt_specs            spec id ─▶ where each argument is
 *   __bpf_usdt_ip_to_spec_id    address ─▶ spec id, before Linux 5.15; since then the attach cookie is the id
 *
 * Names and layouts are libbpf's, which fills these maps, too: `arg_type` is the lowest byte of what it writes as a
 * 32-bit enum. The fourth kind (base and index register) is filled by skep only. Source: libbpf's documented interface
 * and the layout that its 1.x writes.
 */
export const USDT_BPF_H = `#pragma once
#define __USDT_BPF_H__ 1
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef BPF_USDT_MAX_SPEC_CNT
#define BPF_USDT_MAX_SPEC_CNT 256
#endif
#ifndef BPF_USDT_MAX_IP_CNT
#define BPF_USDT_MAX_IP_CNT (4 * BPF_USDT_MAX_SPEC_CNT)
#endif
enum { BPF_USDT_MAX_ARG_CNT = 12 };

enum __bpf_usdt_arg_type { BPF_USDT_ARG_CONST, BPF_USDT_ARG_REG, BPF_USDT_ARG_REG_DEREF, BPF_USDT_ARG_SIB };

struct __bpf_usdt_arg_spec {
	__u64 val_off;
	unsigned char arg_type;
	unsigned char __reserved;
	unsigned short idx_reg_off : 12;
	unsigned short scale_bitshift : 4;
	short reg_off;
	_Bool arg_signed;
	char arg_bitshift;
};
struct __bpf_usdt_spec {
	struct __bpf_usdt_arg_spec args[BPF_USDT_MAX_ARG_CNT];
	__u64 usdt_cookie;
	short arg_cnt;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BPF_USDT_MAX_SPEC_CNT);
	__type(key, int);
	__type(value, struct __bpf_usdt_spec);
} __bpf_usdt_specs SEC(".maps") __weak;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BPF_USDT_MAX_IP_CNT);
	__type(key, long);
	__type(value, __u32);
} __bpf_usdt_ip_to_spec_id SEC(".maps") __weak;
extern const _Bool LINUX_HAS_BPF_COOKIE __kconfig;

static __always_inline struct __bpf_usdt_spec *__skep_usdt_spec(struct pt_regs *ctx)
{
	int id;

	if (LINUX_HAS_BPF_COOKIE) {
		id = bpf_get_attach_cookie(ctx);
	} else {
		long ip = PT_REGS_IP(ctx);
		int *found = bpf_map_lookup_elem(&__bpf_usdt_ip_to_spec_id, &ip);

		if (!found)
			return NULL;
		id = *found;
	}
	return bpf_map_lookup_elem(&__bpf_usdt_specs, &id);
}

__weak __hidden int bpf_usdt_arg_cnt(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec = __skep_usdt_spec(ctx);

	return spec ? spec->arg_cnt : -3;
}

__weak __hidden int bpf_usdt_arg_size(struct pt_regs *ctx, __u64 number)
{
	struct __bpf_usdt_spec *spec = __skep_usdt_spec(ctx);

	if (!spec)
		return -3;
	if (number >= BPF_USDT_MAX_ARG_CNT)
		return -2;
	barrier_var(number);
	if (number >= spec->arg_cnt)
		return -2;
	return (64 - spec->args[number].arg_bitshift) / 8;
}

__weak __hidden int bpf_usdt_arg(struct pt_regs *ctx, __u64 number, long *result)
{
	struct __bpf_usdt_spec *spec = __skep_usdt_spec(ctx);
	struct __bpf_usdt_arg_spec *arg;
	unsigned long value = 0, index = 0;
	int error;

	*result = 0;
	if (!spec)
		return -3;
	if (number >= BPF_USDT_MAX_ARG_CNT)
		return -2;
	barrier_var(number);
	if (number >= spec->arg_cnt)
		return -2;
	arg = &spec->args[number];
	switch (arg->arg_type) {
	case BPF_USDT_ARG_CONST:
		value = arg->val_off;
		break;
	case BPF_USDT_ARG_REG:
		error = bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + arg->reg_off);
		if (error)
			return error;
		break;
	case BPF_USDT_ARG_REG_DEREF:
		error = bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + arg->reg_off);
		if (error)
			return error;
		error = bpf_probe_read_user(&value, sizeof(value), (void *)value + arg->val_off);
		if (error)
			return error;
		break;
	case BPF_USDT_ARG_SIB:
		error = bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + arg->reg_off);
		if (error)
			return error;
		error = bpf_probe_read_kernel(&index, sizeof(index), (void *)ctx + arg->idx_reg_off);
		if (error)
			return error;
		error = bpf_probe_read_user(&value, sizeof(value), (void *)(value + (index << arg->scale_bitshift) + arg->val_off));
		if (error)
			return error;
		break;
	default:
		return -22;
	}
	value <<= arg->arg_bitshift;
	if (arg->arg_signed)
		value = (long)value >> arg->arg_bitshift;
	else
		value >>= arg->arg_bitshift;
	*result = value;
	return 0;
}

__weak __hidden long bpf_usdt_cookie(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec = __skep_usdt_spec(ctx);

	return spec ? spec->usdt_cookie : 0;
}

#define BPF_USDT(name, args...) __attribute__((skep_args("usdt"))) name(struct pt_regs *ctx, ##args)
`;
