/** An iterator: a program that runs once for each task (map, socket, …) when someone reads. Linux 5.8, with BTF. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("iter/task")
int list(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;

    if (task && task->pid == task->tgid)
        BPF_SEQ_PRINTF(ctx->meta->seq, "%d %s\\n", task->tgid, task->comm);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";`,
});
const iterator = b.attached[0] ?? b.attachIterator('list');

const text = Buffer.concat([...b.readIterator(iterator)]).toString();
console.log(text.split('\n').find((line) => line.startsWith(`${process.pid} `)));
