/** Where the members of the attr table stand in the kernel's own structs: 'batch.keys', 'link_create.tcx.relative_fd'. */
import type { BpfUse } from '../../../src/kernel/bpf-attr.ts';

// biome-ignore format: a table
const PREFIX: Readonly<Partial<Record<BpfUse, string>>> = {
  MAP_LOOKUP_BATCH: 'batch.', MAP_LOOKUP_AND_DELETE_BATCH: 'batch.', MAP_UPDATE_BATCH: 'batch.', MAP_DELETE_BATCH: 'batch.',
  PROG_TEST_RUN: 'test.', OBJ_GET_INFO_BY_FD: 'info.', PROG_QUERY: 'query.', RAW_TRACEPOINT_OPEN: 'raw_tracepoint.',
  TASK_FD_QUERY: 'task_fd_query.', LINK_UPDATE: 'link_update.', LINK_DETACH: 'link_detach.', ENABLE_STATS: 'enable_stats.',
  ITER_CREATE: 'iter_create.', PROG_BIND_MAP: 'prog_bind_map.', TOKEN_CREATE: 'token_create.', PROG_STREAM_READ_BY_FD: 'prog_stream_read.',
};

const LINK_HEAD = new Set(['prog_fd', 'target_fd', 'attach_type', 'flags']);

// biome-ignore format: a table
const LINK_PART: Readonly<Partial<Record<BpfUse, string>>> = {
  LINK_CREATE_TRACING: 'tracing.', LINK_CREATE_ITER: '', LINK_CREATE_PERF_EVENT: 'perf_event.', LINK_CREATE_KPROBE_MULTI: 'kprobe_multi.',
  LINK_CREATE_UPROBE_MULTI: 'uprobe_multi.', LINK_CREATE_NETFILTER: 'netfilter.', LINK_CREATE_TCX: 'tcx.', LINK_CREATE_NETKIT: 'netkit.',
  LINK_CREATE_CGROUP: 'cgroup.', LINK_CREATE: '',
};

/** Members that have the same name as one of the head's in C. */
const RENAMED: Readonly<Record<string, string>> = { kprobe_flags: 'flags', uprobe_flags: 'flags', netfilter_flags: 'flags' };

export function attrPath(use: BpfUse, member: string): string {
  if (!use.startsWith('LINK_CREATE')) return (PREFIX[use] ?? '') + member;
  return LINK_HEAD.has(member) ? `link_create.${member}` : `link_create.${LINK_PART[use] ?? ''}${RENAMED[member] ?? member}`;
}

export function linkInfoPath(kind: string, member: string): string | undefined {
  if (member === 'type' || member === 'id' || member === 'prog_id') return member;
  return member === 'pad' || kind === 'any' ? undefined : `${kind}.${member}`;
}
