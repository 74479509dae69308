/** capable: which capabilities does the kernel check, for whom? */
import { Columns } from '../render/columns.ts';
import { stackLines } from '../render/stacks.ts';
import { EventClock } from '../render/time.ts';
import { capabilityName } from './parts/capabilities.ts';
import { COMM, PID, TID, TIME, UID } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const RECORD = `
#include <linux/sched.h>

#define CAP_OPT_NOAUDIT 2
#define CAP_OPT_INSETID 4
/* The tracepoint does not tell. */
#define UNKNOWN -1

struct event {
    u64 ts;
    u32 pid;
    u32 tid;
    u32 uid;
    int cap;
    int audit;
    int insetid;
    s64 kernel_stack;
    s64 user_stack;
    char comm[TASK_COMM_LEN];
};

BPF_RINGBUF_OUTPUT(events, 64);
#if defined(KERNEL_STACK) || defined(USER_STACK)
BPF_STACK_TRACE(stacks, 2048);
#endif

#ifdef UNIQUE
struct check {
    u64 who;
    s64 kernel_stack;
    s64 user_stack;
    u64 cap;
};

BPF_HASH(seen, struct check, u8, 10240);
#endif

static inline int checked(void *ctx, int cap, int audit, int insetid)
{
    struct event e = {};
    u64 id = bpf_get_current_pid_tgid();

    if (filtered())
        return 0;
#ifndef NOT_AUDITED_TOO
    if (audit == 0)
        return 0;
#endif
#ifdef KERNEL_STACK
    e.kernel_stack = stacks.get_stackid(ctx, 0);
#endif
#ifdef USER_STACK
    e.user_stack = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#endif
#ifdef UNIQUE
    struct check check = { .kernel_stack = e.kernel_stack, .user_stack = e.user_stack, .cap = cap };
    u8 one = 1;
#if defined(FILTER_CGROUP) || defined(FILTER_CGROUP_SET)
    check.who = bpf_get_current_cgroup_id();
#else
    check.who = id >> 32;
#endif
    if (seen.lookup(&check))
        return 0;
    seen.update(&check, &one);
#endif
    e.ts = bpf_ktime_get_ns();
    e.pid = id >> 32;
    e.tid = id;
    e.uid = bpf_get_current_uid_gid();
    e.cap = cap;
    e.audit = audit;
    e.insetid = insetid;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    events.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}
`;

const AUDIT_OF_OPTS = '(opts & CAP_OPT_NOAUDIT) == 0, (opts & CAP_OPT_INSETID) != 0';

const PROBES: Readonly<Record<string, string>> = {
  fentry: `
KFUNC_PROBE(cap_capable, const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)
{
    return checked(ctx, cap, ${AUDIT_OF_OPTS});
}
`,
  kprobe: `
int kprobe__cap_capable(struct pt_regs *ctx, const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)
{
    return checked(ctx, cap, ${AUDIT_OF_OPTS});
}
`,
  tracepoint: `
TRACEPOINT_PROBE(capability, cap_capable)
{
    return checked(args, args->cap, UNKNOWN, UNKNOWN);
}
`,
};

interface Check {
  readonly ts: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly cap: number;
  readonly audit: number;
  readonly insetid: number;
  readonly kernel_stack: bigint;
  readonly user_stack: bigint;
  readonly comm: string;
}

const told = (value: number): string => (value < 0 ? '?' : String(value));
const json = (value: number): boolean | null => (value < 0 ? null : value !== 0);
const NAMED = { showModule: true, showOffset: true } as const;

export const tool = defineTool({
  name: 'capable',
  topic: 'security',
  summary: 'Trace security capability checks (cap_capable())',
  about:
    'Prints a line each time the kernel asks whether a task has a capability: what a program would need, to be run with ' +
    'fewer. Checks that are not audited (AUDIT 0: the kernel only chooses a way) are left out unless -v is given. Where ' +
    'only the tracepoint can be used, AUDIT and INSETID are not known and nothing is left out.',
  flags: {
    verbose: { type: 'boolean', short: 'v', help: 'also checks that are not audited; say on stderr what is done' },
    pid: PID_FLAG,
    'kernel-stack': { type: 'boolean', short: 'K', help: 'print the stack in the kernel' },
    'user-stack': { type: 'boolean', short: 'U', help: 'print the stack in the process' },
    extra: { type: 'boolean', short: 'x', help: 'print TID and INSETID' },
    ...CONTAINER_FLAGS,
    unique: { type: 'boolean', help: 'each check of a process (with --cgroup: of a cgroup) by the same way only once' },
  },
  positionals: [],
  examples: [
    { command: 'capable', help: 'all audited checks' },
    { command: 'capable -v', help: 'all checks' },
    { command: 'capable -p 181', help: 'only process 181' },
    { command: 'capable -K -U', help: 'with stacks' },
    { command: 'capable -x', help: 'with thread and INSETID' },
    { command: 'capable --unique', help: 'what each process is asked for, once' },
    { command: 'capable --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    UID,
    PID,
    TID,
    COMM,
    { name: 'cap', type: 'integer', help: 'number of the capability' },
    { name: 'name', type: 'string', help: 'its name' },
    { name: 'audit', type: 'boolean', help: 'whether the check is audited; null where that is not known' },
    { name: 'insetid', type: 'boolean', help: 'whether it is made in setuid() and its kin; null where that is not known' },
    { name: 'kernel_stack', type: 'array', help: 'names, innermost first; only with -K; null if it was missed' },
    { name: 'user_stack', type: 'array', help: 'the same of the process; only with -U' },
  ],
  probes: [
    { kind: 'fentry', targets: ['cap_capable'], minKernel: '5.8' },
    { kind: 'kprobe', targets: ['cap_capable'], minKernel: '5.8' },
    { kind: 'tracepoint', targets: ['capability:cap_capable'] },
  ],
  program: (options, _args, { kind }) =>
    program(
      {
        ...filters(options),
        NOT_AUDITED_TOO: options.verbose,
        KERNEL_STACK: options['kernel-stack'],
        USER_STACK: options['user-stack'],
        UNIQUE: options.unique,
      },
      FILTER,
      RECORD,
      PROBES[kind] ?? '',
    ),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Check>([
      { head: 'TIME', format: '%-9s ', value: (e) => clock.text(e.ts) },
      { head: 'UID', format: '%-6d ', value: (e) => e.uid },
      { head: 'PID', format: '%-6d ', value: (e) => e.pid },
      options.extra && { head: 'TID', format: '%-6d ', value: (e) => e.tid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'CAP', format: '%-4d ', value: (e) => e.cap },
      { head: 'NAME', format: '%-20s ', value: (e) => capabilityName(e.cap) },
      options.extra
        ? { head: 'AUDIT', format: '%-6s ', value: (e) => told(e.audit) }
        : { head: 'AUDIT', format: '%-6s', value: (e) => told(e.audit) },
      options.extra && { head: 'INSETID', format: '%s', value: (e) => told(e.insetid) },
    ]);
    out.line(columns.header);

    const stack = (id: bigint, name: () => readonly string[]): readonly string[] | null => (id < 0n ? null : name());
    const kernelStack = (e: Check) => stack(e.kernel_stack, () => bpf.kernelStack('stacks', e.kernel_stack).names(NAMED));
    const userStack = (e: Check) => stack(e.user_stack, () => bpf.userStack('stacks', e.user_stack, e.pid).names(NAMED));
    const print = (title: string, names: readonly string[] | null): void =>
      out.lines(names === null ? [`    [Missed ${title} Stack]`] : stackLines({ kernel: names }, 8));

    await events<Check>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        uid: e.uid,
        pid: e.pid,
        tid: e.tid,
        comm: e.comm,
        cap: e.cap,
        name: capabilityName(e.cap),
        audit: json(e.audit),
        insetid: json(e.insetid),
        ...(options['kernel-stack'] ? { kernel_stack: kernelStack(e) } : {}),
        ...(options['user-stack'] ? { user_stack: userStack(e) } : {}),
      }));
      if (out.json) return;
      if (options['kernel-stack']) print('Kernel', kernelStack(event));
      if (options['user-stack']) print('User', userStack(event));
    });
  },
});
