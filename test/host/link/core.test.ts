/** CO-RE against libbpf: the same object, loaded by bpftool and by this linker, must be the same program in the kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programXlated } from '../../../src/kernel/obj-info.ts';
import { loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import type { ObjectSpec, ProgramSpec } from '../../../src/object/spec.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing } from '../kernel/support.ts';
import { type ClangObject, compileWithClang } from './clang-object.ts';

const NEEDS = { btf: true, commands: ['clang-19', 'bpftool'] } as const;

function specOf(object: ClangObject, program: Partial<ProgramSpec> & Pick<ProgramSpec, 'type' | 'section'>): ObjectSpec {
  const fn = object.function(program.section);
  return {
    name: 'clang',
    license: 'GPL',
    programs: [{ name: 'main', entry: fn.name, autoAttach: false, autoLoad: true, ...program }],
    functions: new Map([[fn.name, fn]]),
    maps: new Map(),
    variables: new Map(),
    btf: object.btf,
    sources: new Map(),
  };
}

/** The program's translated bytes as bpftool, with libbpf, gets them into the kernel. */
function byLibbpf(object: ClangObject, type: readonly string[]): Uint8Array {
  const pin = `/sys/fs/bpf/skep_core_${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'skep-dump-'));
  try {
    execFileSync('bpftool', ['prog', 'load', object.path, pin, ...type], { stdio: ['ignore', 'ignore', 'inherit'] });
    execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin, 'file', join(folder, 'x')]);
    return new Uint8Array(readFileSync(join(folder, 'x')));
  } finally {
    rmSync(pin, { force: true });
    rmSync(folder, { recursive: true });
  }
}

function bySkep(spec: ObjectSpec): Uint8Array {
  using object = loadObject(spec, kernel, { facts });
  assert.deepEqual(object.warnings, []);
  const program = object.programs.get('main');
  assert.ok(program);
  return programXlated(kernel, program.fd);
}

function sameAsLibbpf(
  source: string,
  program: Partial<ProgramSpec> & Pick<ProgramSpec, 'type' | 'section'>,
  type: readonly string[],
): number {
  const object = compileWithClang(source);
  try {
    const spec = specOf(object, program);
    const relocations = [...spec.functions.values()].reduce((n, fn) => n + fn.core.length, 0);
    assert.equal(Buffer.from(bySkep(spec)).toString('hex'), Buffer.from(byLibbpf(object, type)).toString('hex'));
    return relocations;
  } finally {
    object.remove();
  }
}

const PRELUDE = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64; typedef int s32; typedef long long s64;
#define SEC(n) __attribute__((section(n), used))
#define CORE __attribute__((preserve_access_index))
char LICENSE[] SEC("license") = "GPL";
`;

kernelTest('questions about fields, types and enumerators', NEEDS, () =>
  leavesNothing(() => {
    const count = sameAsLibbpf(
      `${PRELUDE}
struct list_head { struct list_head *next, *prev; } CORE;
struct mm_struct;
struct sched_entity { u64 vruntime; u64 nope; } CORE;
struct task_struct { int pid; int tgid; char comm[16]; struct mm_struct *mm; struct sched_entity se; struct task_struct *real_parent; u32 in_execve : 1; u32 no_new_privs : 1; u32 sched_contributes_to_load : 1; int missing; long state; } CORE;
struct task_struct___flavour { int tgid; u64 utime; u64 also_missing; } CORE;
struct sk_buff { u32 len; u32 data_len; u16 mac_len; u8 pkt_type : 3; u8 ignore_df : 1; u8 cloned : 1; u8 ip_summed : 2; u16 protocol; u32 hash; } CORE;
struct no_such_struct { int a; } CORE;
union no_such_union { int a; } CORE;
typedef struct { int counter; } atomic_t;
typedef struct { int nope; } no_such_typedef;
struct iphdr { u8 ihl : 4; u8 version : 4; u8 tos; u16 tot_len; u32 saddr; } CORE;
struct pt_regs___x { int q; };
enum bpf_map_type { BPF_MAP_TYPE_HASH = 77, BPF_MAP_TYPE_RINGBUF = 78, NO_SUCH_ENUMERATOR = 79 };
enum no_such_enum { NOWHERE = 5 };
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };
struct file { void *f_op; u32 f_flags; } CORE;
struct path { void *mnt; void *dentry; } CORE;
struct qstr { union { struct { u32 hash; u32 len; }; u64 hash_len; }; const unsigned char *name; } CORE;
struct dentry { struct qstr d_name; } CORE;

#define ADD(x) sum = sum * 31 + (u64)(x)
#define FIELD(t, f, k) __builtin_preserve_field_info(((t *)0)->f, k)
#define ALL(t, f) ADD(FIELD(t, f, 0)); ADD(FIELD(t, f, 1)); ADD(FIELD(t, f, 2)); ADD(FIELD(t, f, 3)); ADD(FIELD(t, f, 4)); ADD(FIELD(t, f, 5))
#define PLACE(t, f) ADD(FIELD(t, f, 0)); ADD(FIELD(t, f, 1)); ADD(FIELD(t, f, 2))
#define EXISTS(t, f) ADD(FIELD(t, f, 2))
#define TYPE(t, k) ADD(__builtin_preserve_type_info(*(t *)0, k))

SEC("socket") int prog(void *ctx)
{
  u64 sum = *(u32 *)ctx;
  ALL(struct task_struct, pid); PLACE(struct task_struct, comm); PLACE(struct task_struct, mm); ALL(struct task_struct, se.vruntime);
  PLACE(struct task_struct, real_parent); ALL(struct task_struct, in_execve); EXISTS(struct task_struct, no_new_privs); ALL(struct task_struct, sched_contributes_to_load);
  PLACE(struct task_struct, comm[3]);
  EXISTS(struct task_struct, missing); EXISTS(struct task_struct, se.nope); EXISTS(struct task_struct, state); EXISTS(struct task_struct___flavour, also_missing);
  ALL(struct task_struct___flavour, tgid); ALL(struct task_struct___flavour, utime);
  ALL(struct sk_buff, len); ALL(struct sk_buff, mac_len); ALL(struct sk_buff, pkt_type); ALL(struct sk_buff, cloned); ALL(struct sk_buff, ip_summed); ALL(struct sk_buff, protocol); ALL(struct sk_buff, hash);
  ALL(struct iphdr, ihl); ALL(struct iphdr, version); ALL(struct iphdr, saddr);
  ALL(struct dentry, d_name.len); PLACE(struct dentry, d_name.name); ALL(struct dentry, d_name.hash_len);
  PLACE(struct list_head, prev); ADD(FIELD(struct list_head, next, 0)); ALL(struct file, f_flags);
  EXISTS(struct no_such_struct, a); EXISTS(union no_such_union, a);
  TYPE(struct task_struct, 0); TYPE(struct task_struct, 1); TYPE(struct task_struct, 2); TYPE(struct task_struct___flavour, 0); TYPE(struct task_struct___flavour, 2);
  TYPE(struct no_such_struct, 0); TYPE(union no_such_union, 0); TYPE(no_such_typedef, 0); TYPE(atomic_t, 0); TYPE(atomic_t, 1); TYPE(atomic_t, 2);
  TYPE(enum pid_type, 0); TYPE(enum no_such_enum, 0); TYPE(enum pid_type, 2); TYPE(enum bpf_map_type, 2); TYPE(struct list_head, 2); TYPE(struct sched_entity, 2);
  TYPE(struct path, 2); TYPE(struct qstr, 2); TYPE(struct dentry, 2); TYPE(struct file, 1);
  ADD(__builtin_preserve_enum_value(*(typeof(enum bpf_map_type) *)BPF_MAP_TYPE_RINGBUF, 0)); ADD(__builtin_preserve_enum_value(*(typeof(enum bpf_map_type) *)BPF_MAP_TYPE_RINGBUF, 1));
  ADD(__builtin_preserve_enum_value(*(typeof(enum bpf_map_type) *)BPF_MAP_TYPE_HASH, 1)); ADD(__builtin_preserve_enum_value(*(typeof(enum bpf_map_type) *)NO_SUCH_ENUMERATOR, 0));
  ADD(__builtin_preserve_enum_value(*(typeof(enum no_such_enum) *)NOWHERE, 0)); ADD(__builtin_preserve_enum_value(*(typeof(enum pid_type) *)PIDTYPE_TGID, 1));
  ADD(__builtin_btf_type_id(*(struct task_struct *)0, 1)); ADD(__builtin_btf_type_id(*(struct task_struct *)0, 0)); ADD(__builtin_btf_type_id(*(atomic_t *)0, 1));
  return sum;
}`,
      { type: 'socket_filter', section: 'socket' },
      ['type', 'socket'],
    );
    assert.ok(count > 150, `${count} relocations`);
  }),
);

kernelTest('loads and stores: offsets and widths', NEEDS, () =>
  leavesNothing(() => {
    // Widths differ from the kernel's on purpose: unsigned integers and pointers may grow and shrink.
    const count = sameAsLibbpf(
      `${PRELUDE}
struct mm_struct { u64 start_code, end_code; } CORE;
struct task_struct { u64 flags; u32 __state; u64 prio___not; int pid; int tgid; struct task_struct *real_parent, *group_leader; struct mm_struct *mm; u64 start_time; u16 policy; char comm[16]; } CORE;
static long (*read)(void *, u32, const void *) = (void *)113;
SEC("tp_btf/sched_switch") int prog(u64 *ctx)
{
  struct task_struct *p = (struct task_struct *)ctx[1];
  struct task_struct *leader = p->group_leader;
  u64 v = p->flags + p->__state + p->start_time + p->policy;
  v += leader->pid * 3 + leader->real_parent->tgid;
  struct mm_struct *mm = p->mm;
  if (mm) v += mm->start_code;
  char comm[16];
  for (int i = 0; i < 3; i++) v += p->comm[i * 2];
  return v;
}`,
      { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch', section: 'tp_btf/sched_switch' },
      [],
    );
    assert.ok(count >= 9, `${count} relocations`);
  }),
);

kernelTest('what the kernel lacks is poison: harmless where it cannot be reached', NEEDS, () =>
  leavesNothing(() => {
    sameAsLibbpf(
      `${PRELUDE}
struct task_struct { int pid; u64 gone; } CORE;
struct task_struct___signed { s64 pid; } CORE;
enum gone { GONE = 1 };
#define EXISTS(t, f) __builtin_preserve_field_info(((t *)0)->f, 2)
SEC("tp_btf/sched_switch") int prog(u64 *ctx)
{
  struct task_struct *p = (struct task_struct *)ctx[1];
  u64 v = 0;
  if (EXISTS(struct task_struct, gone)) { v += p->gone; v += __builtin_preserve_enum_value(*(typeof(enum gone) *)GONE, 1); }
  return v;
}`,
      { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch', section: 'tp_btf/sched_switch' },
      [],
    );
  }),
);

kernelTest('an access that can be reached says what the kernel lacks', NEEDS, () =>
  leavesNothing(() => {
    const object = compileWithClang(`${PRELUDE}
struct task_struct { int pid; u64 gone; } CORE;
SEC("tp_btf/sched_switch") int prog(u64 *ctx)
{
  struct task_struct *p = (struct task_struct *)ctx[1];
  return p->gone ? 0 : 1;
}`);
    try {
      const spec = specOf(object, { type: 'tracing', attachType: 'trace_raw_tp', target: 'sched_switch', section: 'tp_btf/sched_switch' });
      assert.throws(
        () => loadObject(spec, kernel, { facts }),
        (error: unknown) =>
          error instanceof VerifierError &&
          error.class === 'missing-core' &&
          /struct task_struct\.gone/.test(error.message) &&
          error.source?.line === 11 &&
          /field_exists/.test(error.hint ?? ''),
      );
    } finally {
      object.remove();
    }
  }),
);
