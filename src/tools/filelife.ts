/** filelife: which files live only shortly, and for how long? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TIME, UID } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { FUNCTION_PROBES } from './parts/function-probes.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** From where a file is made (every way of making one asks the security modules) to where its name is taken away. */
const PROGRAM = `
#include <linux/fs.h>
#include <linux/sched.h>

#define NAME_SIZE 256

struct event {
    u64 ts;
    u64 age;
    u32 pid;
    u32 uid;
    char comm[TASK_COMM_LEN];
    char name[NAME_SIZE];
};

/* Births by dentry; those of files that stay are forgotten in time. */
BPF_TABLE("lru_hash", u64, u64, births, 16384);
BPF_RINGBUF_OUTPUT(events, 64);

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
#define UNLINK_ARGUMENTS struct inode *dir, struct dentry *dentry, struct inode **delegated
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define UNLINK_ARGUMENTS struct user_namespace *ns, struct inode *dir, struct dentry *dentry, struct inode **delegated
#else
#define UNLINK_ARGUMENTS struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, struct inode **delegated
#endif

ENTRY(security_inode_create, struct inode *dir, struct dentry *dentry)
{
    u64 key = (u64)dentry;
    u64 now = bpf_ktime_get_ns();

    births.update(&key, &now);
    return 0;
}

static inline int emit(struct dentry *dentry, u64 birth)
{
    u64 now = bpf_ktime_get_ns();
    struct event e = {};

    e.ts = now;
    e.age = now - birth;
    e.pid = bpf_get_current_pid_tgid() >> 32;
    e.uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    if (bpf_probe_read_kernel_str(e.name, NAME_SIZE, dentry->d_name.name) < 0)
        e.name[0] = 0;
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}

#ifdef BY_TRAMPOLINE
RETURN(vfs_unlink, (UNLINK_ARGUMENTS), int)
{
    u64 key = (u64)dentry;
    u64 *birth = births.lookup(&key);

    if (!birth || ret != 0)
        return 0;
    if (!filtered())
        emit(dentry, *birth);
    births.delete(&key);
    return 0;
}
#else
struct unlink {
    struct dentry *dentry;
    u64 birth;
};

BPF_HASH(unlinks, u32, struct unlink, 1024);

ENTRY(vfs_unlink, UNLINK_ARGUMENTS)
{
    u64 key = (u64)dentry;
    u64 *birth = births.lookup(&key);
    u32 tid = bpf_get_current_pid_tgid();

    if (!birth)
        return 0;
    struct unlink u = { .dentry = dentry, .birth = *birth };
    if (!filtered())
        unlinks.update(&tid, &u);
    return 0;
}

RETURN(vfs_unlink, (UNLINK_ARGUMENTS), int)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct unlink *u = unlinks.lookup(&tid);

    if (!u)
        return 0;
    if ((int)RESULT == 0) {
        u64 key = (u64)u->dentry;

        emit(u->dentry, u->birth);
        births.delete(&key);
    }
    unlinks.delete(&tid);
    return 0;
}
#endif
`;

interface Life {
  readonly ts: bigint;
  readonly age: bigint;
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly name: string;
}

const FUNCTIONS = ['security_inode_create', 'vfs_unlink'] as const;

export const tool = defineTool({
  name: 'filelife',
  topic: 'files',
  summary: 'Trace the lifespan of short-lived files',
  about:
    'Prints a line for each file that is deleted after it was created while the tool was running: who deleted it, and how ' +
    'old it was. Only the last part of the path is shown.',
  flags: { pid: { ...PID_FLAG, help: 'only files that this process deletes' } },
  positionals: [],
  examples: [
    { command: 'filelife', help: 'all short-lived files' },
    { command: 'filelife -p 181', help: 'only those that process 181 deletes' },
    { command: 'filelife --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    UID,
    COMM,
    { name: 'age', type: 'number', help: 'seconds from its creation to its end' },
    { name: 'file', type: 'string', help: 'name of the file' },
  ],
  probes: [
    { kind: 'fentry', targets: FUNCTIONS, minKernel: '5.8' },
    { kind: 'kprobe', targets: FUNCTIONS, minKernel: '5.8' },
  ],
  program: (options, _args, { kind }) =>
    program({ ...filters(options), BY_TRAMPOLINE: kind === 'fentry' }, FILTER, FUNCTION_PROBES, PROGRAM),
  async run({ out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Life>([
      { head: 'TIME', format: '%-8s ', value: (e) => clock.text(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'AGE(s)', format: '%-7.2f ', value: (e) => Number(e.age) / 1e9 },
      { head: 'FILE', format: '%s', value: (e) => e.name },
    ]);
    out.line(columns.header);
    await events<Life>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        uid: e.uid,
        comm: e.comm,
        age: Number(e.age) / 1e9,
        file: e.name,
      }));
    });
  },
});
