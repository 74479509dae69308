/** filetop: which files are read and written most, and by whom? */
import { Columns } from '../render/columns.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { fileNumber } from './parts/file-number.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { FUNCTION_PROBES } from './parts/function-probes.ts';
import { program } from './parts/text.ts';
import { topHeading } from './parts/top.ts';
import { defineTool } from './tool.ts';

/** Longer names end in dots, as BCC's do. */
const NAME_SIZE = 32;

const PROGRAM = `
#include <linux/fs.h>
#include <linux/stat.h>
#include <linux/sched.h>

#define NAME_SIZE ${NAME_SIZE}
#define DEEPEST 50

struct who {
    u64 inode;
    u32 dev;
    u32 rdev;
    u32 pid;
    u32 tid;
};

struct use {
    u64 reads;
    u64 writes;
    u64 read_bytes;
    u64 write_bytes;
    u32 type;
    u32 name_length;
    char comm[TASK_COMM_LEN];
    char name[NAME_SIZE];
};

BPF_HASH(uses, struct who, struct use, 10240);

#ifdef FOLDER_INODE
static inline int outside(struct dentry *dentry)
{
    int i;

    for (i = 0; i < DEEPEST; i++) {
        struct dentry *parent = dentry->d_parent;

        if (!parent || parent == dentry)
            break;
        if (parent->d_inode->i_ino == FOLDER_INODE && parent->d_inode->i_sb->s_dev == FOLDER_DEV)
            return 0;
        dentry = parent;
    }
    return 1;
}
#endif

static inline int used(struct file *file, size_t count, int write)
{
    struct dentry *dentry = file->f_path.dentry;
    struct inode *inode = file->f_inode;
    u32 mode = inode->i_mode;
    u64 id = bpf_get_current_pid_tgid();
    struct who who = {};
    struct use *use;

    if (filtered())
        return 0;
    /* What has no name is no file. */
    if (dentry->d_name.len == 0)
        return 0;
#ifndef ALL_FILES
    if (!S_ISREG(mode))
        return 0;
#endif
#ifdef FOLDER_INODE
    if (outside(dentry))
        return 0;
#endif
    who.inode = inode->i_ino;
    who.dev = inode->i_sb->s_dev;
    who.rdev = inode->i_rdev;
    who.pid = id >> 32;
    who.tid = id;
    use = uses.lookup(&who);
    if (!use) {
        struct use new = {};

        new.type = S_ISREG(mode) ? 'R' : S_ISSOCK(mode) ? 'S' : 'O';
        new.name_length = dentry->d_name.len;
        bpf_get_current_comm(new.comm, sizeof(new.comm));
        bpf_probe_read_kernel_str(new.name, sizeof(new.name), dentry->d_name.name);
        uses.insert(&who, &new);
        use = uses.lookup(&who);
        if (!use)
            return 0;
    }
    if (write) {
        use->writes++;
        use->write_bytes += count;
    } else {
        use->reads++;
        use->read_bytes += count;
    }
    return 0;
}

#ifndef WRITES_ONLY
ENTRY(vfs_read, struct file *file, char *buf, size_t count)
{
    return used(file, count, 0);
}
#endif

#ifndef READS_ONLY
ENTRY(vfs_write, struct file *file, const char *buf, size_t count)
{
    return used(file, count, 1);
}
#endif
`;

interface Who {
  readonly inode: bigint;
  readonly dev: number;
  readonly rdev: number;
  readonly pid: number;
  readonly tid: number;
}

interface Use {
  readonly reads: bigint;
  readonly writes: bigint;
  readonly read_bytes: bigint;
  readonly write_bytes: bigint;
  readonly type: number;
  readonly name_length: number;
  readonly comm: string;
  readonly name: string;
}

type Row = Who & Use;

const SORTS: Readonly<Record<string, (row: Row) => bigint>> = {
  all: (row) => row.reads + row.writes + row.read_bytes + row.write_bytes,
  reads: (row) => row.reads,
  writes: (row) => row.writes,
  rbytes: (row) => row.read_bytes,
  wbytes: (row) => row.write_bytes,
};

const typeLetter = (row: Row): string => String.fromCharCode(row.type);
const shownName = (row: Row): string => (row.name_length >= NAME_SIZE ? `${row.name.slice(0, NAME_SIZE - 4)}...` : row.name);

const COLUMNS = new Columns<Row>([
  { head: 'TID', format: '%-7d ', value: (row) => row.tid },
  { head: 'COMM', format: '%-16s ', value: (row) => row.comm },
  { head: 'READS', format: '%-6d ', value: (row) => row.reads },
  { head: 'WRITES', format: '%-6d ', value: (row) => row.writes },
  { head: 'R_Kb', format: '%-7d ', value: (row) => row.read_bytes / 1024n },
  { head: 'W_Kb', format: '%-7d ', value: (row) => row.write_bytes / 1024n },
  { head: 'T', format: '%1s ', value: typeLetter },
  { head: 'FILE', format: '%s', value: shownName },
]);

export const tool = defineTool({
  name: 'filetop',
  topic: 'files',
  summary: 'File reads and writes by filename and process',
  about:
    'Shows every interval which files were read and written most, by thread: number of calls and the Kbytes that they asked ' +
    'for. T is R for regular files, S for sockets, O for others. Mapped files are not seen, and the tool itself is left out.',
  flags: {
    'all-files': { type: 'boolean', short: 'a', help: 'also what is no regular file: sockets, pipes, devices' },
    noclear: { type: 'boolean', short: 'C', help: 'do not clear the screen' },
    maxrows: { type: 'count', short: 'r', value: 'ROWS', default: 20, help: 'at most so many rows' },
    sort: {
      type: 'string',
      short: 's',
      value: 'COLUMN',
      choices: Object.keys(SORTS),
      default: 'all',
      help: 'order of the rows: all, reads, writes, rbytes or wbytes',
    },
    pid: PID_FLAG,
    'read-only': { type: 'boolean', help: 'only reads' },
    'write-only': { type: 'boolean', help: 'only writes' },
    directory: { type: 'string', short: 'd', value: 'PATH', help: 'only files below this folder' },
  },
  positionals: [
    { name: 'interval', type: 'seconds', default: 1, help: 'seconds between screens (default 1)' },
    { name: 'count', type: 'count', help: 'so many screens' },
  ],
  examples: [
    { command: 'filetop', help: 'a new screen every second' },
    { command: 'filetop -C', help: 'one below the other' },
    { command: 'filetop 5', help: 'every 5 seconds' },
    { command: 'filetop 5 10', help: 'every 5 seconds, 10 times' },
    { command: 'filetop -p 181', help: 'only process 181' },
    { command: 'filetop -d /var/log', help: 'only files below /var/log' },
    { command: 'filetop --json -s wbytes', help: 'a JSON object for each row, most written first' },
  ],
  fields: [
    TIME,
    PID,
    TID,
    COMM,
    { name: 'reads', type: 'integer', help: 'number of reads in the interval' },
    { name: 'writes', type: 'integer', help: 'number of writes' },
    { name: 'read_bytes', type: 'integer', help: 'bytes that the reads asked for' },
    { name: 'write_bytes', type: 'integer', help: 'bytes that the writes gave' },
    { name: 'type', type: 'string', help: 'R, S or O' },
    { name: 'file', type: 'string', help: 'name of the file, without its folder; cut at 31 bytes' },
  ],
  probes: [
    { kind: 'fentry', targets: ['vfs_read', 'vfs_write'] },
    { kind: 'kprobe', targets: ['vfs_read', 'vfs_write'] },
  ],
  program: (options, _args, { kind }) => {
    const [inode, dev] = (options.directory ?? '').split(':');
    return program(
      {
        ...filters(options),
        ALL_FILES: options['all-files'],
        READS_ONLY: options['read-only'],
        WRITES_ONLY: options['write-only'],
        FOLDER_INODE: dev === undefined ? undefined : Number(inode),
        FOLDER_DEV: dev === undefined ? undefined : Number(dev),
        BY_TRAMPOLINE: kind === 'fentry',
      },
      FILTER,
      FUNCTION_PROBES,
      PROGRAM,
    );
  },
  // The folder's number and its device's: that is what can be compared in the kernel.
  prepare: ({ options, kernel }) => {
    if (options.directory === undefined) return {};
    const { inode, dev } = fileNumber(kernel, options.directory);
    return { directory: `${inode}:${dev}` };
  },
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    const interval = Number(args['interval']);
    const count = args['count'] === undefined ? undefined : Number(args['count']);
    const order = SORTS[options.sort] ?? (() => 0n);
    out.line(`Tracing... Output every ${interval} secs. Hit Ctrl-C to end`);
    const uses = bpf.map<Who, Use>('uses');
    for await (const _ of rounds(interval, count)) {
      const rows: Row[] = [];
      for (const [who, use] of uses.drain()) if (who.pid !== process.pid) rows.push({ ...who, ...use });
      rows.sort((a, b) => (order(a) < order(b) ? 1 : order(a) > order(b) ? -1 : 0));
      const time = topHeading(out, { clear: !options.noclear });
      out.line(COLUMNS.header);
      for (const row of rows.slice(0, options.maxrows))
        out.row(COLUMNS, row, (r) => ({
          time,
          pid: r.pid,
          tid: r.tid,
          comm: r.comm,
          reads: r.reads,
          writes: r.writes,
          read_bytes: r.read_bytes,
          write_bytes: r.write_bytes,
          type: typeLetter(r),
          file: shownName(r),
        }));
    }
    out.line('Detaching...');
  },
});
