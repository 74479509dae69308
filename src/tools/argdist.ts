/** argdist: how are the arguments, or the results, of functions distributed? */

import { collectSlots } from '../bcc/histograms.ts';
import { UsageError } from '../kernel/errors.ts';
import { log2Lines, log2Rows } from '../render/histogram.ts';
import { printf } from '../render/printf.ts';
import { safe } from '../render/safe.ts';
import { clockText } from '../render/time.ts';
import {
  type ArgdistProbe,
  argdistProgram,
  countsOf,
  entryProgramOf,
  needsEntry,
  programOf,
  textsOf,
  valuesOf,
} from './language/argdist-program.ts';
import { parseArgdist } from './language/argdist-spec.ts';
import { FILTER, filters } from './parts/filter.ts';
import { attachProbe, loadAttached, resolveFunction, usdtOf } from './parts/probe-attach.ts';
import { atTheName, withLargestText } from './parts/probe-errors.ts';
import { program } from './parts/text.ts';
import { defineTool, type OptionsOf, type ToolContext } from './tool.ts';

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  tid: { type: 'pid', short: 't', value: 'TID', help: 'only this thread' },
  'string-size': { type: 'count', short: 'z', default: 80, help: 'how much of a string is kept, in bytes' },
  interval: { type: 'seconds', short: 'i', value: 'SECONDS', default: 1, help: 'time between outputs' },
  duration: { type: 'number', short: 'd', value: 'SECONDS', help: 'stop after this long' },
  number: { type: 'count', short: 'n', value: 'COUNT', help: 'stop after so many outputs' },
  cumulative: { type: 'boolean', short: 'c', help: 'keep counting from one output to the next' },
  top: { type: 'count', short: 'T', help: 'only the most frequent values' },
  histogram: { type: 'strings', short: 'H', value: 'SPEC', help: 'a histogram of one expression' },
  count: { type: 'strings', short: 'C', value: 'SPEC', help: 'how often each value comes' },
  include: { type: 'strings', short: 'I', value: 'HEADER', help: 'include a header; types of the kernel need none' },
} as const;

type Options = OptionsOf<typeof FLAGS> & { readonly cgroup?: string | undefined };

function probesOf(options: Options): ArgdistProbe[] {
  const given = [
    ...(options.count ?? []).map((text) => ({ text, use: 'count' as const })),
    ...(options.histogram ?? []).map((text) => ({ text, use: 'histogram' as const })),
  ];
  if (given.length === 0) throw new UsageError('at least one -C or -H is needed', [], "'skep argdist --help' has examples");
  return given.map(({ text, use }, i) => {
    const spec = parseArgdist(text, use);
    const { probe, syscall } = resolveFunction(spec.probe);
    return { spec: { ...spec, probe }, use, number: i + 1, syscall };
  });
}

function textFor(probes: readonly ArgdistProbe[], options: Options): string {
  const { pid, tid, cgroup, include } = options;
  return program(
    filters({ pid, tid, cgroup }),
    FILTER,
    (include ?? []).map((header) => (/^[./]/.test(header) ? `#include "${header}"` : `#include <${header}>`)).join('\n'),
    argdistProgram(probes, options['string-size'], '    if (filtered())\n        return 0;'),
  );
}

function readable(error: unknown, probes: readonly ArgdistProbe[], stringSize: number): unknown {
  const specs = probes.map(({ spec }) => spec);
  return withLargestText(atTheName(error, specs), stringSize, textsOf(probes));
}

export const tool = defineTool({
  name: 'argdist',
  topic: 'functions',
  summary: 'Show the distribution of the arguments or results of functions',
  about:
    "A specification names a function or event, the type and the value to collect, and may filter and label it: 'p::vfs_read(void *file, char *buf, size_t count):size_t:count:count > 100#big reads'. " +
    'Kinds are p (entry), r (return), t (tracepoint) and u (USDT); an empty library is the kernel. Return probes know $retval, $entry(parameter) and $latency (nanoseconds). -C counts each value, -H makes a histogram of powers of two. ' +
    'Type char* collects text.',
  flags: FLAGS,
  positionals: [],
  examples: [
    {
      command: "argdist -C 'p::vfs_read(void *f, char *buf, size_t n):size_t:n'",
      help: 'sizes that are read, each with its count',
    },
    {
      command: "argdist -H 'r::vfs_read():u64:$latency/1000#usecs' -i 5",
      help: 'a histogram of how long reads take',
    },
    { command: "argdist -C 'p:c:write(int fd):int:fd' -T 5", help: 'the five file descriptors that libc writes to most' },
    { command: "argdist -C 't:syscalls:sys_enter_openat():char*:args->filename'", help: 'names of files that are opened' },
    { command: "argdist -H 't:block:block_rq_issue():u32:args->bytes' -n 1 -i 10", help: 'ten seconds of block requests' },
  ],
  fields: [
    { name: 'time', type: 'string', help: 'time of the output, HH:MM:SS' },
    { name: 'probe', type: 'string', help: 'label or specification' },
    { name: 'values', type: 'object', help: '-C: expression and value' },
    { name: 'count', type: 'integer', help: '-C: how often' },
    { name: 'unit', type: 'string', help: '-H: label or expression' },
    { name: 'buckets', type: 'array', help: '-H: rows with low and high (both included) and count' },
  ],
  probes: [{ kind: 'none', targets: ['the probes given: kprobe, uprobe, tracepoint, USDT'] }],
  program: (options) => textFor(probesOf(options), options),
  async run({ options, loadFirst, rounds, out, verbose }) {
    const probes = probesOf(options);
    const text = textFor(probes, options);
    verbose(text);
    const usdt = usdtOf(
      probes.map((probe) => [probe.spec.probe, programOf(probe)]),
      options.pid,
    );
    const bpf = await loadAttached(loadFirst, { text, usdt }, (bpf) => {
      for (const probe of probes) {
        // The entry first: a return without one is passed over.
        if (needsEntry(probe)) attachProbe(bpf, { ...probe.spec.probe, kind: 'p' }, entryProgramOf(probe), options.pid);
        attachProbe(bpf, probe.spec.probe, programOf(probe), options.pid);
      }
    }).catch((error: unknown) => {
      throw readable(error, probes, options['string-size']);
    });
    const before = new Map<ArgdistProbe, readonly bigint[]>();
    for await (const _ of rounds(options.interval, options.number)) {
      const time = clockText();
      out.line(`[${time}]`);
      for (const probe of probes) {
        const table = bpf.map(countsOf(probe));
        if (probe.use === 'count') {
          const rows = [...(options.cumulative ? table.entries() : table.drain())];
          showCounts(out, time, probe, rows as [Record<string, unknown>, bigint][], options.top);
          continue;
        }
        // Histograms are arrays: what was shown before is taken off, as clearing would lose what is counted meanwhile.
        const sums = [...table.values()] as bigint[];
        showHistogram(
          out,
          time,
          probe,
          sums.map((sum, i) => [i, sum - (before.get(probe)?.[i] ?? 0n)] as const),
        );
        if (!options.cumulative) before.set(probe, sums);
      }
    }
  },
});

type Out = ToolContext['out'];

function showCounts(
  out: Out,
  time: string,
  probe: ArgdistProbe,
  rows: readonly [Record<string, unknown>, bigint][],
  top: number | undefined,
): void {
  const { label } = probe.spec;
  const names = valuesOf(probe).map(({ shown }) => shown);
  out.line(safe(label));
  out.line(printf('\t%-10s %s', 'COUNT', 'EVENT'));
  const sorted = rows.toSorted((a, b) => Number(a[1] - b[1]));
  for (const [key, count] of sorted.slice(top === undefined ? 0 : -top)) {
    const values = names.map((name, i) => [name, textOf(key[`v${i}`])] as const);
    const event = values.map(([name, value]) => (name === '' ? 'total calls' : `${name} = ${String(value)}`)).join(', ');
    out.record(
      { time, probe: label, values: Object.fromEntries(values.filter(([name]) => name !== '')), count },
      printf('\t%-10s %s', String(count), safe(event)),
    );
  }
}

/** Strings are kept in a struct of their own. */
function textOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 's' in value ? value.s : value;
}

function showHistogram(out: Out, time: string, probe: ArgdistProbe, rows: Iterable<readonly [number, bigint]>): void {
  const unit = probe.spec.label === probe.spec.text.trim() ? (valuesOf(probe)[0]?.shown ?? '') : probe.spec.label;
  const slots = collectSlots(rows);
  if (out.json) out.record({ time, probe: probe.spec.label, unit, buckets: log2Rows(slots) }, undefined);
  else out.lines(log2Lines(slots, safe(unit)));
}
