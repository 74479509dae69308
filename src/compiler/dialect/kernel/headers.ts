/**
 * `#include` of headers that skep does not need: kernel headers bring no types (those come from BTF) and no constants
 * (those are looked up by name), so a kernel header is as good as another. Headers of the C library that make sense
 * without one are small.
 */
import { IN6_H, KERNEL_H, NET_H, UAPI_H } from './macros.ts';

/** Folders of the kernel's include paths. */
const KERNEL_FOLDER =
  /^(?:uapi\/|arch\/[\w-]+\/include\/)?(?:linux|asm|asm-generic|net|generated|trace|kernel|crypto|scsi|sound|video|media|rdma|kvm|xen|drm|acpi|target|block|mm|fs|drivers|kunit|vdso|misc|mtd|soc|clocksource|pcmcia|memory|ras|keys|ufs|dt-bindings|bpf_compiler)\//;

/** Linux headers that bring the members of sockets which are macros. */
const NET = /^(?:uapi\/)?(?:net\/|linux\/(?:tcp|udp|ipv6|in6|in|inet_diag|skbuff|netfilter|net)\b)/;

const LIBRARY: Readonly<Record<string, string>> = {
  'stddef.h':
    '#ifndef NULL\n#define NULL ((void *)0)\n#endif\n#ifndef offsetof\n#define offsetof(type, member) __builtin_offsetof(type, member)\n#endif\n',
  'stdbool.h':
    '#ifndef __bool_true_false_are_defined\n#define __bool_true_false_are_defined 1\n#define bool _Bool\n#define true 1\n#define false 0\n#endif\n',
  'stdint.h': `#pragma once
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long uint64_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;
typedef long intmax_t;
typedef unsigned long uintmax_t;
#define INT8_MAX __INT8_MAX__
#define INT16_MAX __INT16_MAX__
#define INT32_MAX __INT32_MAX__
#define INT64_MAX __INT64_MAX__
#define INT8_MIN (-INT8_MAX - 1)
#define INT16_MIN (-INT16_MAX - 1)
#define INT32_MIN (-INT32_MAX - 1)
#define INT64_MIN (-INT64_MAX - 1)
#define UINT8_MAX __UINT8_MAX__
#define UINT16_MAX __UINT16_MAX__
#define UINT32_MAX __UINT32_MAX__
#define UINT64_MAX __UINT64_MAX__
#define UINT64_C(x) x##UL
#define INT64_C(x) x##L
#define UINT32_C(x) x##U
#define INT32_C(x) x
`,
  'limits.h': `#pragma once
#define CHAR_BIT 8
#define SCHAR_MAX __SCHAR_MAX__
#define SCHAR_MIN (-SCHAR_MAX - 1)
#define UCHAR_MAX (SCHAR_MAX * 2 + 1)
#define CHAR_MAX SCHAR_MAX
#define CHAR_MIN SCHAR_MIN
#define SHRT_MAX __SHRT_MAX__
#define SHRT_MIN (-SHRT_MAX - 1)
#define USHRT_MAX (SHRT_MAX * 2 + 1)
#define INT_MAX __INT_MAX__
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX (INT_MAX * 2U + 1U)
#define LONG_MAX __LONG_MAX__
#define LONG_MIN (-LONG_MAX - 1L)
#define ULONG_MAX (LONG_MAX * 2UL + 1UL)
#define LLONG_MAX __LONG_LONG_MAX__
#define LLONG_MIN (-LLONG_MAX - 1LL)
#define ULLONG_MAX (LLONG_MAX * 2ULL + 1ULL)
`,
  'stdarg.h': '',
  'string.h':
    '#pragma once\n#define memset __builtin_memset\n#define memcpy __builtin_memcpy\n#define memmove __builtin_memmove\n#define memcmp __builtin_memcmp\n',
  'errno.h': '',
  'stdio.h': '',
  'stdlib.h': '',
  'assert.h': '',
  'inttypes.h': '#include <stdint.h>\n',
  'signal.h': '',
  'fcntl.h': '',
  'unistd.h': '',
  'time.h': '',
  'features.h': '',
  'endian.h': '',
  'byteswap.h': '',
};
/** Those that are there for their functions, of which a program in the kernel has none. */
const FUNCTIONS_ONLY = new Set(['stdio.h', 'stdlib.h', 'unistd.h', 'assert.h', 'time.h', 'signal.h']);

/** What to tell someone who includes it. A kernel header that there is not cannot be told from one that there is: no list of them is at hand. */
export function headerWarning(path: string): string | undefined {
  if (!FUNCTIONS_ONLY.has(path)) return undefined;
  const instead = path === 'stdio.h' ? ': to print, call bpf_trace_printk()' : '';
  return `<${path}> is the C library's, and a program in the kernel has none of its functions${instead}`;
}

/** Folders of the C library whose headers give types and constants that are there anyway. */
const LIBRARY_FOLDER = /^(?:sys|netinet|netpacket|arpa|bits|netdb|net)\//;

const OWN: Readonly<Record<string, string>> = {
  'skep/kernel.h': KERNEL_H,
  'skep/net.h': NET_H,
  'skep/uapi.h': UAPI_H,
  'skep/in6.h': IN6_H,
};

/** As code in the kernel sees them: with its macros. */
export function kernelHeader(path: string): string | undefined {
  if (Object.hasOwn(OWN, path)) return OWN[path];
  if (Object.hasOwn(LIBRARY, path)) return LIBRARY[path];
  if (NET.test(path)) return '#include <skep/net.h>\n';
  if (KERNEL_FOLDER.test(path)) return '#include <skep/kernel.h>\n';
  return LIBRARY_FOLDER.test(path) ? '' : undefined;
}

/** Only a build in the kernel's tree finds these; all others there are for user space as well, with less in them. */
const INTERNAL =
  /^(?:uapi|trace|kernel|generated|crypto|kvm|acpi|target|block|mm|fs|drivers|kunit|vdso|soc|clocksource|pcmcia|memory|ras|keys)\/|^net\/(?!(?:if|if_arp|if_packet|ethernet|route)\.h)|^linux\/(?:skbuff|slab|mm|mm_types|mmzone|blkdev|blk-mq|blk_types|bio|nsproxy|ns_common|pid_namespace|user_namespace|dcache|fs_struct|fdtable|cgroup|cgroup-defs|init_task|inetdevice|kconfig|list|rbtree|spinlock|mutex|rcupdate|security|workqueue|interrupt|kthread|percpu|device|module|init|bpf_verifier|err|bitops|compiler_types|export|atomic|refcount|kobject|path|namei|cred|sockptr|sched\/(?!types\.h)\w+)\b/;
const IN6 = /^(?:uapi\/)?(?:linux\/(?:in6|ipv6)|netinet\/(?:in|ip6))\.h$/;

/** As a program outside of the kernel's tree sees them. */
export function userHeader(path: string): string | undefined {
  const text = kernelHeader(path);
  if (text === undefined || INTERNAL.test(path) || Object.hasOwn(OWN, path) || Object.hasOwn(LIBRARY, path)) return text;
  return `#include <skep/uapi.h>\n${IN6.test(path) ? '#include <skep/in6.h>\n' : ''}`;
}
