/**
 * `bpf/bpf_core_read.h`: reading kernel memory by field, relocatable. Source: libbpf's documented API; the builtins
 * behind it are clang's for BPF (`__builtin_preserve_access_index` and its like).
 */
import { family, names } from './families.ts';

const MAX = 10;
/** f(dst, src, a, b, c): read `src->a`, then `->b` of that, then `->c` into dst. */
const READS = family(
  '___skep_read',
  1,
  MAX,
  (n) => ['last', 'step', 'dst', 'src', ...names(n)].join(', '),
  (n) => {
    const path = names(n);
    if (n === 1) return 'last((void *)(dst), sizeof(*(dst)), &(src)->a1);';
    const type = (depth: number): string => `typeof((src)->${path.slice(0, depth).join('->')})`;
    let text = 'const void *___p; step((void *)&___p, sizeof(___p), &(src)->a1);';
    for (let i = 2; i < n; i++) text += ` step((void *)&___p, sizeof(___p), &((${type(i - 1)})___p)->a${i});`;
    return `${text} last((void *)(dst), sizeof(*(dst)), &((${type(n - 1)})___p)->a${n});`;
  },
);
const ARROWS = family(
  '___skep_arrow',
  1,
  MAX,
  (n) => ['src', ...names(n)].join(', '),
  (n) => `(src)->${names(n).join('->')}`,
);

const INTO = [
  ['BPF_CORE_READ_INTO', 'bpf_core_read', 'bpf_core_read'],
  ['BPF_CORE_READ_USER_INTO', 'bpf_core_read_user', 'bpf_core_read_user'],
  ['BPF_PROBE_READ_INTO', 'bpf_probe_read_kernel', 'bpf_probe_read_kernel'],
  ['BPF_PROBE_READ_USER_INTO', 'bpf_probe_read_user', 'bpf_probe_read_user'],
  ['BPF_CORE_READ_STR_INTO', 'bpf_core_read_str', 'bpf_core_read'],
  ['BPF_CORE_READ_USER_STR_INTO', 'bpf_core_read_user_str', 'bpf_core_read_user'],
  ['BPF_PROBE_READ_STR_INTO', 'bpf_probe_read_kernel_str', 'bpf_probe_read_kernel'],
  ['BPF_PROBE_READ_USER_STR_INTO', 'bpf_probe_read_user_str', 'bpf_probe_read_user'],
]
  .map(
    ([name, last, step]) =>
      `#define ${name}(dst, src, a, ...) ({ ___bpf_apply(___skep_read, ___bpf_narg(a, ##__VA_ARGS__))(${last}, ${step}, dst, src, a, ##__VA_ARGS__) })\n`,
  )
  .join('');

const VALUES = ['BPF_CORE_READ', 'BPF_CORE_READ_USER', 'BPF_PROBE_READ', 'BPF_PROBE_READ_USER']
  .map(
    (name) => `#define ${name}(src, a, ...) ({ \\
	__typeof_unqual__(___bpf_apply(___skep_arrow, ___bpf_narg(a, ##__VA_ARGS__))(src, a, ##__VA_ARGS__)) ___r; \\
	${name}_INTO(&___r, src, a, ##__VA_ARGS__); \\
	___r; \\
})\n`,
  )
  .join('');

export const BPF_CORE_READ_H = String.raw`#pragma once
#define __BPF_CORE_READ_H__ 1
#include <bpf/bpf_helpers.h>

enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET, BPF_FIELD_BYTE_SIZE, BPF_FIELD_EXISTS, BPF_FIELD_SIGNED, BPF_FIELD_LSHIFT_U64, BPF_FIELD_RSHIFT_U64,
};
enum bpf_type_id_kind { BPF_TYPE_ID_LOCAL, BPF_TYPE_ID_TARGET };
enum bpf_type_info_kind { BPF_TYPE_EXISTS, BPF_TYPE_SIZE, BPF_TYPE_MATCHES };
enum bpf_enum_value_kind { BPF_ENUMVAL_EXISTS, BPF_ENUMVAL_VALUE };

#define __CORE_RELO(src, field, info) __builtin_preserve_field_info((src)->field, BPF_FIELD_##info)
#define ___skep_extract(src, field, bits) ({ \
	bits <<= __CORE_RELO(src, field, LSHIFT_U64); \
	if (__CORE_RELO(src, field, SIGNED)) \
		bits = ((long long)bits) >> __CORE_RELO(src, field, RSHIFT_U64); \
	else \
		bits = bits >> __CORE_RELO(src, field, RSHIFT_U64); \
	bits; \
})
#define BPF_CORE_READ_BITFIELD_PROBED(src, field) ({ \
	unsigned long long ___bits = 0; \
	bpf_probe_read_kernel((void *)&___bits, __CORE_RELO(src, field, BYTE_SIZE), \
		(const void *)(src) + __CORE_RELO(src, field, BYTE_OFFSET)); \
	___skep_extract(src, field, ___bits); \
})
#define BPF_CORE_READ_BITFIELD(src, field) ({ \
	const void *___at = (const void *)(src) + __CORE_RELO(src, field, BYTE_OFFSET); \
	unsigned long long ___bits; \
	barrier_var(___at); \
	switch (__CORE_RELO(src, field, BYTE_SIZE)) { \
	case 1: ___bits = *(const unsigned char *)___at; break; \
	case 2: ___bits = *(const unsigned short *)___at; break; \
	case 4: ___bits = *(const unsigned int *)___at; break; \
	case 8: ___bits = *(const unsigned long long *)___at; break; \
	default: ___bits = 0; break; \
	} \
	___skep_extract(src, field, ___bits); \
})
#define BPF_CORE_WRITE_BITFIELD(src, field, value) ({ \
	void *___at = (void *)(src) + __CORE_RELO(src, field, BYTE_OFFSET); \
	unsigned int ___size = __CORE_RELO(src, field, BYTE_SIZE); \
	unsigned int ___left = __CORE_RELO(src, field, LSHIFT_U64); \
	unsigned int ___right = __CORE_RELO(src, field, RSHIFT_U64); \
	unsigned long long ___old = 0, ___new = (value); \
	unsigned long long ___mask = (~0ULL << ___right) >> ___left; \
	barrier_var(___at); \
	switch (___size) { \
	case 1: ___old = *(unsigned char *)___at; break; \
	case 2: ___old = *(unsigned short *)___at; break; \
	case 4: ___old = *(unsigned int *)___at; break; \
	case 8: ___old = *(unsigned long long *)___at; break; \
	} \
	___old = (___old & ~___mask) | ((___new << (___right - ___left)) & ___mask); \
	switch (___size) { \
	case 1: *(unsigned char *)___at = ___old; break; \
	case 2: *(unsigned short *)___at = ___old; break; \
	case 4: *(unsigned int *)___at = ___old; break; \
	case 8: *(unsigned long long *)___at = ___old; break; \
	} \
})

#define ___bpf_typeof(type) ((typeof(type) *)0)
#define ___skep_field1(field) (field)
#define ___skep_field2(type, field) (___bpf_typeof(type)->field)
#define ___skep_field(args...) ___bpf_apply(___skep_field, ___bpf_narg(args))(args)
#define bpf_core_field_exists(args...) __builtin_preserve_field_info(___skep_field(args), BPF_FIELD_EXISTS)
#define bpf_core_field_size(args...) __builtin_preserve_field_info(___skep_field(args), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(args...) __builtin_preserve_field_info(___skep_field(args), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_SIZE)
#define bpf_core_enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, BPF_ENUMVAL_VALUE)

#define bpf_core_read(dst, size, src) bpf_probe_read_kernel(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user(dst, size, src) bpf_probe_read_user(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, size, src) bpf_probe_read_kernel_str(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user_str(dst, size, src) bpf_probe_read_user_str(dst, size, (const void *)__builtin_preserve_access_index(src))

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;
#define bpf_core_cast(pointer, type) ((typeof(type) *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(type)))

${READS}${ARROWS}${INTO}${VALUES}`;
