/**
 * ext4dist: how long do operations of ext4 take?
 *
 *   ext4_file_read_iter, …  entry ─▶ since[tid, operation] = now ─▶ return ─▶ dist[operation], now - since
 *
 * The operation is part of the key: a synchronous write has an fsync within it.
 */
import { FeatureError } from '../kernel/errors.ts';
import { kernelBtf } from '../kernel/kernel-btf.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { clockText } from '../render/time.ts';
import { FILTER, filters } from './parts/filter.ts';
import { HIST, Histograms } from './parts/hist.ts';
import { INTERVAL, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool, type ProbeChoice } from './tool.ts';

const MODULE = 'ext4';
const OPERATIONS = [
  { name: 'read', fn: 'ext4_file_read_iter' },
  { name: 'write', fn: 'ext4_file_write_iter' },
  { name: 'open', fn: 'ext4_file_open' },
  { name: 'fsync', fn: 'ext4_sync_file' },
] as const;

const PROGRAM = `
struct call {
    u32 tid;
    u32 operation;
};

BPF_HASH(since, struct call, u64);
BPF_PERCPU_ARRAY(dist, struct hist, ${OPERATIONS.length});

static inline int entered(u32 operation)
{
    struct call call = { .tid = bpf_get_current_pid_tgid(), .operation = operation };

    if (filtered())
        return 0;
    u64 now = bpf_ktime_get_ns();
    since.update(&call, &now);
    return 0;
}

static inline int left(u32 operation)
{
    struct call call = { .tid = bpf_get_current_pid_tgid(), .operation = operation };
    u64 *at = since.lookup(&call);

    if (!at)
        return 0;
    u64 took = bpf_ktime_get_ns() - *at;
    since.delete(&call);
    struct hist *hist = dist.lookup(&operation);
    /* Programs on functions may be preempted by each other. */
    if (hist)
        hist_add_shared(hist, took / UNIT_NS);
    return 0;
}
`;

/** Whether ext4 is a module or part of the kernel; there may be no types of modules. */
function prefixOf(): string {
  return kernelBtf(linuxKernel(), MODULE) === undefined ? 'vmlinux' : MODULE;
}

function probesText({ kind }: ProbeChoice): string {
  return OPERATIONS.map(({ fn }, i) =>
    kind === 'fentry'
      ? `MODULE_KFUNC_PROBE(${prefixOf()}, ${fn}) { return entered(${i}); }\n` +
        `MODULE_KRETFUNC_PROBE(${prefixOf()}, ${fn}) { return left(${i}); }`
      : `int kprobe__${fn}(struct pt_regs *ctx) { return entered(${i}); }\n` +
        `int kretprobe__${fn}(struct pt_regs *ctx) { return left(${i}); }`,
  ).join('\n');
}

export const tool = defineTool({
  name: 'ext4dist',
  topic: 'files',
  summary: 'Summarize ext4 operation latency',
  about:
    'Measures how long reads, writes, opens and fsyncs of files on ext4 take, and prints a power-of-two histogram for each: ' +
    'what a process waits for, the page cache included, whatever the disk below does.',
  flags: {
    notimestamp: { type: 'boolean', short: 'T', help: 'no time above each output' },
    milliseconds: { type: 'boolean', short: 'm', help: 'milliseconds instead of microseconds' },
    pid: { type: 'pid', short: 'p', help: 'only this process' },
  },
  positionals: INTERVAL,
  examples: [
    { command: 'ext4dist', help: 'until Ctrl-C, then a histogram for each operation' },
    { command: 'ext4dist -p 181', help: 'process 181 alone' },
    { command: 'ext4dist 1 10', help: 'once a second, ten times' },
    { command: 'ext4dist -m 5', help: 'milliseconds, every five seconds' },
    { command: 'ext4dist --json 5', help: 'a JSON line for each operation' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'operation', type: 'string', help: OPERATIONS.map(({ name }) => `"${name}"`).join(', ') },
    { name: 'unit', type: 'string', help: '"usecs" or "msecs"' },
    { name: 'buckets', type: 'array', help: 'rows with low and high (both included) and count' },
  ],
  probes: [
    { kind: 'fentry', targets: OPERATIONS.map(({ fn }) => `${MODULE}:${fn}`) },
    { kind: 'kprobe', targets: OPERATIONS.map(({ fn }) => `${MODULE}:${fn}`) },
  ],
  program: (options, _args, choice) =>
    program({ ...filters(options), UNIT_NS: options.milliseconds ? 1_000_000 : 1000 }, FILTER, HIST, PROGRAM, probesText(choice)),
  async run({ options, args, out, load, rounds }) {
    const kernel = linuxKernel();
    if (!kernel.exists(`/sys/module/${MODULE}`) && !kernel.exists(`/sys/fs/${MODULE}`))
      throw new FeatureError('ext4', {
        why: 'its module is not loaded',
        hint: 'it is when the first ext4 file system is mounted (or: modprobe ext4)',
      });
    const bpf = await load();
    out.line('Tracing ext4 operation latency... Hit Ctrl-C to end.');
    const histograms = new Histograms<number>(bpf.map('dist'));
    const unit = options.milliseconds ? 'msecs' : 'usecs';
    for await (const _ of roundsOf({ args, rounds })) {
      const now = new Date();
      out.line();
      if (args['interval'] !== undefined && !options.notimestamp) out.line(`${clockText(now.getTime())}:`);
      for (const { key, slots } of histograms.take()) {
        const operation = OPERATIONS[key]?.name ?? '';
        out.lines(['', `operation = ${operation}`]);
        out.log2(slots, unit, { time: now.toISOString(), operation });
      }
    }
  },
});
