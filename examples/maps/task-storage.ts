/** Local storage: a value that hangs on a process, and goes away with it. Linux 5.11. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, __u64);
} calls SEC(".maps");

SEC("tp_btf/sys_enter") int BPF_PROG(on_call, struct pt_regs *regs, long id)
{
    struct task_struct *task = bpf_get_current_task_btf();
    if (id != 140 /* getpriority on x86_64 */ && id != 141 /* arm64 */)
        return 0;
    __u64 *count = bpf_task_storage_get(&calls, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (count)
        (*count)++;
    return 0;
}
char LICENSE[] SEC("license") = "GPL";`,
});

getPriority(process.pid);
getPriority(process.pid);
console.log(`calls of this process: ${b.map<number, bigint>('calls').getByPid(process.pid)}`);
