/**
 * BCC's dialect, every line of `docs/dialect.md`, as programs that a kernel can be asked about. `as`: what a function
 * is loaded as, where its name and context do not say so (in BCC the script says it).
 */
export interface DialectProgram {
  readonly text: string;
  readonly as?: Readonly<Record<string, { readonly type: string; readonly attachType?: string }>>;
  readonly needs?: 'lsm' | 'fentry' | 'kmod-ret';
  /** '5.11'. */
  readonly minKernel?: string;
}

/** All macros that declare maps, in all their forms. */
export const MAPS = `
struct key_t { u32 pid; char comm[16]; };
struct prefix_t { u32 length; u32 address; };
BPF_HASH(h1); BPF_HASH(h2, u32); BPF_HASH(h3, u32, u64); BPF_HASH(h4, struct key_t, u64, 128);
BPF_ARRAY(a1); BPF_ARRAY(a2, u64); BPF_ARRAY(a3, u64, 4);
BPF_PERCPU_HASH(ph, u32, u64, 16); BPF_PERCPU_ARRAY(pa, u64, 4);
BPF_TABLE("lru_hash", u32, u64, lru, 16); BPF_TABLE("lru_percpu_hash", u32, u64, lrup, 16); BPF_F_TABLE("hash", u32, u64, flagged, 16, 1);
BPF_HISTOGRAM(plain); BPF_HISTOGRAM(keyed, struct key_t); BPF_HISTOGRAM(sized, struct key_t, 100); BPF_HIST(short_name);
BPF_LPM_TRIE(trie, struct prefix_t, u64, 16);
BPF_STACK_TRACE(stacks, 1000); BPF_STACK_TRACE_BUILDID(builds, 64);
BPF_PERF_OUTPUT(events); BPF_PERF_ARRAY(counters, 4); BPF_RINGBUF_OUTPUT(ring, 8);
BPF_CGROUP_ARRAY(groups, 1); BPF_PROG_ARRAY(programs, 4);
BPF_DEVMAP(devices, 4); BPF_CPUMAP(processors, 4); BPF_XSKMAP(sockets, 4);
BPF_TABLE("hash", u32, u64, inner, 16); BPF_ARRAY_OF_MAPS(outer, "inner", 2); BPF_HASH_OF_MAPS(outer_hash, u32, "inner", 2);
BPF_QUEUE(queue, u64, 8); BPF_STACK(stack, u64, 8);
BPF_SOCKMAP(smap, 4); BPF_SOCKHASH(shash, u32, 4);
BPF_CGROUP_STORAGE(cgs, u64); BPF_PERCPU_CGROUP_STORAGE(pcgs, u64);
BPF_SK_STORAGE(sks, u64);
`;

export const PROGRAMS: Readonly<Record<string, DialectProgram>> = {
  'methods of probes': {
    text: `${MAPS}
struct data_t { u32 pid; u64 value; char comm[TASK_COMM_LEN]; };
int tail(struct pt_regs *ctx) { return 0; }
int keyed_maps(struct pt_regs *ctx) {
  u32 k = bpf_get_current_pid_tgid(); u64 zero = 0, *v; int i = 1; struct key_t key = {}; struct prefix_t p = { 32, k };
  bpf_get_current_comm(&key.comm, sizeof(key.comm));
  h3.update(&k, &zero); h3.insert(&k, &zero); h3.delete(&k);
  v = h3.lookup(&k); if (v) *v += 1;
  v = h3.lookup_or_try_init(&k, &zero); if (v) lock_xadd(v, 1);
  v = h3.lookup_or_init(&k, &zero); (*v)++;
  h3.increment(k); h3.increment(k, 5); h3.atomic_increment(k); h3.atomic_increment(k, 2); h4.increment(key);
  ph.increment(k); lru.increment(k); lrup.increment(k); flagged.increment(k);
  a3.increment(i); pa.increment(i); v = a3.lookup(&i); if (v) *v = 3;
  plain.increment(bpf_log2l(k)); keyed.increment(key); short_name.atomic_increment(bpf_log2(k));
  v = trie.lookup(&p); if (v) *v += 1;
  queue.push(&zero, 0); queue.pop(&zero); queue.peek(&zero); stack.push(&zero, BPF_EXIST);
  return 0;
}
int outputs(struct pt_regs *ctx) {
  struct data_t d = { .pid = 1 }, *r; struct bpf_perf_event_value v;
  bpf_get_current_comm(&d.comm, sizeof(d.comm));
  events.perf_submit(ctx, &d, sizeof(d));
  ring.ringbuf_output(&d, sizeof(d), 0);
  r = ring.ringbuf_reserve(sizeof(*r)); if (r) { r->value = ring.ringbuf_query(BPF_RB_RING_SIZE); ring.ringbuf_submit(r, 0); }
  r = ring.ringbuf_reserve(sizeof(*r)); if (r) ring.ringbuf_discard(r, 0);
  d.value = stacks.get_stackid(ctx, BPF_F_USER_STACK) + builds.get_stackid(ctx, BPF_F_USER_STACK);
  d.value += counters.perf_read(CUR_CPU_IDENTIFIER); counters.perf_counter_value(0, &v, sizeof(v));
  if (groups.check_current_task(0) > 0) return d.value;
  programs.call(ctx, 1);
  return 0;
}
int maps_of_maps(struct pt_regs *ctx) {
  int i = 0; u32 k = 1; void *m = outer.lookup(&i); if (m) { u64 *v = bpf_map_lookup_elem(m, &k); if (v) return *v; }
  m = outer_hash.lookup(&k); return m != 0;
}`,
  },
  'methods of networking': {
    text: `${MAPS}
int redirect(struct xdp_md *ctx) { return devices.redirect_map(0, 0) + processors.redirect_map(1, 0) + sockets.redirect_map(2, 0); }
int from_packet(struct __sk_buff *skb) { u64 meta = skb->len; events.perf_submit_skb(skb, skb->len, &meta, sizeof(meta)); return 0; }
int of_socket(struct __sk_buff *skb) {
  struct bpf_sock *sk = skb->sk; u64 one = 1, *v;
  if (!sk) return 0;
  v = sks.sk_storage_get(sk, &one, BPF_SK_STORAGE_GET_F_CREATE); if (v) *v += 1;
  sks.sk_storage_delete(sk); return 0;
}
int of_cgroup(struct __sk_buff *skb) { u64 *a = cgs.get_local_storage(0), *b = pcgs.get_local_storage(0); lock_xadd(a, 1); *b += 1; return 1; }
int on_socket(struct bpf_sock_ops *ops) { u32 k = ops->local_port; smap.sock_map_update(ops, &k, BPF_ANY); shash.sock_hash_update(ops, &k, BPF_ANY); return 0; }
int on_message(struct sk_msg_md *msg) { u32 k = msg->local_port; return shash.msg_redirect_hash(msg, &k, BPF_F_INGRESS); }
int on_stream(struct __sk_buff *skb) { u32 k = skb->local_port; return shash.sk_redirect_hash(skb, &k, 0); }`,
    as: {
      of_socket: { type: 'sched_cls' },
      of_cgroup: { type: 'cgroup_skb', attachType: 'cgroup_inet_egress' },
      on_stream: { type: 'sk_skb', attachType: 'sk_skb_stream_verdict' },
      on_message: { type: 'sk_msg', attachType: 'sk_msg_verdict' },
      on_socket: { type: 'sock_ops', attachType: 'cgroup_sock_ops' },
    },
  },
  'local storage of tasks and inodes': {
    text: `
BPF_TASK_STORAGE(tasks, u64); BPF_INODE_STORAGE(inodes, u64);
LSM_PROBE(file_open, struct file *file) {
  u64 zero = 0, *v = inodes.inode_storage_get(file->f_inode, &zero, BPF_LOCAL_STORAGE_GET_F_CREATE); if (v) *v += 1;
  inodes.inode_storage_delete(file->f_inode);
  v = tasks.task_storage_get(bpf_get_current_task_btf(), &zero, BPF_LOCAL_STORAGE_GET_F_CREATE); if (v) *v += 1;
  tasks.task_storage_delete(bpf_get_current_task_btf());
  return 0;
}`,
    needs: 'lsm',
    minKernel: '5.11',
  },
  'prefixes of probes': {
    text: `
#include <linux/sched.h>
#include <linux/fs.h>
BPF_HASH(seen, u64);
int kprobe__vfs_read(struct pt_regs *ctx, struct file *file, char *buf, size_t count) { seen.increment(count); seen.increment(file->f_inode->i_ino); return 0; }
int kretprobe__vfs_read(struct pt_regs *ctx) { seen.increment(PT_REGS_RC(ctx)); return 0; }
int syscall__openat(struct pt_regs *ctx, int dfd, const char __user *name, int flags) {
  char text[16]; bpf_probe_read_user_str(text, sizeof(text), name); seen.increment(text[0] + flags); return 0;
}
int registers(struct pt_regs *ctx) {
  u64 all = PT_REGS_PARM1(ctx) + PT_REGS_PARM2(ctx) + PT_REGS_PARM3(ctx) + PT_REGS_PARM4(ctx) + PT_REGS_PARM5(ctx) + PT_REGS_PARM6(ctx)
    + PT_REGS_RC(ctx) + PT_REGS_IP(ctx) + PT_REGS_SP(ctx) + PT_REGS_FP(ctx) + PT_REGS_RET(ctx);
  struct pt_regs *inner = PT_REGS_SYSCALL_CTX(ctx);
  all += PT_REGS_PARM1_SYSCALL(inner) + PT_REGS_PARM2_SYSCALL(inner) + PT_REGS_PARM3_SYSCALL(inner) + PT_REGS_PARM4_SYSCALL(inner)
    + PT_REGS_PARM5_SYSCALL(inner) + PT_REGS_PARM6_SYSCALL(inner);
  seen.increment(all); return 0;
}
TRACEPOINT_PROBE(sched, sched_process_exec) { char name[32]; TP_DATA_LOC_READ_STR(name, filename, sizeof(name)); seen.increment(args->pid + name[0]); return 0; }
int by_struct(struct tracepoint__sched__sched_process_exec *args) { char name[32]; TP_DATA_LOC_READ_CONST(name, filename, 8); return args->old_pid + name[1]; }
RAW_TRACEPOINT_PROBE(sched_switch) { struct task_struct *next = (struct task_struct *)ctx->args[2]; seen.increment(next->pid); return 0; }
int sampled(struct bpf_perf_event_data *ctx) { seen.increment(ctx->sample_period + PT_REGS_IP(&ctx->regs)); return 0; }`,
  },
  'typed probes': {
    text: `
#include <linux/fs.h>
BPF_HASH(seen, u64);
KFUNC_PROBE(vfs_read, struct file *file, char *buf, size_t count) { seen.increment(file->f_inode->i_ino + count); return 0; }
KRETFUNC_PROBE(vfs_read, struct file *file, char *buf, size_t count, loff_t *pos, int ret) { seen.increment(ret); return 0; }
BPF_ITER(task) { struct task_struct *task = ctx->task; if (task) seen.increment(task->pid); return 0; }`,
    needs: 'fentry',
    minKernel: '5.8',
  },
  'changing what a function returns': {
    text: `KMOD_RET(security_file_open, struct file *file, int ret) { return ret; }`,
    needs: 'kmod-ret',
  },
  'parts of packets': {
    text: `
#include <bcc/proto.h>
BPF_HASH(seen, u64);
int parse(struct __sk_buff *skb) {
  u8 *cursor = 0;
  struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth));
  if (eth->type != ETH_P_IP) return 0;
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  if (ip->nextp == IPPROTO_TCP) { struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp)); seen.increment(tcp->dst_port); }
  else if (ip->nextp == IPPROTO_UDP) { struct udp_t *udp = cursor_advance(cursor, sizeof(*udp)); seen.increment(udp->dport); }
  seen.increment(load_byte(skb, 0) + load_half(skb, 2) + load_word(skb, 4) + load_dword(skb, 8));
  return -1;
}
int change(struct __sk_buff *skb) {
  u8 *cursor = 0; u32 to = 0x7f000001; u8 ttl;
  struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth));
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));
  incr_cksum_l4(&tcp->cksum, ip->dst, to, 1); incr_cksum_l3(&ip->hchecksum, ip->dst, to);
  ttl = ip->ttl; ip->ttl = ttl - 1; ip->dst = to; eth->dst = 0x010203040506ull;
  bpf_dins_pkt(skb, 14, 4, 4, bpf_dext_pkt(skb, 14, 4, 4));
  return 0;
}
int headers(struct __sk_buff *skb) {
  u8 *cursor = 0; u64 sum = 0;
  struct dot1q_t *vlan = cursor_advance(cursor, sizeof(*vlan)); struct arp_t *arp = cursor_advance(cursor, sizeof(*arp));
  struct ip6_t *ip6 = cursor_advance(cursor, sizeof(*ip6)); struct ip6_opt_t *opt = cursor_advance(cursor, sizeof(*opt));
  struct icmp_t *icmp = cursor_advance(cursor, sizeof(*icmp)); struct icmp6_t *icmp6 = cursor_advance(cursor, sizeof(*icmp6));
  struct vxlan_t *vx = cursor_advance(cursor, sizeof(*vx)); struct vxlan_gbp_t *gbp = cursor_advance(cursor, sizeof(*gbp));
  sum = vlan->vlanid + arp->spa + ip6->src_lo + ip6->flow_label + opt->ext_len + icmp->type + icmp6->code + vx->key + gbp->gpid;
  seen.increment(sum);
  return 0;
}`,
    as: { change: { type: 'sched_cls' } },
  },
  'macros and functions': {
    text: `
#define BPF_LICENSE Dual BSD/GPL
BPF_HASH(seen, u64);
BPF_TABLE_PUBLIC("hash", u32, u64, shared_table, 16);
BCC_SEC("kprobe/anything") int other(struct pt_regs *ctx) { return 0; }
int misc(struct pt_regs *ctx) {
  u64 v = MASK(12) + (u64)MASK128(70) + bpf_num_cpus() + bpf_log2(17) + bpf_log2l(1ull << 40);
  v += bpf_ntohs(1) + bpf_ntohl(2) + bpf_ntohll(3) + bpf_htons(1) + bpf_htonl(2) + bpf_htonll(3) + (u64)bpf_ntoh128(4) + (u64)bpf_hton128(5);
  v += LINUX_VERSION_CODE >= KERNEL_VERSION(5, 4, 0);
#ifdef CONFIG_X86_64
  v += CONFIG_HZ;
#endif
  seen.increment(v);
  bpf_trace_printk("%d %s %llx\\\\n", 1, "text", v);
  BCC_PROBE_READ(&v, sizeof(v), (void *)PT_REGS_SP(ctx));
  return 0;
}`,
  },
};
