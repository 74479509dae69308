/**
 * What kind of program a function is by the struct that its context points to: for functions whose name or section
 * says nothing.
 */
import type { FunctionDecl } from '../c/ast.ts';

export interface ContextType {
  readonly type: string;
  readonly section: string;
}

const CONTEXTS: Readonly<Record<string, ContextType>> = {
  pt_regs: { type: 'kprobe', section: 'kprobe' },
  bpf_perf_event_data: { type: 'perf_event', section: 'perf_event' },
  bpf_raw_tracepoint_args: { type: 'raw_tracepoint', section: 'raw_tracepoint' },
  __sk_buff: { type: 'socket_filter', section: 'socket' },
  xdp_md: { type: 'xdp', section: 'xdp' },
  bpf_sock_ops: { type: 'sock_ops', section: 'sockops' },
  sk_msg_md: { type: 'sk_msg', section: 'sk_msg' },
  bpf_sock: { type: 'cgroup_sock', section: 'cgroup/sock' },
  bpf_sock_addr: { type: 'cgroup_sock_addr', section: 'cgroup/connect4' },
  bpf_cgroup_dev_ctx: { type: 'cgroup_device', section: 'cgroup/dev' },
  bpf_sysctl: { type: 'cgroup_sysctl', section: 'cgroup/sysctl' },
  bpf_sockopt: { type: 'cgroup_sockopt', section: 'cgroup/getsockopt' },
  sk_reuseport_md: { type: 'sk_reuseport', section: 'sk_reuseport' },
  bpf_sk_lookup: { type: 'sk_lookup', section: 'sk_lookup' },
};

/** Name of the struct that the first parameter points to. */
export function contextRecord(fn: FunctionDecl): string | undefined {
  const type = fn.params[0]?.type.type;
  return type?.kind === 'pointer' && type.to.type.kind === 'record' ? type.to.type.name : undefined;
}

export function typeOfContext(record: string | undefined): ContextType | undefined {
  return record !== undefined && Object.hasOwn(CONTEXTS, record) ? CONTEXTS[record] : undefined;
}
