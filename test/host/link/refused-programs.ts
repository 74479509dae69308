/**
 * Programs that the verifier refuses, as people write them by mistake: what class of refusal it is, and, marked by
 * `!!` in a comment, the line that is to blame. `via`: what must be among the lines on the way there.
 */
import type { VerifierClass } from '../../../src/link/verifier-table.ts';

export interface RefusedProgram {
  readonly dialect: 'bcc' | 'libbpf';
  readonly class: VerifierClass;
  readonly text: string;
  readonly via?: readonly RegExp[];
  /** What the message must say. */
  readonly says?: RegExp;
  /** Name of the function; the only program of the text where not said. */
  readonly program?: string;
  /** What is refused is the whole program, or the log does not say where. */
  readonly nowhere?: boolean;
  readonly minKernel?: readonly [major: number, minor: number];
  /** From this kernel on it is accepted, or refused for another reason. */
  readonly until?: readonly [major: number, minor: number];
}

const HEAD = '#include <vmlinux.h>\n#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC("license") = "GPL";\n';
const HASH =
  'struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, u32); __type(value, struct value); } m SEC(".maps");\n';
const lib = (text: string): { readonly dialect: 'libbpf'; readonly text: string } => ({ dialect: 'libbpf', text: HEAD + text });
const bcc = (text: string): { readonly dialect: 'bcc'; readonly text: string } => ({ dialect: 'bcc', text });

export const REFUSED: Readonly<Record<string, RefusedProgram>> = {
  'a look-up that is not checked': {
    class: 'null-pointer',
    ...bcc(
      'BPF_HASH(h, u32, u64);\nint f(struct pt_regs *ctx) {\n  u32 k = 1;\n  u64 *v = h.lookup(&k);\n  *v += 1; // !!\n  return 0;\n}',
    ),
    via: [/h\.lookup/],
  },
  'a check of something else': {
    class: 'null-pointer',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = skb->len, n = 2;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (k > 7)\n\t\tn = 3;\n\treturn v->a[n]; /* !! */\n}`,
    ),
    via: [/bpf_map_lookup_elem/],
  },
  'beyond the value of a map': {
    class: 'map-bounds',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (!v)\n\t\treturn 0;\n\treturn v->a[4]; /* !! */\n}`,
    ),
  },
  'an index that nobody checks': {
    class: 'map-bounds',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0, i = skb->len;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (!v)\n\t\treturn 0;\n\treturn v->a[i]; /* !! */\n}`,
    ),
  },
  'an index that is checked against too much': {
    class: 'map-bounds',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0, i = skb->len;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (!v || i > 4)\n\t\treturn 0;\n\treturn v->a[i]; /* !! */\n}`,
    ),
    via: [/i > 4/],
  },
  'a packet that is not checked': {
    class: 'packet-bounds',
    ...lib(
      'SEC("xdp")\nint f(struct xdp_md *ctx)\n{\n\tvoid *data = (void *)(long)ctx->data;\n\tstruct ethhdr *eth = data;\n\treturn eth->h_proto; /* !! */\n}',
    ),
  },
  'a packet that is checked for less': {
    class: 'packet-bounds',
    ...lib(
      `SEC("xdp")\nint f(struct xdp_md *ctx)\n{\n\tvoid *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;\n\tstruct ethhdr *eth = data;\n\tstruct iphdr *ip = data + sizeof(*eth);\n\tif ((void *)(eth + 1) > end)\n\t\treturn XDP_PASS;\n\treturn ip->protocol; /* !! */\n}`,
    ),
    via: [/eth \+ 1/],
  },
  'a loop whose end nobody knows': {
    // Each way round is another state: in the kernel's words it is too complex.
    class: 'too-complex',
    ...lib('int g;\nSEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tint n = 0;\n\twhile (*(volatile int *)&g)\n\t\tn++;\n\treturn n;\n}'),
    nowhere: true,
  },
  'a socket that is kept': {
    class: 'leaked-reference',
    ...lib(
      'SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tstruct bpf_sock_tuple t = {};\n\tstruct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), -1, 0);\n\tif (!sk)\n\t\treturn 0;\n\treturn sk->family;\n}',
    ),
    nowhere: true,
  },
  'a record of a ring that is kept': {
    class: 'leaked-reference',
    ...bcc(
      'BPF_RINGBUF_OUTPUT(r, 1);\nint f(struct pt_regs *ctx) {\n  u64 *v = r.ringbuf_reserve(8);\n  if (v)\n    *v = 1;\n  return 0;\n}',
    ),
    nowhere: true,
  },
  'a record that the second of three returns keeps': {
    class: 'leaked-reference',
    ...lib(
      'struct event { u32 pid; };\nstruct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");\nSEC("tp/sched/sched_switch")\nint f(void *ctx)\n{\n\tstruct event *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);\n\tif (!e) return 0;\n\te->pid = bpf_get_current_pid_tgid() >> 32;\n\tif (e->pid == 5) return 0; /* !! */\n\tbpf_ringbuf_submit(e, 0);\n\treturn 0;\n}',
    ),
    via: [/bpf_ringbuf_reserve/],
  },
  'a helper of other programs': {
    class: 'helper-unavailable',
    ...lib('SEC("xdp")\nint f(struct xdp_md *ctx)\n{\n\treturn bpf_skb_vlan_pop((void *)ctx); /* !! */\n}'),
  },
  'a helper that needs the GPL': {
    class: 'gpl-only',
    dialect: 'libbpf',
    text: '#include <vmlinux.h>\n#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC("license") = "Proprietary";\nSEC("tp/sched/sched_switch")\nint f(void *ctx)\n{\n\tchar b[8];\n\tbpf_probe_read_user(b, 8, ctx); /* !! */\n\treturn b[0];\n}',
  },
  'kernel memory without a licence': {
    class: 'gpl-only',
    dialect: 'libbpf',
    text: '#include <vmlinux.h>\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_core_read.h>\nSEC("raw_tp/sched_process_exit")\nint f(struct bpf_raw_tracepoint_args *ctx)\n{\n\tstruct task_struct *t = (void *)ctx->args[0];\n\treturn BPF_CORE_READ(t, pid); /* !! */\n}',
    says: /^prog\.c:8:\d+: .*: this reads memory of the kernel, which only programs under the GPL may/,
  },
  'kernel memory by a pointer, without a licence': {
    class: 'gpl-only',
    ...bcc(
      '#define BPF_LICENSE Proprietary\nint f(struct pt_regs *ctx, struct file *file) {\n  u64 before = 1;\n  return before + file->f_flags; // !!\n}',
    ),
    says: /^prog\.c:4:\d+: .*: this reads memory of the kernel, which only programs under the GPL may/,
  },
  'a number as an address': {
    class: 'invalid-pointer',
    ...lib('SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tint *p = (int *)(long)skb->mark;\n\treturn *(volatile int *)p; /* !! */\n}'),
  },
  'beyond the context': {
    class: 'context-access',
    ...lib('SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\treturn *(int *)((void *)skb + 1000); /* !! */\n}'),
  },
  'a field of the context that may only be read': {
    class: 'context-access',
    ...lib('SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tskb->len = 4; /* !! */\n\treturn 0;\n}'),
  },
  'a result that is not allowed': {
    class: 'return-value',
    ...lib('SEC("cgroup/sock_create")\nint f(struct bpf_sock *sk)\n{\n\treturn 7;\n}'),
    nowhere: true,
  },
  'a length that nobody checks': {
    class: 'variable-size',
    ...lib(
      'SEC("tp/sched/sched_switch")\nint f(void *ctx)\n{\n\tchar b[64] = {};\n\tlong n = *(long *)(ctx + 8);\n\tbpf_probe_read_user(b, n, 0); /* !! */\n\treturn b[0];\n}',
    ),
  },
  'a length that may be too much': {
    class: 'stack-bounds',
    ...lib(
      'SEC("tp/sched/sched_switch")\nint f(void *ctx)\n{\n\tchar b[64] = {};\n\tunsigned long n = *(long *)(ctx + 8);\n\tif (n > 128)\n\t\treturn 0;\n\tbpf_probe_read_user(b, n, 0); /* !! */\n\treturn b[0];\n}',
    ),
  },
  'an address into a map for all to read': {
    class: 'pointer-leak',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("socket")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (!v)\n\t\treturn 0;\n\tv->a[0] = (long)skb; /* !! */\n\treturn 0;\n}`,
    ),
    nowhere: true,
  },
  'two locks at once': {
    class: 'locking',
    ...lib(
      `struct value { struct bpf_spin_lock l; u64 n; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k), *w;\n\tif (!v)\n\t\treturn 0;\n\tbpf_spin_lock(&v->l);\n\tv->n = bpf_ktime_get_ns(); /* !! */\n\tbpf_spin_unlock(&v->l);\n\treturn 0;\n}`,
    ),
    via: [/bpf_spin_lock/],
  },
  'a lock that is kept': {
    class: 'locking',
    ...lib(
      `struct value { struct bpf_spin_lock l; u64 n; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k = 0;\n\tstruct value *v = bpf_map_lookup_elem(&m, &k);\n\tif (!v)\n\t\treturn 0;\n\tbpf_spin_lock(&v->l);\n\treturn 0;\n}`,
    ),
    nowhere: true,
  },
  'a write to data that are fixed': {
    class: 'read-only',
    ...lib(
      'const volatile int limit = 3;\nSEC("tc")\nint f(struct __sk_buff *skb)\n{\n\t*(int *)&limit = skb->len; /* !! */\n\treturn 0;\n}',
    ),
  },
  'the wrong kind of map': {
    class: 'argument-type',
    ...lib(
      'struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64); } a SEC(".maps");\nSEC("tc")\nint f(struct __sk_buff *skb)\n{\n\treturn bpf_ringbuf_query(&a, 0); /* !! */\n}',
    ),
  },
  'memory that was never written': {
    class: 'uninitialised',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu32 k;\n\tasm volatile("" : : "r"(&k) : "memory");\n\treturn bpf_map_lookup_elem(&m, &k) != 0; /* !! */\n}`,
    ),
    until: [6, 3],
  },
  'too much stack in calls': {
    class: 'stack-limit',
    ...lib(
      'static __noinline int g(int *p)\n{\n\tvolatile char b[300];\n\tb[*p & 63] = 1;\n\treturn b[3];\n}\nSEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tvolatile char b[300];\n\tint n = skb->len;\n\tb[n & 63] = 2;\n\treturn g(&n) + b[1];\n}',
    ),
    nowhere: true,
  },
  'more paths than the verifier follows': {
    class: 'too-complex',
    ...lib(
      `SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tint n = 0;\n\tfor (int i = 0; i < 1000000; i++)\n\t\tn += skb->len ^ i;\n\treturn n;\n}`,
    ),
    nowhere: true,
  },
  'a loop that only chance ends': {
    class: 'unbounded-loop',
    ...lib(
      'SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tfor (;;) {\n\t\tif (bpf_get_prandom_u32() == 3) /* !! */\n\t\t\tbreak;\n\t}\n\treturn 0;\n}',
    ),
    says: /whose end the verifier cannot see \(infinite loop detected at insn \d+\)/,
  },
  'a tail call into a map of another kind': {
    class: 'argument-type',
    ...lib(
      `struct value { u64 a[4]; };\n${HASH}SEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tbpf_tail_call(skb, &m, 1); /* !! */\n\treturn 0;\n}`,
    ),
    says: /\((?:expected prog array map for tail call|kernel subsystem misconfigured verifier)\)\n[\s\S]*hint: .*BPF_MAP_TYPE_PROG_ARRAY/,
  },
  'a packet pointer from before the packet was changed': {
    class: 'invalid-pointer',
    ...lib(
      'SEC("xdp")\nint f(struct xdp_md *c)\n{\n\tvoid *d = (void *)(long)c->data, *e = (void *)(long)c->data_end;\n\tif (d + 14 > e)\n\t\treturn 1;\n\tif (bpf_xdp_adjust_head(c, 4))\n\t\treturn 1;\n\tbpf_get_prandom_u32();\n\treturn *(u8 *)d; /* !! */\n}',
    ),
    says: /after bpf_xdp_adjust_head\(\)[\s\S]*\n {2}R\d was pkt\(.*\) up to bpf_xdp_adjust_head\(\), prog\.c:10\n[\s\S]*hint: read data and data_end again/,
  },
  'a record that was submitted': {
    class: 'invalid-pointer',
    ...lib(
      'struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");\nSEC("tc")\nint f(struct __sk_buff *skb)\n{\n\tu64 *d = bpf_ringbuf_reserve(&rb, 8, 0);\n\tif (!d)\n\t\treturn 1;\n\t*d = 3;\n\tbpf_ringbuf_submit(d, 0);\n\treturn *d; /* !! */\n}',
    ),
    says: /after bpf_ringbuf_submit\(\)[\s\S]*\n {2}R\d was (?:ringbuf|alloc)_mem\(.*\) up to bpf_ringbuf_submit\(\), prog\.c:12\n[\s\S]*hint: .*before/,
  },
  'a packet pointer on the stack, from before the packet was changed': {
    class: 'invalid-pointer',
    ...lib(
      'SEC("tc")\nint f(struct __sk_buff *c)\n{\n\tvoid *volatile d = (void *)(long)c->data;\n\tif (bpf_skb_pull_data(c, 40))\n\t\treturn 1;\n\treturn *(u8 *)d; /* !! */\n}',
    ),
    says: /after bpf_skb_pull_data\(\)/,
  },
};
