/**
 * The working directory of a task, read name by name from its dentries:
 *
 *   fs->pwd ─▶ dentry 'src' ─▶ parent 'skep' ─▶ … root of the mount? on to where it is mounted ─▶ 'home' ─▶ the root
 *
 *   in the record: "src\0skep\0home\0\0"        in user space: /home/skep/src
 *
 * Directories deeper than the room for them are shown with '...' in place of what is left out.
 */

export const FULL_PATH = `
#include <linux/fs_struct.h>
#include <linux/dcache.h>

#define CWD_SIZE 4096
#define CWD_NAMES 48
#define CWD_NAME 256

/* Ends with an empty name; without one at the root, if it was cut, with "...". */
static inline void read_cwd(u8 *to)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct dentry *dentry = task->fs->pwd.dentry;
    struct vfsmount *vfsmount = task->fs->pwd.mnt;
    struct mount *mount = container_of(vfsmount, struct mount, mnt);
    u32 at = 0;
    int i;

    for (i = 0; i < CWD_NAMES; i++) {
        if (dentry == mount->mnt.mnt_root) {
            struct mount *up = mount->mnt_parent;

            if (up == mount)
                break;
            dentry = mount->mnt_mountpoint;
            mount = up;
            continue;
        }
        if (at > CWD_SIZE - CWD_NAME - 4)
            break;
        long length = bpf_probe_read_kernel_str(to + at, CWD_NAME, dentry->d_name.name);
        if (length < 1 || length > CWD_NAME)
            break;
        at += length;
        dentry = dentry->d_parent;
    }
    if (at > CWD_SIZE - 4)
        return;
    to[at] = 0;
}
`;

const decoder = new TextDecoder();

/** A relative path from the root, with the names of `read_cwd`. */
export function joinPath(cwd: Uint8Array, path: string): string {
  const names: string[] = [];
  for (let at = 0; at < cwd.length; ) {
    const end = cwd.indexOf(0, at);
    if (end <= at) break;
    names.push(decoder.decode(cwd.subarray(at, end)));
    at = end + 1;
  }
  return `/${[...names.reverse(), ...(path === '' ? [] : [path])].join('/')}`;
}
