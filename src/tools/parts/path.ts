/**
 * The working directory of a task, read name by name from its dentries:
 *
 *   fs->pwd ─▶ dentry 'src' ─▶ parent 'skep' ─▶ … root of the mount? on to where it is mounted ─▶ 'home' ─▶ the root
 *
 *   in the record: "src\0skep\0home\0\0"        in user space: /home/skep/src
 */

export const FULL_PATH = `
#include <linux/fs_struct.h>
#include <linux/dcache.h>

#define CWD_SIZE 4096
#define CWD_NAMES 48
#define CWD_NAME 256

struct walk {
    struct dentry *dentry;
    struct mount *mount;
    u8 *to;
    u32 at;
};

/* One name up. A loop of the verifier's own (Linux 5.17): it looks at the body once. */
static long up(u32 index, struct walk *w)
{
    u32 at = w->at;

    if (w->dentry == w->mount->mnt.mnt_root) {
        struct mount *parent = w->mount->mnt_parent;

        if (parent == w->mount)
            return 1;
        w->dentry = w->mount->mnt_mountpoint;
        w->mount = parent;
        return 0;
    }
    if (at > CWD_SIZE - CWD_NAME - 1)
        return 1;
    long length = bpf_probe_read_kernel_str(w->to + at, CWD_NAME, w->dentry->d_name.name);
    if (length < 1 || length > CWD_NAME)
        return 1;
    w->at = at + length;
    w->dentry = w->dentry->d_parent;
    return 0;
}

/* Returns how many bytes there are now; at least one, an empty name after the others. */
static inline u32 read_cwd(u8 *to)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct vfsmount *vfsmount = task->fs->pwd.mnt;
    struct walk w = { .dentry = task->fs->pwd.dentry, .mount = container_of(vfsmount, struct mount, mnt), .to = to };

    bpf_loop(CWD_NAMES, up, &w, 0);
    u32 at = w.at;
    if (at >= CWD_SIZE)
        return 0;
    to[at] = 0;
    return at + 1;
}
`;

const decoder = new TextDecoder();

/** A relative path from the root, with the names of `read_cwd`. */
export function joinPath(cwd: Uint8Array, path: string): string {
  // Of a relative path that was not to be completed there is nothing; no name, or one that could not be read, is not in it.
  if (cwd.length === 0 || path === '') return path;
  const names: string[] = [];
  for (let at = 0; at < cwd.length; ) {
    const end = cwd.indexOf(0, at);
    if (end <= at) break;
    names.push(decoder.decode(cwd.subarray(at, end)));
    at = end + 1;
  }
  return `/${[...names.reverse(), path].join('/')}`;
}
