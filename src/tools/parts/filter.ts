/**
 * Which tasks a tool looks at: process, thread, user, cgroup, and BCC's pinned sets of cgroups and mount namespaces.
 *
 *   program({ ...filters(options), … }, FILTER, `… if (filtered()) return 0; …`)
 *
 * The test is made in the kernel, on the current task, before anything else. A cgroup counts with all below it
 * (`bpf_current_task_under_cgroup`, Linux 4.8): the frame opens the folder of `--cgroup` and puts it into `only_cgroup`
 * after loading; until then no task is in it, so nothing of others slips through.
 */
import type { DefineValue } from './text.ts';

export interface FilterOptions {
  readonly pid?: number | undefined;
  readonly tid?: number | undefined;
  readonly uid?: number | undefined;
  /** A folder of a cgroup2 file system. */
  readonly cgroup?: string | undefined;
  /** Pinned maps, as BCC's tools take them. */
  readonly cgroupmap?: string | undefined;
  readonly mntnsmap?: string | undefined;
}

/** The map that the frame puts the folder of `--cgroup` into. */
export const CGROUP_MAP = 'only_cgroup';

/** Macros for `FILTER`. */
export function filters(options: FilterOptions): Readonly<Record<string, DefineValue>> {
  return {
    FILTER_PID: options.pid,
    FILTER_TID: options.tid,
    FILTER_UID: options.uid,
    FILTER_CGROUP: options.cgroup !== undefined,
    FILTER_CGROUP_SET: options.cgroupmap,
    FILTER_MNTNS_SET: options.mntnsmap,
  };
}

export const FILTER = `
#ifdef FILTER_CGROUP
BPF_CGROUP_ARRAY(${CGROUP_MAP}, 1);
#endif
#ifdef FILTER_CGROUP_SET
BPF_TABLE_PINNED("hash", u64, u64, cgroupset, 1024, FILTER_CGROUP_SET);
#endif
#ifdef FILTER_MNTNS_SET
BPF_TABLE_PINNED("hash", u64, u32, mount_ns_set, 1024, FILTER_MNTNS_SET);
#endif

/* Is the current task one of those that were not asked for? */
static inline int filtered(void)
{
#ifdef FILTER_PID
    if (bpf_get_current_pid_tgid() >> 32 != FILTER_PID)
        return 1;
#endif
#ifdef FILTER_TID
    if ((u32)bpf_get_current_pid_tgid() != FILTER_TID)
        return 1;
#endif
#ifdef FILTER_UID
    if ((u32)bpf_get_current_uid_gid() != FILTER_UID)
        return 1;
#endif
#ifdef FILTER_CGROUP
    if (${CGROUP_MAP}.check_current_task(0) != 1)
        return 1;
#endif
#ifdef FILTER_CGROUP_SET
    u64 cgroup = bpf_get_current_cgroup_id();
    if (!cgroupset.lookup(&cgroup))
        return 1;
#endif
#ifdef FILTER_MNTNS_SET
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 mntns = task->nsproxy->mnt_ns->ns.inum;
    if (!mount_ns_set.lookup(&mntns))
        return 1;
#endif
    return 0;
}
`;

/** Flags of the tools that BCC gives sets of containers. */
export const CONTAINER_FLAGS = {
  cgroupmap: { type: 'string', value: 'PATH', help: 'only cgroups whose ids are in this pinned map' },
  mntnsmap: { type: 'string', value: 'PATH', help: 'only mount namespaces whose numbers are in this pinned map' },
} as const;
