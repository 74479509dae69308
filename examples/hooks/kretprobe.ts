/** A kretprobe: a program at the return of a function, with its result. Linux 4.17. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(bytes, u32, s64);

int on_return(struct pt_regs *ctx)
{
    s64 result = PT_REGS_RC(ctx);

    if (result > 0)
        bytes.increment(bpf_get_current_pid_tgid() >> 32, result);
    return 0;
}`,
});
b.attachKretprobe('vfs_read', 'on_return');

readFileSync('/proc/self/stat');
console.log(`this process read ${b.map<number, bigint>('bytes').get(process.pid)} bytes`);
