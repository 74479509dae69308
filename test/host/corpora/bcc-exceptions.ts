/** What of Debian's BCC tools does not compile or is not accepted, and why: by name, never by pattern. */
import { noFunction, noMember, noTracepoint, noTrampolines, noType, notSet, thisIsSo } from './reasons.ts';
import type { Exception } from './verdict.ts';

export const BCC_EXCEPTIONS: readonly Exception[] = [
  {
    at: 'biolatency.2 biolatpcts.0 biolatpcts.2 biosnoop.0 biosnoop.2 biosnoop.4 biotop.0 biotop.2',
    says: 'no-member: ',
    why: noMember('request', 'rq_disk'),
  },
  {
    at: 'runqlat.1 runqlat.3 runqlat.5 runqlat.7 runqslower.1 runqslower.3 runqslower.5 runqslower.7',
    says: 'no-member: ',
    why: noMember('task_struct', 'state'),
  },
  { at: 'stackcount.2', says: 'no-member: ', why: noMember('task_struct', 'cpu') },
  { at: 'nfsslower.0 nfsslower.1 nfsslower.2 nfsslower.3', says: 'struct nfs_commit_data', why: noType('nfs_commit_data') },
  { at: 'criticalstat.0', says: 'there is no tracepoint preemptirq:irq_disable', why: noTracepoint('preemptirq', 'irq_disable') },
  { at: 'memleak.0 memleak.2', says: 'there is no tracepoint kmem:kmalloc_node', why: noTracepoint('kmem', 'kmalloc_node') },
  {
    at: 'klockstat.1/kretfunc__vmlinux__mutex_lock_nested klockstat.1/kfunc__vmlinux__mutex_lock_nested klockstat.3/kretfunc__vmlinux__mutex_lock_nested klockstat.3/kfunc__vmlinux__mutex_lock_nested klockstat.5/kretfunc__vmlinux__mutex_lock_nested klockstat.5/kfunc__vmlinux__mutex_lock_nested',
    says: "has no function 'mutex_lock_nested'",
    why: noFunction('mutex_lock_nested'),
  },
  {
    at: 'readahead.1/kfunc__vmlinux____do_page_cache_readahead readahead.1/kretfunc__vmlinux____do_page_cache_readahead',
    says: "has no function '__do_page_cache_readahead'",
    why: noFunction('__do_page_cache_readahead'),
  },
  {
    at: 'readahead.1/kretfunc__vmlinux____page_cache_alloc',
    says: "has no function '__page_cache_alloc'",
    why: noFunction('__page_cache_alloc'),
  },
  {
    at: 'opensnoop.1/kretfunc__vmlinux____x64_sys_open opensnoop.1/kretfunc__vmlinux____x64_sys_openat opensnoop.1/kretfunc__vmlinux____x64_sys_openat2 opensnoop.11/kretfunc__vmlinux____x64_sys_open opensnoop.11/kretfunc__vmlinux____x64_sys_openat opensnoop.11/kretfunc__vmlinux____x64_sys_openat2 opensnoop.13/kretfunc__vmlinux____x64_sys_open opensnoop.13/kretfunc__vmlinux____x64_sys_openat opensnoop.13/kretfunc__vmlinux____x64_sys_openat2 opensnoop.15/kretfunc__vmlinux____x64_sys_open opensnoop.15/kretfunc__vmlinux____x64_sys_openat opensnoop.15/kretfunc__vmlinux____x64_sys_openat2 opensnoop.17/kretfunc__vmlinux____x64_sys_open opensnoop.17/kretfunc__vmlinux____x64_sys_openat opensnoop.17/kretfunc__vmlinux____x64_sys_openat2 opensnoop.3/kretfunc__vmlinux____x64_sys_open opensnoop.3/kretfunc__vmlinux____x64_sys_openat opensnoop.3/kretfunc__vmlinux____x64_sys_openat2 opensnoop.5/kretfunc__vmlinux____x64_sys_open opensnoop.5/kretfunc__vmlinux____x64_sys_openat opensnoop.5/kretfunc__vmlinux____x64_sys_openat2 opensnoop.7/kretfunc__vmlinux____x64_sys_open opensnoop.7/kretfunc__vmlinux____x64_sys_openat opensnoop.7/kretfunc__vmlinux____x64_sys_openat2 opensnoop.9/kretfunc__vmlinux____x64_sys_open opensnoop.9/kretfunc__vmlinux____x64_sys_openat opensnoop.9/kretfunc__vmlinux____x64_sys_openat2',
    says: 'this process may not do that',
    why: noTrampolines,
  },
  {
    at: 'klockstat.1/kfunc__vmlinux__mutex_unlock klockstat.3/kfunc__vmlinux__mutex_unlock klockstat.5/kfunc__vmlinux__mutex_unlock',
    says: 'this process may not do that',
    why: noTrampolines,
  },
  { at: 'readahead.1/kfunc__vmlinux__mark_page_accessed', says: 'this process may not do that', why: noTrampolines },
  {
    at: 'ttysnoop.1/kfunc__vmlinux__tty_write ttysnoop.3/kfunc__vmlinux__tty_write',
    says: 'this process may not do that',
    why: noTrampolines,
  },
  {
    at: 'vfsstat.1/kfunc__vmlinux__vfs_read vfsstat.1/kfunc__vmlinux__vfs_write vfsstat.1/kfunc__vmlinux__vfs_fsync_range vfsstat.1/kfunc__vmlinux__vfs_open vfsstat.1/kfunc__vmlinux__vfs_create vfsstat.3/kfunc__vmlinux__vfs_read vfsstat.3/kfunc__vmlinux__vfs_write vfsstat.3/kfunc__vmlinux__vfs_fsync_range vfsstat.3/kfunc__vmlinux__vfs_open vfsstat.3/kfunc__vmlinux__vfs_create',
    says: 'this process may not do that',
    why: noTrampolines,
  },
  { at: 'inject.0/should_failslab_entry', says: 'call bpf_override_return()', why: notSet('CONFIG_BPF_KPROBE_OVERRIDE') },
  // BCC writes a function for each probe of the traced process, and the capture had no such process: maps are all there is.
  { at: 'stackcount.4', says: 'no programs', why: thisIsSo('a text without functions, which compiles to no program') },
];
