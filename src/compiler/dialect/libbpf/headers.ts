/** Which text a libbpf program's `#include` names. */
import { userHeader } from '../kernel/headers.ts';
import { BPF_CORE_READ_H } from './core-read-header.ts';
import { BPF_HELPERS_H, BPF_LEGACY_H } from './helpers-header.ts';
import { BPF_TRACING_H } from './tracing-header.ts';
import { USDT_BPF_H } from './usdt-header.ts';

const OWN: Readonly<Record<string, string>> = {
  // Types come from BTF when they are used.
  'vmlinux.h': '#define __VMLINUX_H__ 1\n',
  'bpf/bpf_helpers.h': BPF_HELPERS_H,
  'bpf/bpf_helper_defs.h': '',
  'bpf/bpf_tracing.h': BPF_TRACING_H,
  'bpf/bpf_core_read.h': BPF_CORE_READ_H,
  'bpf/usdt.bpf.h': USDT_BPF_H,
  // Its functions are found by name (kernel/builtins.ts).
  'bpf/bpf_endian.h': '',
  'bpf_legacy.h': BPF_LEGACY_H,
  // Made by the build of the kernel's samples.
  'syscall_nrs.h': '#define SYS__NR_read __NR_read\n#define SYS__NR_write __NR_write\n#define SYS__NR_mmap __NR_mmap\n',
};
for (const name of ['bpf_helpers.h', 'bpf_tracing.h', 'bpf_core_read.h', 'bpf_endian.h', 'bpf_helper_defs.h', 'usdt.bpf.h']) {
  (OWN as Record<string, string>)[name] = `#include <bpf/${name}>\n`;
}

export function libbpfHeader(path: string): string | undefined {
  return Object.hasOwn(OWN, path) ? OWN[path] : userHeader(path);
}
