/** C programs for objects, as people write them for libbpf. */
import { compileBpf } from './clang.ts';

const INCLUDES = ['-I/usr/include/x86_64-linux-gnu', '-I/usr/include/aarch64-linux-gnu', '-w'];

const HEAD = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
char LICENSE[] SEC("license") = "GPL";
`;

/** Maps of all kinds, static values, subprograms, callbacks, data sections of all kinds. */
export const MAPS = `${HEAD}
struct key { int a; char b[4]; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, long); };
struct inner in1 SEC(".maps"), in2 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 8); __type(key, int); __array(values, struct inner); }
  outer SEC(".maps") = { .values = { [0] = &in1, [5] = &in2 } };
int tail(void *ctx);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __array(values, int (void *)); }
  jumps SEC(".maps") = { .values = { [2] = (void *)&tail } };
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(map_flags, 2); __uint(max_entries, 64); __type(key, struct key); __type(value, long); } lru SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(pinning, 1); __uint(max_entries, 64); __uint(key_size, 8); __uint(value_size, 12); } pinned SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
static int hidden = 4; int g1 = 5, g2 = -6; const volatile int ro = 6; static const char msg[] = "hello"; long zeros[4]; static long zero;
__attribute__((section(".data.mine"))) int mine = 9; __attribute__((section(".rodata.mine"))) const volatile int romine = 8;
static __noinline int sub(int x) { hidden += x; return hidden * 3 + mine + romine; }
__noinline int global_sub(int x) { g1 += x; return sub(x) + ro + g2; }
__attribute__((weak)) __noinline int weak_sub(int x) { return x + g2; }
__hidden __noinline int hidden_sub(int x) { zeros[x & 3]++; zero++; return x; }
static long callback(unsigned i, void *c) { return i > *(int *)c + hidden; }
SEC("socket") int tail(void *ctx) { return global_sub(5); }
SEC("socket") int main_prog(void *ctx) {
  int k = 0, n = 3; long *v = bpf_map_lookup_elem(&in1, &k); struct key key = {};
  bpf_printk("%s %d", msg, hidden_sub(1));
  bpf_loop(10, callback, &n, 0);
  bpf_map_update_elem(&lru, &key, &n, 0);
  bpf_tail_call(ctx, &jumps, 2);
  return (v ? *v + global_sub(2) : 0) + weak_sub(1) + !bpf_map_lookup_elem(&outer, &k) + !bpf_map_lookup_elem(&pinned, &key);
}
SEC("xdp.frags") int frags(struct xdp_md *ctx) { return bpf_ringbuf_output(&ring, &zero, 8, 0) ? 1 : 2; }
`;

/** Kernel symbols, kernel configuration, CO-RE. */
export const EXTERNS = `${HEAD}
struct task_struct { int pid; int tgid; struct task_struct *group_leader; char comm[16]; unsigned in_execve : 1; } __attribute__((preserve_access_index));
struct no_such_struct { int gone; } __attribute__((preserve_access_index));
enum bpf_map_type___x { BPF_MAP_TYPE_HASH___x = 1 };
extern const void bpf_prog_fops __ksym __weak;
extern const int no_such_variable __ksym __weak;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF __kconfig __weak;
extern char CONFIG_LSM[100] __kconfig __weak;
SEC("tp_btf/sched_switch") int BPF_PROG(on_switch, _Bool preempt, struct task_struct *prev, struct task_struct *next) {
  int x = BPF_CORE_READ_BITFIELD(prev, in_execve) + prev->tgid + next->group_leader->pid + prev->comm[2];
  if (bpf_core_field_exists(struct no_such_struct, gone)) x++;
  x += bpf_core_type_size(struct task_struct) + bpf_core_enum_value(enum bpf_map_type___x, BPF_MAP_TYPE_HASH___x);
  if (bpf_task_from_pid) { struct task_struct *t = bpf_task_from_pid(1); if (t) { x += t->pid; bpf_task_release(t); } }
  if (CONFIG_BPF && CONFIG_LSM[0]) x += LINUX_KERNEL_VERSION;
  return x + (&no_such_variable ? 1 : 0);
}
SEC("?raw_tp/sched_switch") int off(void *ctx) { return &bpf_prog_fops != 0; }
`;

/** Sections of many kinds, several programs in one, sleepable, '?'. */
export const SECTIONS = `${HEAD}
SEC("tracepoint/block/block_rq_issue") int tp1(void *ctx) { return 0; }
SEC("tp/sched/sched_switch") int tp2(void *ctx) { return 1; }
SEC("kprobe/vfs_read") int kp1(void *ctx) { return 0; }
SEC("kprobe/vfs_read") int kp2(void *ctx) { return 2; }
SEC("kretprobe/vfs_read+0x10") int krp(void *ctx) { return 0; }
SEC("fentry.s/vfs_read") int fe(void *ctx) { return 0; }
SEC("?lsm/bpf") int lsm(void *ctx) { return 0; }
SEC("usdt//usr/lib/libc.so.6:libc:setjmp") int usdt(void *ctx) { return 0; }
SEC("cgroup_skb/egress") int egress(void *ctx) { return 1; }
SEC("socket1") int old_socket(void *ctx) { return 0; }
SEC("xdp_icmp") int old_xdp(void *ctx) { return 0; }
SEC("my_section") int unknown(void *ctx) { return 0; }
SEC("iter/task") int iter(void *ctx) { return 0; }
`;

/** Before BTF maps. */
export const LEGACY = `${HEAD}
struct bpf_map_def_old { unsigned type, key_size, value_size, max_entries, map_flags; };
struct bpf_elf_map { unsigned type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx; };
struct bpf_map_def_old SEC("maps") counts = { .type = 1, .key_size = 4, .value_size = 8, .max_entries = 100, .map_flags = 1 };
struct bpf_elf_map SEC("maps") tunnel = { .type = 2, .size_key = 4, .size_value = 16, .max_elem = 1, .pinning = 2 };
struct ____btf_map_counts { int key; long value; }; struct ____btf_map_counts __attribute__((section(".maps.counts"), used)) ____btf_map_counts = {};
SEC("classifier") int prog(void *ctx) { int k = 0; return !bpf_map_lookup_elem(&counts, &k) + !bpf_map_lookup_elem(&tunnel, &k); }
`;

/** bpftool pins all programs, so none may be left out. */
export const LOADED_EXTERNS: string = EXTERNS.replace('?raw_tp', 'raw_tp');

export function fixture(source: string, ...args: readonly string[]): Uint8Array {
  return compileBpf(source, ...INCLUDES, ...args);
}
