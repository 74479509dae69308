/**
 * Which tasks a tool looks at, where the task is an argument of the probe and not the current one (scheduler).
 *
 *   program({ ...taskFilters(options), … }, FILTER_TASK, `… if (filtered_task(task)) return 0; …`)
 *
 * `bpf_current_task_under_cgroup` cannot be asked about another task: `--cgroup` is the folder's number (its inode is the
 * cgroup's id), looked for among the task's cgroup and those above it. `attach: attachCgroupId` sets it; until then no
 * task is in it. Plain loads: for programs with typed arguments (tp_btf, fentry).
 */
import type { BPF } from '../../bcc/bpf.ts';
import { linuxKernel } from '../../kernel/linux.ts';
import { readText } from '../../kernel/text.ts';
import { openCgroup } from './cgroup.ts';
import type { DefineValue } from './text.ts';

const ID_MAP = 'only_cgroup_id';

export interface TaskFilterOptions {
  readonly pid?: number | undefined;
  readonly tid?: number | undefined;
  readonly cgroup?: string | undefined;
}

/** Macros for `FILTER_TASK`. */
export function taskFilters({ pid, tid, cgroup }: TaskFilterOptions): Readonly<Record<string, DefineValue>> {
  return { FILTER_PID: pid, FILTER_TID: tid, FILTER_CGROUP: cgroup !== undefined };
}

export const FILTER_TASK = `
#ifdef FILTER_CGROUP
BPF_ARRAY(${ID_MAP}, u64, 1);
#define CGROUP_LEVELS 32

static inline int in_cgroup(struct task_struct *task)
{
    int zero = 0;
    u64 *only = ${ID_MAP}.lookup(&zero);
    if (!only)
        return 0;
    struct cgroup_subsys_state *at = &task->cgroups->dfl_cgrp->self;
    for (int level = 0; level < CGROUP_LEVELS; level++) {
        if (!at)
            return 0;
        if (at->cgroup->kn->id == *only)
            return 1;
        at = at->parent;
    }
    return 0;
}
#endif

/* Is this task one of those that were not asked for? */
static inline int filtered_task(struct task_struct *task)
{
#ifdef FILTER_PID
    if (task->tgid != FILTER_PID)
        return 1;
#endif
#ifdef FILTER_TID
    if (task->pid != FILTER_TID)
        return 1;
#endif
#ifdef FILTER_CGROUP
    if (!in_cgroup(task))
        return 1;
#endif
    return 0;
}
`;

/** For `Tool.attach`. */
export function attachCgroupId(bpf: BPF, { cgroup }: TaskFilterOptions): void {
  if (cgroup === undefined) return;
  const kernel = linuxKernel();
  const fd = openCgroup(kernel, cgroup);
  try {
    const [, inode] = /^ino:\s*(\d+)/m.exec(readText(kernel, `/proc/self/fdinfo/${fd}`)) ?? [];
    bpf.map<number, bigint>(ID_MAP).set(0, BigInt(inode ?? 0));
  } finally {
    kernel.close(fd);
  }
}
