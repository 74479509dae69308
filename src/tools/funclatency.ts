/**
 * funclatency: how long do functions take, of the kernel or of programs and libraries?
 *
 *   entry ─▶ calls[tid] = function, now ─▶ return ─▶ dist[function], now - then
 *
 * Of functions that call each other (or themselves), the innermost call is measured; with -l N the outermost N.
 */
import type { BPF } from '../bcc/bpf.ts';
import { UsageError } from '../kernel/errors.ts';
import { safe } from '../render/safe.ts';
import { type Pattern, parsePattern } from './language/pattern.ts';
import { FILTER, filters } from './parts/filter.ts';
import { extensionLines, HIST, Histograms } from './parts/hist.ts';
import { heading, TIME_FIELD, TIMESTAMP } from './parts/intervals.ts';
import { Sums } from './parts/sums.ts';
import { program } from './parts/text.ts';
import { defineTool, type OptionsOf, type ToolContext } from './tool.ts';

const PROGRAM = `
struct call {
    u64 ip;
    u64 at;
};

struct where {
    u64 ip;
    u64 pid;
};

struct sum {
    u64 count;
    u64 ns;
};

BPF_PERCPU_ARRAY(sums, struct sum, 1);
#ifdef BY_FUNCTION
BPF_HASH(dist, struct where, struct hist, 4096);
#else
BPF_PERCPU_ARRAY(dist, struct hist, 1);
#endif

#ifdef LEVELS
struct stack {
    u64 depth;
    struct call calls[LEVELS];
};
BPF_HASH(stacks, u32, struct stack);
static const struct stack no_stack;
#else
BPF_HASH(calls, u32, struct call);
#endif

int on_entry(struct pt_regs *ctx)
{
    u32 tid = bpf_get_current_pid_tgid();

    if (filtered())
        return 0;
    struct call call = { .ip = PT_REGS_IP(ctx), .at = bpf_ktime_get_ns() };
#ifdef LEVELS
    struct stack *stack = stacks.lookup_or_try_init(&tid, (void *)&no_stack);
    if (!stack)
        return 0;
    u64 depth = stack->depth;
    if (depth < LEVELS)
        stack->calls[depth] = call;
    stack->depth = depth + 1;
#else
    calls.update(&tid, &call);
#endif
    return 0;
}

int on_return(struct pt_regs *ctx)
{
    u64 now = bpf_ktime_get_ns();
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct call call;

#ifdef LEVELS
    struct stack *stack = stacks.lookup(&tid);
    /* Calls that had begun before are not known. */
    if (!stack)
        return 0;
    if (stack->depth == 0)
        return 0;
    u64 depth = stack->depth - 1;
    stack->depth = depth;
    if (depth >= LEVELS)
        return 0;
    call = stack->calls[depth];
    if (depth == 0)
        stacks.delete(&tid);
#else
    struct call *known = calls.lookup(&tid);
    if (!known)
        return 0;
    call = *known;
    calls.delete(&tid);
#endif
    u64 took = now - call.at;
    int one = 0;
    struct sum *sum = sums.lookup(&one);
    if (sum) {
        __sync_fetch_and_add(&sum->count, 1);
        __sync_fetch_and_add(&sum->ns, took);
    }
#ifdef BY_FUNCTION
    struct where where = { .ip = call.ip };
#ifdef BY_PROCESS
    where.pid = id >> 32;
#endif
    struct hist *hist = dist.lookup_or_try_init(&where, (void *)&no_hist);
#else
    struct hist *hist = dist.lookup(&one);
#endif
    /* Programs on functions of user space may be preempted by each other. */
    if (hist)
        hist_add_shared(hist, took / UNIT_NS);
    return 0;
}
`;

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  interval: { type: 'number', short: 'i', value: 'SECONDS', help: 'print every so many seconds; 0 as if not given' },
  duration: { type: 'number', short: 'd', value: 'SECONDS', help: 'stop after this long' },
  timestamp: TIMESTAMP,
  microseconds: { type: 'boolean', short: 'u', help: 'microseconds instead of nanoseconds' },
  milliseconds: { type: 'boolean', short: 'm', help: 'milliseconds instead of nanoseconds' },
  function: { type: 'boolean', short: 'F', help: 'a histogram for each function' },
  regexp: { type: 'boolean', short: 'r', help: 'the pattern is a regular expression' },
  level: { type: 'count', short: 'l', help: 'measure the outermost so many calls of functions that nest' },
} as const;

type Options = OptionsOf<typeof FLAGS>;

const UNITS = { nsecs: 1n, usecs: 1000n, msecs: 1_000_000n } as const;
/** A stack of calls is a map's value of 16 bytes a level. */
const MAX_LEVEL = 1000;

function unitOf({ microseconds, milliseconds }: Options): keyof typeof UNITS {
  return milliseconds ? 'msecs' : microseconds ? 'usecs' : 'nsecs';
}

function patternOf(args: ToolContext['args'], { regexp }: Options): Pattern {
  const pattern = parsePattern(String(args['pattern'] ?? ''), regexp);
  if (pattern.probe.kind !== 'p') throw new UsageError('only functions have a latency: give a function, or library:function');
  return pattern;
}

/** One histogram for each function, and for each process where the same address means different things. */
function groupingOf(options: Options, inLibrary: boolean): { readonly function: boolean; readonly process: boolean } {
  return { function: options.function || (inLibrary && options.pid === undefined), process: inLibrary };
}

/** Attaches to all that match, returns first: a call seen at its entry alone would wait forever. Returns their number. */
function attachBoth(bpf: BPF, { probe, matches, exact }: Pattern, pid: number | undefined): number {
  const { library, name } = probe;
  if (library === '') {
    const target = exact ? name : matches;
    bpf.attachKretprobe(target, 'on_return');
    return bpf.attachKprobe(target, 'on_entry').places;
  }
  const place = { name: library, ...(exact ? { sym: name } : { symRe: matches }), ...(pid === undefined ? {} : { pid }) };
  bpf.attachUretprobe(place, 'on_return');
  return bpf.attachUprobe(place, 'on_entry').places;
}

interface Where {
  readonly ip: bigint;
  readonly pid: bigint;
}

export const tool = defineTool({
  name: 'funclatency',
  topic: 'functions',
  summary: 'Time functions and print latency as a histogram',
  about:
    'Measures the time from entry to return of functions of the kernel (name) or of a library or program (library:name) and ' +
    'prints power-of-two histograms; * in the name stands for any text. Of functions that match and call each other, the ' +
    'innermost call is measured: -l measures the outermost ones instead.',
  flags: FLAGS,
  positionals: [{ name: 'pattern', type: 'string', required: true, help: 'function, library:function, or a pattern of either' }],
  examples: [
    { command: 'funclatency do_sys_openat2', help: 'a function of the kernel' },
    { command: 'funclatency -u vfs_read', help: 'in microseconds' },
    { command: 'funclatency -mTi 5 vfs_read', help: 'milliseconds, every five seconds, with the time' },
    { command: 'funclatency -p 181 vfs_read', help: 'process 181 alone' },
    { command: "funclatency -F 'vfs_r*'", help: 'each function that matches by itself' },
    { command: 'funclatency c:malloc -d 5', help: 'a function of the C library, for five seconds' },
    { command: "funclatency -r '^vfs_(read|write)$'", help: 'by regular expression' },
    { command: 'funclatency --json -i 1 vfs_read', help: 'a JSON line a second' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'function', type: 'string', help: 'with -F, or of a library' },
    { name: 'pid', type: 'integer', help: 'process, of functions of a library' },
    { name: 'unit', type: 'string', help: '"nsecs", "usecs" or "msecs"' },
    { name: 'buckets', type: 'array', help: 'rows with low and high (both included) and count' },
    { name: 'total', type: 'integer', help: 'sum over all calls, in the unit; without -F' },
    { name: 'count', type: 'integer', help: 'calls; without -F' },
  ],
  probes: [
    { kind: 'kprobe', targets: ['functions of the kernel, and their returns'] },
    { kind: 'uprobe', targets: ['functions of programs and libraries, and their returns'] },
  ],
  program(options, args) {
    const { level } = options;
    if (level !== undefined && level > MAX_LEVEL) throw new UsageError(`--level is at most ${MAX_LEVEL}`);
    const inLibrary = args['pattern'] !== undefined && patternOf(args, options).probe.library !== '';
    const by = groupingOf(options, inLibrary);
    const defines = {
      ...filters(options),
      BY_FUNCTION: by.function,
      BY_PROCESS: by.process,
      LEVELS: level !== undefined && level > 1 ? level : undefined,
      UNIT_NS: UNITS[unitOf(options)],
    };
    return program(defines, FILTER, HIST, PROGRAM);
  },
  async run({ options, args, out, loadFirst, choice, rounds }) {
    const pattern = patternOf(args, options);
    const inLibrary = pattern.probe.library !== '';
    const by = groupingOf(options, inLibrary);
    let places = 0;
    const text = tool.program(options, args, choice);
    const attach = (bpf: BPF): void => {
      places = attachBoth(bpf, pattern, options.pid);
    };
    const { bpf } = await loadFirst([{ probes: [], load: { text }, attach }]);
    out.line(`Tracing ${places} functions for "${safe(String(args['pattern']))}"... Hit Ctrl-C to end.`);
    const unit = unitOf(options);
    const histograms = new Histograms<Where>(bpf.map('dist'));
    const sums = new Sums<number, { count: bigint; ns: bigint }>(bpf.map('sums'));
    const nameOf = ({ ip, pid }: Where): string => (inLibrary ? bpf.sym(ip, Number(pid)) : bpf.ksym(ip));
    for await (const _ of rounds(options.interval || undefined)) {
      const time = heading(out, options.timestamp);
      const [[, sum] = [0, { count: 0n, ns: 0n }]] = sums.take();
      const all = { total: sum.ns / UNITS[unit], count: sum.count };
      for (const { key, slots } of histograms.take()) {
        if (!by.function) {
          out.log2(slots, unit, { time, ...all });
          continue;
        }
        const name = nameOf(key);
        out.lines(['', `Function = ${safe(name)}${by.process ? ` [${key.pid}]` : ''}`]);
        out.log2(slots, unit, { time, function: name, ...(by.process ? { pid: Number(key.pid) } : {}) });
      }
      extensionLines(out, all, unit);
    }
    out.line('Detaching...');
  },
});
