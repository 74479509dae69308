/**
 * BCC's container filters: C text that keeps only tasks of some cgroups or mount namespaces, whose ids stand in pinned
 * hashes that another program fills.
 *
 *   BPF.load({ text: filterByContainers({ cgroupmap: '/sys/fs/bpf/set' }) + '… if (container_should_be_filtered()) return 0; …' })
 *
 * Ids: a cgroup's is the inode number of its folder (`BPF.cgroupId`), a mount namespace's that of /proc/PID/ns/mnt.
 * Keys are `u64`; values of any kind of integer are taken, because only the presence counts.
 */
export interface ContainerOptions {
  /** Path of a pinned hash of cgroup ids. Linux 4.18. */
  readonly cgroupmap?: string | undefined;
  /** Path of a pinned hash of mount namespace numbers. */
  readonly mntnsmap?: string | undefined;
}

export function filterByContainers(options: ContainerOptions): string {
  const { cgroupmap, mntnsmap } = options;
  return `${
    cgroupmap === undefined
      ? 'static inline int _cgroup_filter() { return 0; }\n'
      : `BPF_TABLE_PINNED("hash", u64, u64, cgroupset, 1024, ${JSON.stringify(cgroupmap)});
static inline int _cgroup_filter()
{
    u64 id = bpf_get_current_cgroup_id();
    return cgroupset.lookup(&id) == NULL;
}
`
  }${
    mntnsmap === undefined
      ? 'static inline int _mntns_filter() { return 0; }\n'
      : `BPF_TABLE_PINNED("hash", u64, u32, mount_ns_set, 1024, ${JSON.stringify(mntnsmap)});
static inline int _mntns_filter()
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 number = task->nsproxy->mnt_ns->ns.inum;
    return mount_ns_set.lookup(&number) == NULL;
}
`
  }static inline int container_should_be_filtered()
{
    return _cgroup_filter() || _mntns_filter();
}
`;
}
