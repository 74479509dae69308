// Made by scripts/helper-table.mjs; do not edit.

/** One helper a line, in the order of their numbers from 1: `[!]name|return type|parameters`, ! for GPL-only. */
export const HELPER_ROWS = `
map_lookup_elem|void *|void *map, const void *key
map_update_elem|long|void *map, const void *key, const void *value, __u64 flags
map_delete_elem|long|void *map, const void *key
!probe_read|long|void *dst, __u32 size, const void *unsafe_ptr
ktime_get_ns|__u64|void
!trace_printk|long|const char *fmt, __u32 fmt_size, ...
get_prandom_u32|__u32|void
get_smp_processor_id|__u32|void
skb_store_bytes|long|struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags
l3_csum_replace|long|struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 size
l4_csum_replace|long|struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags
tail_call|long|void *ctx, void *prog_array_map, __u32 index
clone_redirect|long|struct __sk_buff *skb, __u32 ifindex, __u64 flags
get_current_pid_tgid|__u64|void
get_current_uid_gid|__u64|void
get_current_comm|long|void *buf, __u32 size_of_buf
get_cgroup_classid|__u32|struct __sk_buff *skb
skb_vlan_push|long|struct __sk_buff *skb, __be16 vlan_proto, __u16 vlan_tci
skb_vlan_pop|long|struct __sk_buff *skb
skb_get_tunnel_key|long|struct __sk_buff *skb, struct bpf_tunnel_key *key, __u32 size, __u64 flags
skb_set_tunnel_key|long|struct __sk_buff *skb, struct bpf_tunnel_key *key, __u32 size, __u64 flags
!perf_event_read|__u64|void *map, __u64 flags
redirect|long|__u32 ifindex, __u64 flags
get_route_realm|__u32|struct __sk_buff *skb
!perf_event_output|long|void *ctx, void *map, __u64 flags, void *data, __u64 size
skb_load_bytes|long|const void *skb, __u32 offset, void *to, __u32 len
!get_stackid|long|void *ctx, void *map, __u64 flags
csum_diff|__s64|__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed
skb_get_tunnel_opt|long|struct __sk_buff *skb, void *opt, __u32 size
skb_set_tunnel_opt|long|struct __sk_buff *skb, void *opt, __u32 size
skb_change_proto|long|struct __sk_buff *skb, __be16 proto, __u64 flags
skb_change_type|long|struct __sk_buff *skb, __u32 type
skb_under_cgroup|long|struct __sk_buff *skb, void *map, __u32 index
get_hash_recalc|__u32|struct __sk_buff *skb
!get_current_task|__u64|void
!probe_write_user|long|void *dst, const void *src, __u32 len
current_task_under_cgroup|long|void *map, __u32 index
skb_change_tail|long|struct __sk_buff *skb, __u32 len, __u64 flags
skb_pull_data|long|struct __sk_buff *skb, __u32 len
csum_update|__s64|struct __sk_buff *skb, __wsum csum
set_hash_invalid|void|struct __sk_buff *skb
get_numa_node_id|long|void
skb_change_head|long|struct __sk_buff *skb, __u32 len, __u64 flags
xdp_adjust_head|long|struct xdp_md *xdp_md, int delta
!probe_read_str|long|void *dst, __u32 size, const void *unsafe_ptr
get_socket_cookie|__u64|void *ctx
get_socket_uid|__u32|struct __sk_buff *skb
set_hash|long|struct __sk_buff *skb, __u32 hash
setsockopt|long|void *bpf_socket, int level, int optname, void *optval, int optlen
skb_adjust_room|long|struct __sk_buff *skb, __s32 len_diff, __u32 mode, __u64 flags
redirect_map|long|void *map, __u64 key, __u64 flags
sk_redirect_map|long|struct __sk_buff *skb, void *map, __u32 key, __u64 flags
sock_map_update|long|struct bpf_sock_ops *skops, void *map, void *key, __u64 flags
xdp_adjust_meta|long|struct xdp_md *xdp_md, int delta
!perf_event_read_value|long|void *map, __u64 flags, struct bpf_perf_event_value *buf, __u32 buf_size
!perf_prog_read_value|long|struct bpf_perf_event_data *ctx, struct bpf_perf_event_value *buf, __u32 buf_size
getsockopt|long|void *bpf_socket, int level, int optname, void *optval, int optlen
!override_return|long|struct pt_regs *regs, __u64 rc
sock_ops_cb_flags_set|long|struct bpf_sock_ops *bpf_sock, int argval
msg_redirect_map|long|struct sk_msg_md *msg, void *map, __u32 key, __u64 flags
msg_apply_bytes|long|struct sk_msg_md *msg, __u32 bytes
msg_cork_bytes|long|struct sk_msg_md *msg, __u32 bytes
msg_pull_data|long|struct sk_msg_md *msg, __u32 start, __u32 end, __u64 flags
bind|long|struct bpf_sock_addr *ctx, struct sockaddr *addr, int addr_len
xdp_adjust_tail|long|struct xdp_md *xdp_md, int delta
skb_get_xfrm_state|long|struct __sk_buff *skb, __u32 index, struct bpf_xfrm_state *xfrm_state, __u32 size, __u64 flags
!get_stack|long|void *ctx, void *buf, __u32 size, __u64 flags
skb_load_bytes_relative|long|const void *skb, __u32 offset, void *to, __u32 len, __u32 start_header
!fib_lookup|long|void *ctx, struct bpf_fib_lookup *params, int plen, __u32 flags
sock_hash_update|long|struct bpf_sock_ops *skops, void *map, void *key, __u64 flags
msg_redirect_hash|long|struct sk_msg_md *msg, void *map, void *key, __u64 flags
sk_redirect_hash|long|struct __sk_buff *skb, void *map, void *key, __u64 flags
lwt_push_encap|long|struct __sk_buff *skb, __u32 type, void *hdr, __u32 len
lwt_seg6_store_bytes|long|struct __sk_buff *skb, __u32 offset, const void *from, __u32 len
lwt_seg6_adjust_srh|long|struct __sk_buff *skb, __u32 offset, __s32 delta
lwt_seg6_action|long|struct __sk_buff *skb, __u32 action, void *param, __u32 param_len
!rc_repeat|long|void *ctx
!rc_keydown|long|void *ctx, __u32 protocol, __u64 scancode, __u32 toggle
skb_cgroup_id|__u64|struct __sk_buff *skb
get_current_cgroup_id|__u64|void
get_local_storage|void *|void *map, __u64 flags
sk_select_reuseport|long|struct sk_reuseport_md *reuse, void *map, void *key, __u64 flags
skb_ancestor_cgroup_id|__u64|struct __sk_buff *skb, int ancestor_level
sk_lookup_tcp|struct bpf_sock *|void *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_size, __u64 netns, __u64 flags
sk_lookup_udp|struct bpf_sock *|void *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_size, __u64 netns, __u64 flags
sk_release|long|void *sock
map_push_elem|long|void *map, const void *value, __u64 flags
map_pop_elem|long|void *map, void *value
map_peek_elem|long|void *map, void *value
msg_push_data|long|struct sk_msg_md *msg, __u32 start, __u32 len, __u64 flags
msg_pop_data|long|struct sk_msg_md *msg, __u32 start, __u32 len, __u64 flags
!rc_pointer_rel|long|void *ctx, __s32 rel_x, __s32 rel_y
spin_lock|long|struct bpf_spin_lock *lock
spin_unlock|long|struct bpf_spin_lock *lock
sk_fullsock|struct bpf_sock *|struct bpf_sock *sk
tcp_sock|struct bpf_tcp_sock *|struct bpf_sock *sk
skb_ecn_set_ce|long|struct __sk_buff *skb
get_listener_sock|struct bpf_sock *|struct bpf_sock *sk
skc_lookup_tcp|struct bpf_sock *|void *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_size, __u64 netns, __u64 flags
!tcp_check_syncookie|long|void *sk, void *iph, __u32 iph_len, struct tcphdr *th, __u32 th_len
sysctl_get_name|long|struct bpf_sysctl *ctx, char *buf, unsigned long buf_len, __u64 flags
sysctl_get_current_value|long|struct bpf_sysctl *ctx, char *buf, unsigned long buf_len
sysctl_get_new_value|long|struct bpf_sysctl *ctx, char *buf, unsigned long buf_len
sysctl_set_new_value|long|struct bpf_sysctl *ctx, const char *buf, unsigned long buf_len
strtol|long|const char *buf, unsigned long buf_len, __u64 flags, long *res
strtoul|long|const char *buf, unsigned long buf_len, __u64 flags, unsigned long *res
sk_storage_get|void *|void *map, void *sk, void *value, __u64 flags
sk_storage_delete|long|void *map, void *sk
send_signal|long|__u32 sig
!tcp_gen_syncookie|__s64|void *sk, void *iph, __u32 iph_len, struct tcphdr *th, __u32 th_len
!skb_output|long|void *ctx, void *map, __u64 flags, void *data, __u64 size
!probe_read_user|long|void *dst, __u32 size, const void *unsafe_ptr
!probe_read_kernel|long|void *dst, __u32 size, const void *unsafe_ptr
!probe_read_user_str|long|void *dst, __u32 size, const void *unsafe_ptr
!probe_read_kernel_str|long|void *dst, __u32 size, const void *unsafe_ptr
tcp_send_ack|long|void *tp, __u32 rcv_nxt
send_signal_thread|long|__u32 sig
jiffies64|__u64|void
!read_branch_records|long|struct bpf_perf_event_data *ctx, void *buf, __u32 size, __u64 flags
get_ns_current_pid_tgid|long|__u64 dev, __u64 ino, struct bpf_pidns_info *nsdata, __u32 size
!xdp_output|long|void *ctx, void *map, __u64 flags, void *data, __u64 size
get_netns_cookie|__u64|void *ctx
get_current_ancestor_cgroup_id|__u64|int ancestor_level
sk_assign|long|void *ctx, void *sk, __u64 flags
ktime_get_boot_ns|__u64|void
!seq_printf|long|struct seq_file *m, const char *fmt, __u32 fmt_size, const void *data, __u32 data_len
!seq_write|long|struct seq_file *m, const void *data, __u32 len
sk_cgroup_id|__u64|void *sk
sk_ancestor_cgroup_id|__u64|void *sk, int ancestor_level
ringbuf_output|long|void *ringbuf, void *data, __u64 size, __u64 flags
ringbuf_reserve|void *|void *ringbuf, __u64 size, __u64 flags
ringbuf_submit|void|void *data, __u64 flags
ringbuf_discard|void|void *data, __u64 flags
ringbuf_query|__u64|void *ringbuf, __u64 flags
csum_level|long|struct __sk_buff *skb, __u64 level
skc_to_tcp6_sock|struct tcp6_sock *|void *sk
skc_to_tcp_sock|struct tcp_sock *|void *sk
skc_to_tcp_timewait_sock|struct tcp_timewait_sock *|void *sk
skc_to_tcp_request_sock|struct tcp_request_sock *|void *sk
skc_to_udp6_sock|struct udp6_sock *|void *sk
get_task_stack|long|struct task_struct *task, void *buf, __u32 size, __u64 flags
load_hdr_opt|long|struct bpf_sock_ops *skops, void *searchby_res, __u32 len, __u64 flags
store_hdr_opt|long|struct bpf_sock_ops *skops, const void *from, __u32 len, __u64 flags
reserve_hdr_opt|long|struct bpf_sock_ops *skops, __u32 len, __u64 flags
inode_storage_get|void *|void *map, void *inode, void *value, __u64 flags
inode_storage_delete|int|void *map, void *inode
d_path|long|struct path *path, char *buf, __u32 sz
copy_from_user|long|void *dst, __u32 size, const void *user_ptr
snprintf_btf|long|char *str, __u32 str_size, struct btf_ptr *ptr, __u32 btf_ptr_size, __u64 flags
!seq_printf_btf|long|struct seq_file *m, struct btf_ptr *ptr, __u32 ptr_size, __u64 flags
skb_cgroup_classid|__u64|struct __sk_buff *skb
redirect_neigh|long|__u32 ifindex, struct bpf_redir_neigh *params, int plen, __u64 flags
per_cpu_ptr|void *|const void *percpu_ptr, __u32 cpu
this_cpu_ptr|void *|const void *percpu_ptr
redirect_peer|long|__u32 ifindex, __u64 flags
task_storage_get|void *|void *map, struct task_struct *task, void *value, __u64 flags
task_storage_delete|long|void *map, struct task_struct *task
!get_current_task_btf|struct task_struct *|void
bprm_opts_set|long|struct linux_binprm *bprm, __u64 flags
ktime_get_coarse_ns|__u64|void
ima_inode_hash|long|struct inode *inode, void *dst, __u32 size
sock_from_file|struct socket *|struct file *file
!check_mtu|long|void *ctx, __u32 ifindex, __u32 *mtu_len, __s32 len_diff, __u64 flags
for_each_map_elem|long|void *map, void *callback_fn, void *callback_ctx, __u64 flags
!snprintf|long|char *str, __u32 str_size, const char *fmt, __u64 *data, __u32 data_len
sys_bpf|long|__u32 cmd, void *attr, __u32 attr_size
btf_find_by_name_kind|long|char *name, int name_sz, __u32 kind, int flags
sys_close|long|__u32 fd
!timer_init|long|struct bpf_timer *timer, void *map, __u64 flags
!timer_set_callback|long|struct bpf_timer *timer, void *callback_fn
!timer_start|long|struct bpf_timer *timer, __u64 nsecs, __u64 flags
!timer_cancel|long|struct bpf_timer *timer
!get_func_ip|__u64|void *ctx
get_attach_cookie|__u64|void *ctx
!task_pt_regs|long|struct task_struct *task
!get_branch_snapshot|long|void *entries, __u32 size, __u64 flags
!trace_vprintk|long|const char *fmt, __u32 fmt_size, const void *data, __u32 data_len
skc_to_unix_sock|struct unix_sock *|void *sk
kallsyms_lookup_name|long|const char *name, int name_sz, int flags, __u64 *res
find_vma|long|struct task_struct *task, __u64 addr, void *callback_fn, void *callback_ctx, __u64 flags
loop|long|__u32 nr_loops, void *callback_fn, void *callback_ctx, __u64 flags
strncmp|long|const char *s1, __u32 s1_sz, const char *s2
get_func_arg|long|void *ctx, __u32 n, __u64 *value
get_func_ret|long|void *ctx, __u64 *value
get_func_arg_cnt|long|void *ctx
get_retval|int|void
set_retval|int|int retval
xdp_get_buff_len|__u64|struct xdp_md *xdp_md
xdp_load_bytes|long|struct xdp_md *xdp_md, __u32 offset, void *buf, __u32 len
xdp_store_bytes|long|struct xdp_md *xdp_md, __u32 offset, void *buf, __u32 len
!copy_from_user_task|long|void *dst, __u32 size, const void *user_ptr, struct task_struct *tsk, __u64 flags
skb_set_tstamp|long|struct __sk_buff *skb, __u64 tstamp, __u32 tstamp_type
ima_file_hash|long|struct file *file, void *dst, __u32 size
kptr_xchg|void *|void *map_value, void *ptr
map_lookup_percpu_elem|void *|void *map, const void *key, __u32 cpu
skc_to_mptcp_sock|struct mptcp_sock *|void *sk
dynptr_from_mem|long|void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr
ringbuf_reserve_dynptr|long|void *ringbuf, __u32 size, __u64 flags, struct bpf_dynptr *ptr
ringbuf_submit_dynptr|void|struct bpf_dynptr *ptr, __u64 flags
ringbuf_discard_dynptr|void|struct bpf_dynptr *ptr, __u64 flags
dynptr_read|long|void *dst, __u32 len, const struct bpf_dynptr *src, __u32 offset, __u64 flags
dynptr_write|long|const struct bpf_dynptr *dst, __u32 offset, void *src, __u32 len, __u64 flags
dynptr_data|void *|const struct bpf_dynptr *ptr, __u32 offset, __u32 len
!tcp_raw_gen_syncookie_ipv4|__s64|struct iphdr *iph, struct tcphdr *th, __u32 th_len
!tcp_raw_gen_syncookie_ipv6|__s64|struct ipv6hdr *iph, struct tcphdr *th, __u32 th_len
!tcp_raw_check_syncookie_ipv4|long|struct iphdr *iph, struct tcphdr *th
!tcp_raw_check_syncookie_ipv6|long|struct ipv6hdr *iph, struct tcphdr *th
ktime_get_tai_ns|__u64|void
user_ringbuf_drain|long|void *map, void *callback_fn, void *ctx, __u64 flags
cgrp_storage_get|void *|void *map, struct cgroup *cgroup, void *value, __u64 flags
cgrp_storage_delete|long|void *map, struct cgroup *cgroup
`;

/** Kernel version and the last helper it added. */
export const HELPER_VERSIONS: readonly (readonly [version: string, last: number])[] = [
  ['3.19', 3],
  ['4.1', 11],
  ['4.2', 16],
  ['4.3', 22],
  ['4.4', 25],
  ['4.5', 26],
  ['4.6', 30],
  ['4.8', 36],
  ['4.9', 41],
  ['4.10', 44],
  ['4.11', 45],
  ['4.12', 47],
  ['4.13', 50],
  ['4.14', 53],
  ['4.15', 57],
  ['4.16', 59],
  ['4.17', 64],
  ['4.18', 80],
  ['4.19', 83],
  ['4.20', 90],
  ['5.0', 92],
  ['5.1', 98],
  ['5.2', 108],
  ['5.3', 109],
  ['5.4', 110],
  ['5.5', 115],
  ['5.6', 118],
  ['5.7', 124],
  ['5.8', 135],
  ['5.9', 141],
  ['5.10', 155],
  ['5.11', 162],
  ['5.12', 163],
  ['5.13', 165],
  ['5.14', 168],
  ['5.15', 175],
  ['5.16', 179],
  ['5.17', 185],
  ['5.18', 193],
  ['5.19', 203],
  ['6.0', 207],
  ['6.1', 209],
  ['6.2', 211],
];
