/**
 * Kernel memory in the programs that know its types and those that do not: direct loads through trusted pointers, probe
 * reads elsewhere, copies, strings, task storage.
 */
import assert from 'node:assert/strict';
import { compile } from '../../../src/compiler/compile.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import { kernelTest } from '../../run/needs.ts';

const TEXT = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
struct ev { u32 pid; u32 mode; u64 ino; char comm[16]; char name[32]; u32 first; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } rb SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, u64); } ts SEC(".maps");
SEC("fentry/vfs_open")
int BPF_PROG(open_entry, const struct path *path, struct file *file)
{
	struct ev *e = bpf_ringbuf_reserve(&rb, sizeof(*e), 0);
	if (!e) return 0;
	struct task_struct *t = bpf_get_current_task_btf();
	e->pid = t->real_parent->tgid;
	e->mode = path->dentry->d_inode->i_mode;
	e->ino = path->dentry->d_inode->i_ino;
	__builtin_memcpy(e->comm, t->comm, sizeof(e->comm));
	e->first = path->dentry->d_name.name[0];
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), path->dentry->d_name.name);
	u64 *v = bpf_task_storage_get(&ts, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (v) *v += file->f_flags;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
SEC("fexit/vfs_open")
int BPF_PROG(open_exit, const struct path *path, struct file *file, int ret)
{
	if (ret < 0) bpf_printk("open of %lu failed: %d", path->dentry->d_inode->i_ino, ret);
	return 0;
}
SEC("tp_btf/sched_switch")
int BPF_PROG(sw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (prev->pid == 0 || next->mm == NULL) return 0;
	bpf_printk("%s -> %d %lu", prev->comm, next->pid, next->mm->total_vm);
	return 0;
}
SEC("lsm/file_open")
int BPF_PROG(lsm_open, struct file *file)
{
	if (file->f_inode->i_mode & 1 && file->f_path.dentry->d_name.len > 200) return -1;
	return 0;
}
SEC("iter/task")
int dump(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	if (!task) return 0;
	BPF_SEQ_PRINTF(seq, "%d %d %s\\n", task->pid, task->tgid, task->comm);
	return 0;
}
SEC("kprobe/vfs_read")
int BPF_KPROBE(rd, struct file *file, char *buf, size_t count)
{
	bpf_printk("%lu %u %lu", file->f_inode->i_ino, file->f_path.dentry->d_name.len, count);
	return 0;
}
SEC("kprobe/vfs_write")
int wr(struct pt_regs *ctx)
{
	struct file *file = (struct file *)PT_REGS_PARM1(ctx);
	const struct qstr q = file->f_path.dentry->d_name;
	char name[16] = {};
	bpf_probe_read_kernel(name, sizeof(name), q.name);
	bpf_printk("%s %d", name, q.len);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

for (const portable of [false, true]) {
  kernelTest(
    `fentry, fexit, tp_btf, lsm, iter, kprobe${portable ? ', portable' : ''}`,
    { btf: true, fentry: true, kprobes: true, lsm: true, minKernel: '5.11' },
    () => {
      const kernel = linuxKernel();
      const facts = readTargetFacts(kernel);
      const c = compile(TEXT, { facts, dialect: libbpfDialect, file: 'typed.bpf.c', portable, verify: true });
      assert.deepEqual(
        c.diagnostics.filter((d) => d.severity === 'error'),
        [],
      );
      assert.ok(c.spec);
      const object = loadObject(c.spec, kernel, { facts });
      try {
        assert.equal(object.programs.size, 7);
      } finally {
        object.close();
      }
    },
  );
}
