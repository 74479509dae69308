/** fmod_ret: a program may change what a function returns, where the kernel allows it (security hooks, error injection). Linux 5.7. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#define EPERM 1

KMOD_RET(security_inode_mkdir, struct inode *dir, struct dentry *dentry, umode_t mode, int ret)
{
    return bpf_get_current_pid_tgid() >> 32 == OWN_PID ? -EPERM : ret;
}`,
  cflags: [`-DOWN_PID=${process.pid}`],
});
b.attachFmodRet('kmod_ret__security_inode_mkdir');

try {
  mkdirSync(join(tmpdir(), 'no-such-folder'));
} catch (error) {
  console.log(`no new folders for this process: ${(error as NodeJS.ErrnoException).code}`);
}
