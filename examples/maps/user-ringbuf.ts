/** A ring buffer that user space writes and a program reads. Linux 6.1. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

struct command { __u32 op; __u64 amount; };
struct {
    __uint(type, BPF_MAP_TYPE_USER_RINGBUF);
    __uint(max_entries, 4096);
} commands SEC(".maps");
__u64 sum;

static long on_command(struct bpf_dynptr *record, void *context)
{
    struct command *c = bpf_dynptr_data(record, 0, sizeof(*c));
    if (c && c->op == 1)
        sum += c->amount;
    return 0;
}

SEC("?tc") int work(struct __sk_buff *skb)
{
    return bpf_user_ringbuf_drain(&commands, on_command, 0, 0);
}
char LICENSE[] SEC("license") = "GPL";`,
});

const commands = b.userRing<{ op: number; amount: bigint }>('commands', { type: 'struct command' });
for (const amount of [1n, 2n, 3n]) await commands.send({ op: 1, amount });
commands.trySend({ op: 2, amount: 100n });
console.log(`read by the program: ${b.run('work', { data: new Uint8Array(64) }).result}, sum ${b.global<bigint>('sum').value}`);
let sent = 0;
while (commands.trySend({ op: 1, amount: 1n })) sent++;
console.log(`then it takes ${sent} until somebody reads`);
