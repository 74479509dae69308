/** funccount: which functions are called, and how often? */
import { printf } from '../render/printf.ts';
import { safe } from '../render/safe.ts';
import { clockText } from '../render/time.ts';
import { parsePattern } from './language/pattern.ts';
import { FILTER, filters } from './parts/filter.ts';
import { placesOf } from './parts/places.ts';
import { loadAttached } from './parts/probe-attach.ts';
import { program } from './parts/text.ts';
import { defineTool, type OptionsOf } from './tool.ts';

const PROGRAM = `
BPF_PERCPU_ARRAY(counts, u64, PLACES);

int count(void *ctx)
{
    u32 place = bpf_get_attach_cookie(ctx);
    u64 *n;

#ifdef ONLY_CPU
    if (bpf_get_smp_processor_id() != ONLY_CPU)
        return 0;
#endif
    if (filtered())
        return 0;
    n = counts.lookup(&place);
    /* Atomic: a program on a function of a process may be preempted by another on the same CPU. */
    if (n)
        __sync_fetch_and_add(n, 1);
    return 0;
}
`;

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  interval: { type: 'number', short: 'i', value: 'SECONDS', help: 'print and start anew this often; 0 as if not given' },
  duration: { type: 'number', short: 'd', value: 'SECONDS', help: 'stop after this long' },
  timestamp: { type: 'boolean', short: 'T', help: 'with the time of day' },
  regexp: { type: 'boolean', short: 'r', help: "the pattern is a regular expression; without, only '*' is special" },
  debug: { type: 'boolean', short: 'D', help: 'print the BPF program before starting' },
  cpu: { type: 'cpu', short: 'c', help: 'only this CPU' },
} as const;

type Options = OptionsOf<typeof FLAGS> & { readonly cgroup?: string | undefined };

const textFor = (places: number, { pid, cpu, cgroup }: Options): string =>
  program({ PLACES: places, ONLY_CPU: cpu, ...filters({ pid, cgroup }) }, FILTER, PROGRAM);

export const tool = defineTool({
  name: 'funccount',
  topic: 'functions',
  summary: 'Count calls of functions, tracepoints and USDT probes by pattern',
  about:
    "The pattern names functions of the kernel ('vfs_*'), of a library or program ('c:malloc', './test:read*'), tracepoints ('t:block:*') or USDT probes ('u:node:gc*'). " +
    'Thousands of kernel functions are attached in one step where the kernel has kprobe.multi (5.18). Functions that were not called are not printed.',
  flags: FLAGS,
  positionals: [{ name: 'pattern', type: 'string', required: true, help: 'what to count' }],
  examples: [
    { command: "funccount 'vfs_*'", help: 'kernel functions that begin with vfs_, until Ctrl-C' },
    { command: "funccount -r '^vfs_(read|write)$' -d 5", help: 'by a regular expression, for five seconds' },
    { command: "funccount -Ti 1 'tcp_send*'", help: 'every second, with the time' },
    { command: 'funccount t:sched:sched_process_fork', help: 'a tracepoint' },
    { command: 'funccount c:malloc -d 5', help: 'a function of libc, in all processes' },
  ],
  fields: [
    { name: 'time', type: 'string', help: 'time of the output, HH:MM:SS' },
    { name: 'function', type: 'string', help: 'name of the function, event or probe' },
    { name: 'count', type: 'integer', help: 'calls since the last output' },
  ],
  probes: [{ kind: 'none', targets: ['what the pattern matches: kprobe, uprobe, tracepoint, USDT'], minKernel: '5.15' }],
  program(options, args) {
    if (args['pattern'] !== undefined) parsePattern(String(args['pattern']), options.regexp);
    return textFor(1, options);
  },
  async run({ options, args, out, loadFirst, rounds, verbose }) {
    const pattern = String(args['pattern']);
    const places = placesOf(parsePattern(pattern, options.regexp), pattern, options.pid);
    const text = textFor(places.names.length, options);
    if (options.debug) out.line(text);
    verbose(text);
    const bpf = await loadAttached(loadFirst, { text }, (bpf) => places.attach(bpf, 'count'));
    out.line(`Tracing ${places.names.length} functions for "${safe(pattern)}"... Hit Ctrl-C to end.`);
    const counts = bpf.map<number, readonly bigint[]>('counts');
    let before: readonly bigint[] = places.names.map(() => 0n);
    for await (const round of rounds(options.interval || options.duration || undefined)) {
      const time = clockText();
      // What was counted before is taken off: clearing would lose what is counted meanwhile.
      const sums = [...counts.values()].map((values) => values.reduce((a, b) => a + b, 0n));
      const rows = places.names.map((name, i) => ({ name, count: (sums[i] ?? 0n) - (before[i] ?? 0n) })).filter(({ count }) => count > 0n);
      before = sums;
      out.line();
      if (options.timestamp) out.line(printf('%-8s', time));
      out.line(printf('%-36s %8s', 'FUNC', 'COUNT'));
      for (const { name, count } of rows.sort((a, b) => Number(a.count - b.count)))
        out.record({ time, function: name, count }, printf('%-36s %8d', safe(name), count));
      if (round.last) out.line('Detaching...');
    }
  },
});
