/** What of the kernel's samples does not compile or is not accepted, and why: by name, never by pattern. */
import { noTracepoint, notSet, noWriteUser } from './reasons.ts';
import type { Exception } from './verdict.ts';

export const SAMPLE_EXCEPTIONS: { readonly '6.1': readonly Exception[]; readonly '6.12': readonly Exception[] } = {
  '6.1': [
    {
      at: 'xdp_monitor.bpf.c/tp_xdp_redirect_map xdp_redirect.bpf.c/tp_xdp_redirect_map xdp_redirect_cpu.bpf.c/tp_xdp_redirect_map xdp_redirect_map.bpf.c/tp_xdp_redirect_map xdp_redirect_map_multi.bpf.c/tp_xdp_redirect_map xdp_router_ipv4.bpf.c/tp_xdp_redirect_map',
      says: "has no tracepoint 'xdp_redirect_map'",
      why: noTracepoint('xdp', 'xdp_redirect_map'),
    },
    {
      at: 'xdp_monitor.bpf.c/tp_xdp_redirect_map_err xdp_redirect.bpf.c/tp_xdp_redirect_map_err xdp_redirect_cpu.bpf.c/tp_xdp_redirect_map_err xdp_redirect_map.bpf.c/tp_xdp_redirect_map_err xdp_redirect_map_multi.bpf.c/tp_xdp_redirect_map_err xdp_router_ipv4.bpf.c/tp_xdp_redirect_map_err',
      says: "has no tracepoint 'xdp_redirect_map_err'",
      why: noTracepoint('xdp', 'xdp_redirect_map_err'),
    },
    { at: 'test_probe_write_user_kern.c/bpf_prog1', says: 'cannot use helper bpf_probe_write_user', why: noWriteUser },
    { at: 'tracex7_kern.c/bpf_prog1', says: 'call bpf_override_return()', why: notSet('CONFIG_BPF_KPROBE_OVERRIDE') },
  ],
  '6.12': [
    {
      at: 'xdp_router_ipv4.bpf.c/tp_xdp_redirect_map',
      says: "has no tracepoint 'xdp_redirect_map'",
      why: noTracepoint('xdp', 'xdp_redirect_map'),
    },
    {
      at: 'xdp_router_ipv4.bpf.c/tp_xdp_redirect_map_err',
      says: "has no tracepoint 'xdp_redirect_map_err'",
      why: noTracepoint('xdp', 'xdp_redirect_map_err'),
    },
    { at: 'test_probe_write_user.bpf.c/bpf_prog1', says: 'cannot use helper bpf_probe_write_user', why: noWriteUser },
    { at: 'tracex7.bpf.c/bpf_prog1', says: 'call bpf_override_return()', why: notSet('CONFIG_BPF_KPROBE_OVERRIDE') },
  ],
};
