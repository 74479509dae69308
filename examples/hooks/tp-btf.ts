/** A tracepoint with typed arguments: pointers can be followed without helper calls. Linux 5.5, with BTF. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 10240);
    __type(key, pid_t);
    __type(value, __u64);
} switches SEC(".maps");

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
    pid_t pid = next->tgid;
    __u64 one = 1, *count = bpf_map_lookup_elem(&switches, &pid);

    if (count)
        __sync_fetch_and_add(count, 1);
    else
        bpf_map_update_elem(&switches, &pid, &one, BPF_NOEXIST);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";`,
});

await sleep(100);
console.log(`this process got a CPU ${b.map<number, bigint>('switches').get(process.pid)} times`);
