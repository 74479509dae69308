/** fentry and fexit: like kprobes, cheaper, with typed arguments and the result beside them. Linux 5.5 (arm64 6.4), with BTF. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(sizes, u64, u64);

KRETFUNC_PROBE(vfs_read, struct file *file, char *buf, size_t count, loff_t *pos, ssize_t ret)
{
    if (bpf_get_current_pid_tgid() >> 32 == OWN_PID)
        sizes.increment(file->f_inode->i_ino);
    return 0;
}`,
  cflags: [`-DOWN_PID=${process.pid}`],
});

readFileSync('/proc/self/stat');
console.log(`this process read ${b.map('sizes').size} different files`);
