/** Types of the kernel's user headers that no kernel code uses any more, so that BTF lacks them: C text by name. */
const STRUCTS: Readonly<Record<string, string>> = {
  timespec: 'struct timespec { long tv_sec; long tv_nsec; };',
  timeval: 'struct timeval { long tv_sec; long tv_usec; };',
  itimerval: 'struct itimerval { struct timeval it_interval; struct timeval it_value; };',
  timezone: 'struct timezone { int tz_minuteswest; int tz_dsttime; };',
  // BCC's, and what they are made of where there is no BTF.
  bpf_stacktrace: 'struct bpf_stacktrace { u64 ip[127]; };',
  bpf_stacktrace_buildid: 'struct bpf_stacktrace_buildid { struct bpf_stack_build_id trace[127]; };',
  bpf_stack_build_id: 'struct bpf_stack_build_id { int status; unsigned char build_id[20]; union { __u64 offset; __u64 ip; }; };',
  bpf_cgroup_storage_key: 'struct bpf_cgroup_storage_key { __u64 cgroup_inode_id; __u32 attach_type; };',
  bpf_map_def:
    'struct bpf_map_def { unsigned int type; unsigned int key_size; unsigned int value_size; unsigned int max_entries; unsigned int map_flags; };',
};

export function kernelType(tag: 'struct' | 'union' | 'enum' | 'typedef', name: string): string | undefined {
  return tag === 'struct' && Object.hasOwn(STRUCTS, name) ? STRUCTS[name] : undefined;
}
