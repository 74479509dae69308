/** A kprobe: a program at the start of any function of the kernel. Linux 4.17 (older ones by tracefs). */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(reads, u32, u64);

int on_read(struct pt_regs *ctx, struct file *file)
{
    reads.increment(bpf_get_current_pid_tgid() >> 32);
    return 0;
}`,
});
b.attachKprobe('vfs_read', 'on_read');

readFileSync('/proc/self/stat');
console.log(`this process read ${b.map<number, bigint>('reads').get(process.pid)} times`);
