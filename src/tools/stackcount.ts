/** stackcount: which ways lead to a function, and how often is each gone? */
import type { BPF } from '../bcc/bpf.ts';
import type { Stack } from '../bcc/stacks.ts';
import { printf } from '../render/printf.ts';
import { safe } from '../render/safe.ts';
import { foldedStack } from '../render/stacks.ts';
import { clockText } from '../render/time.ts';
import { parsePattern } from './language/pattern.ts';
import { FILTER, filters } from './parts/filter.ts';
import { placesOf } from './parts/places.ts';
import { loadAttached } from './parts/probe-attach.ts';
import { STACK_FLAGS, sidesOf, withoutTracing } from './parts/stack-report.ts';
import { program } from './parts/text.ts';
import { defineTool, type OptionsOf, type ToolContext } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct key_t {
    u32 tgid;
    s32 kernel_stack;
    s32 user_stack;
    char comm[TASK_COMM_LEN];
};
BPF_HASH(counts, struct key_t, u64, 10240);
BPF_STACK_TRACE(stacks, STACK_STORAGE);

int count(void *ctx)
{
    struct key_t key = {};

#ifdef ONLY_CPU
    if (bpf_get_smp_processor_id() != ONLY_CPU)
        return 0;
#endif
    if (filtered())
        return 0;
#ifdef PER_PROCESS
    key.tgid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&key.comm, sizeof(key.comm));
#endif
#ifdef KERNEL_STACKS
    key.kernel_stack = stacks.get_stackid(ctx, 0);
#endif
#ifdef USER_STACKS
    key.user_stack = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#endif
    counts.atomic_increment(key);
    return 0;
}
`;

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  cpu: { type: 'cpu', short: 'c', help: 'only this CPU' },
  interval: { type: 'number', short: 'i', value: 'SECONDS', help: 'print and start anew this often; 0 as if not given' },
  duration: { type: 'number', short: 'D', value: 'SECONDS', help: 'stop after this long' },
  timestamp: { type: 'boolean', short: 'T', help: 'with the time of day' },
  regexp: { type: 'boolean', short: 'r', help: "the pattern is a regular expression; without, only '*' is special" },
  offset: { type: 'boolean', short: 's', help: 'offsets into the functions' },
  perpid: { type: 'boolean', short: 'P', help: 'stacks of each process apart' },
  ...STACK_FLAGS,
  'stack-storage-size': { ...STACK_FLAGS['stack-storage-size'], default: 10240 },
  verbose: { type: 'boolean', short: 'v', help: 'raw addresses; on stderr, what is done' },
  debug: { type: 'boolean', help: 'print the BPF program before starting' },
} as const;

type Options = OptionsOf<typeof FLAGS> & { readonly cgroup?: string | undefined };

interface Key {
  readonly tgid: number;
  readonly kernel_stack: number;
  readonly user_stack: number;
  readonly comm: string;
}

export const tool = defineTool({
  name: 'stackcount',
  topic: 'functions',
  summary: 'Count stack traces that lead to functions, tracepoints and USDT probes',
  about:
    "Patterns are those of funccount: 'submit_bio', 'tcp_send*', 'c:malloc', 't:sched:sched_switch', 'u:pthread:pthread_create'. " +
    'Each distinct stack is printed with how often it was seen, the most frequent last; names of user functions need -P or -p, which keep processes apart.',
  flags: FLAGS,
  positionals: [{ name: 'pattern', type: 'string', required: true, help: 'what to count' }],
  examples: [
    { command: 'stackcount submit_bio', help: 'who makes block requests, until Ctrl-C' },
    { command: 'stackcount -K -D 5 ip_output', help: 'stacks of the kernel only, for five seconds' },
    { command: "stackcount -s -D 5 'vfs_fsync*'", help: 'by a pattern, with offsets' },
    { command: 'stackcount -P -D 5 t:sched:sched_process_fork', help: 'a tracepoint, each process apart' },
    { command: 'stackcount -f -P -D 5 c:malloc', help: 'folded, for a flame graph' },
  ],
  fields: [
    { name: 'time', type: 'string', help: 'time of the output, HH:MM:SS' },
    { name: 'pid', type: 'integer', help: '-P, -p: the process' },
    { name: 'comm', type: 'string', help: '-P, -p: its name' },
    { name: 'kernel_stack', type: 'array', help: 'names of functions, innermost first' },
    { name: 'user_stack', type: 'array', help: 'the same in user space' },
    { name: 'count', type: 'integer', help: 'how often' },
  ],
  probes: [{ kind: 'none', targets: ['what the pattern matches: kprobe, uprobe, tracepoint, USDT'], minKernel: '5.15' }],
  program(options, args) {
    if (args['pattern'] !== undefined) parsePattern(String(args['pattern']), options.regexp);
    const { pid, cpu, cgroup } = options;
    const { kernel, user } = sidesOf(options);
    return program(
      {
        STACK_STORAGE: options['stack-storage-size'],
        ONLY_CPU: cpu,
        PER_PROCESS: options.perpid || pid !== undefined,
        KERNEL_STACKS: kernel,
        USER_STACKS: user,
        ...filters({ pid, cgroup }),
      },
      FILTER,
      PROGRAM,
    );
  },
  async run({ options, args, out, loadFirst, rounds, warn, choice }) {
    const pattern = String(args['pattern']);
    const places = placesOf(parsePattern(pattern, options.regexp), pattern, options.pid);
    const text = tool.program(options, args, choice);
    if (options.debug) out.line(text);
    const bpf = await loadAttached(loadFirst, { text }, (bpf) => places.attach(bpf, 'count'));
    if (options.pid !== undefined) bpf.symbols.see(options.pid);
    if (!options.folded) out.line(`Tracing ${places.names.length} functions for "${safe(pattern)}"... Hit Ctrl-C to end.`);
    let missed = 0;
    for await (const round of rounds(options.interval || options.duration || undefined)) {
      const time = clockText();
      if (!options.folded) out.line();
      if (options.timestamp) out.line(printf('%-8s', time));
      const rows = [...bpf.map<Key, bigint>('counts').drain()].sort((a, b) => Number(a[1] - b[1]));
      for (const [key, count] of rows) missed += show(bpf, out, options, time, key, count);
      if (round.last && !options.folded) out.line('Detaching...');
    }
    if (missed > 0) warn(`${missed} stack traces lost and could not be displayed. Consider increasing --stack-storage-size.`);
  },
});

/** Returns how many stacks are missing. */
function show(bpf: BPF, out: ToolContext['out'], options: Options, time: string, key: Key, count: bigint): number {
  const { kernel, user } = sidesOf(options);
  const apart = options.perpid || options.pid !== undefined;
  const format = { showOffset: options.offset };
  const kernelStack = kernel ? withoutTracing(bpf.kernelStack('stacks', key.kernel_stack)) : undefined;
  const userStack = user ? bpf.userStack('stacks', key.user_stack, key.tgid) : undefined;
  const sides = { kernel: kernelStack?.names(format) ?? [], user: userStack?.names(format) ?? [], delimited: options.delimited };
  const missed = [kernelStack, userStack].filter((stack) => stack?.missed === true).length;
  if (out.json) {
    const stacks = { ...(kernel ? { kernel_stack: sides.kernel } : {}), ...(user ? { user_stack: sides.user } : {}) };
    out.record({ time, ...(apart ? { pid: key.tgid, comm: key.comm } : {}), ...stacks, count }, undefined);
    return missed;
  }
  if (options.folded) {
    out.line(foldedStack(key.comm, sides, count));
    return missed;
  }
  const lines = (stack: Stack | undefined, names: readonly string[]) =>
    names.map((name, i) => `  ${options.verbose ? printf('%-16x ', stack?.frames[i]?.address ?? 0n) : ''}${name}`);
  out.lines([
    ...lines(kernelStack, sides.kernel),
    ...(options.delimited && kernel && user ? ['    --'] : []),
    ...lines(userStack, sides.user),
    ...(apart && options.pid === undefined ? [`    ${safe(key.comm)} [${key.tgid}]`] : []),
    `    ${count}`,
    '',
  ]);
  return missed;
}
