/** LSM: a program decides what the kernel allows. Linux 5.7 with `bpf` among the active security modules. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#define EACCES 13

LSM_PROBE(inode_mkdir, struct inode *dir, struct dentry *dentry, umode_t mode)
{
    return bpf_get_current_pid_tgid() >> 32 == OWN_PID ? -EACCES : 0;
}`,
  cflags: [`-DOWN_PID=${process.pid}`],
});

try {
  mkdirSync(join(tmpdir(), 'no-such-folder'));
} catch (error) {
  console.log(`${b.attached[0]?.target}: ${(error as NodeJS.ErrnoException).code}`);
}
