/** trace: print a line for each call of a function or event, with its arguments, where a condition holds. */
import { decoderFor } from '../events/open.ts';
import { UsageError } from '../kernel/errors.ts';
import { NUMBER_OFFSET, programOf, recordOf, type TraceProbe, traceProgram } from './language/trace-program.ts';
import { parseTrace } from './language/trace-spec.ts';
import { FILTER, filters } from './parts/filter.ts';
import { bufferPages } from './parts/flags.ts';
import { attachProbe, loadAttached, resolveFunction, usdtOf } from './parts/probe-attach.ts';
import { atTheName } from './parts/probe-errors.ts';
import { program } from './parts/text.ts';
import { type TraceEvent, type TraceLine, TraceLines } from './parts/trace-lines.ts';
import { defineTool, type OptionsOf } from './tool.ts';

const FLAGS = {
  'buffer-pages': { type: 'count', short: 'b', default: 64, help: 'pages of the ring buffer, a power of two' },
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  tid: { type: 'pid', short: 'L', value: 'TID', help: 'only this thread' },
  uid: { type: 'uid', help: 'only this user' },
  'string-size': { type: 'count', short: 'Z', default: 80, help: 'how much of a string is kept, in bytes' },
  'include-self': { type: 'boolean', short: 'S', help: "also trace's own process" },
  'max-events': { type: 'count', short: 'M', help: 'end after so many lines' },
  timestamp: { type: 'boolean', short: 't', help: 'seconds since the first line' },
  'unix-timestamp': { type: 'boolean', short: 'u', help: 'with -t: seconds since 1970' },
  time: { type: 'boolean', short: 'T', help: 'time of day' },
  print_cpu: { type: 'boolean', short: 'C', help: 'number of the CPU' },
  'cgroup-path': { type: 'string', short: 'c', value: 'PATH', help: "the same as --cgroup, as BCC's trace has it" },
  name: { type: 'string', short: 'n', help: 'only processes whose name contains this' },
  'msg-filter': { type: 'string', short: 'f', value: 'TEXT', help: 'only lines whose message contains this' },
  bin_cmp: { type: 'boolean', short: 'B', help: "accepted for BCC's sake: STRCMP always compares bytes" },
  sym_file_list: { type: 'string', short: 's', value: 'FILES', help: "accepted for BCC's sake: symbols of all files are found anyway" },
  'kernel-stack': { type: 'boolean', short: 'K', help: 'with the stack of the kernel' },
  'user-stack': { type: 'boolean', short: 'U', help: 'with the stack of the process' },
  address: { type: 'boolean', short: 'a', help: 'addresses in stacks' },
  include: { type: 'strings', short: 'I', value: 'HEADER', help: 'include a header; types of the kernel need none' },
  aggregate: { type: 'boolean', short: 'A', help: 'with -M: count equal lines instead of printing each' },
} as const;

type Options = OptionsOf<typeof FLAGS> & { readonly cgroup?: string | undefined };

function probesOf(words: unknown): TraceProbe[] {
  return (words as readonly string[]).map((text, i) => {
    const spec = parseTrace(text);
    const { probe, syscall } = resolveFunction(spec.probe);
    return { spec: { ...spec, probe }, number: i + 1, syscall };
  });
}

function textFor(probes: readonly TraceProbe[], options: Options): string {
  const { pid, tid, uid } = options;
  if (pid !== undefined && tid !== undefined) throw new UsageError('-p and -L exclude each other');
  if (options.aggregate && options['max-events'] === undefined) throw new UsageError('-A needs -M: how many events to add up');
  const pages = bufferPages(options['buffer-pages']);
  const self = options['include-self'] ? undefined : process.pid;
  return program(
    { ...filters({ pid, tid, uid, cgroup: options.cgroup ?? options['cgroup-path'] }), NOT_SELF: self },
    FILTER,
    traceProgram(probes, {
      stringSize: options['string-size'],
      kernelStack: options['kernel-stack'],
      userStack: options['user-stack'],
      bufferPages: pages,
      includes: options.include ?? [],
      prologue: `#ifdef NOT_SELF
    if (bpf_get_current_pid_tgid() >> 32 == NOT_SELF)
        return 0;
#endif
    if (filtered())
        return 0;`,
    }),
  );
}

export const tool = defineTool({
  name: 'trace',
  topic: 'functions',
  summary: 'Trace functions and events, and print their arguments',
  about:
    "Each probe names a function of the kernel or of a program, a tracepoint or a USDT probe: 'vfs_read', 'c:malloc', 'r:bash:readline', " +
    "'t:sched:sched_switch', 'u:pthread:pthread_create'. Behind it may stand a condition in parentheses and a format with C expressions: " +
    'arg1 to arg6, retval, $pid, $tgid, $uid, $gid, $cpu, $task, args->field of a tracepoint, parameters of a signature, and STRCMP("text", arg1). ' +
    'Conversions: %s (text in memory), %d %u %x and their long forms, %c, %K and %U (name of a function of the kernel, of the process).',
  flags: FLAGS,
  positionals: [{ name: 'probe', type: 'string', required: true, many: true, help: 'what to trace, and what to print of it' }],
  examples: [
    { command: "trace 'vfs_open'", help: 'a line for each call of a kernel function' },
    { command: `trace '__x64_sys_openat "%s", arg2'`, help: 'names of files that are opened' },
    { command: `trace 'vfs_read (arg3 > 20000) "read %d bytes", arg3'`, help: 'only where a condition holds' },
    { command: `trace 'r:c:read ((int)retval < 0) "read failed: %d", retval' -T`, help: 'failed calls in libc, with the time' },
    { command: `trace 't:block:block_rq_complete "sectors=%d", args->nr_sector'`, help: 'a tracepoint and one of its fields' },
    { command: `trace 'vfs_open(struct path *p) "%s", p->dentry->d_name.name' -M 10`, help: 'types of the kernel, by a signature' },
    { command: 'trace -KU vfs_fsync_range -M 1', help: 'with stacks' },
  ],
  fields: [
    { name: 'time', type: 'string', help: 'ISO 8601, UTC' },
    { name: 'pid', type: 'integer', help: 'process' },
    { name: 'tid', type: 'integer', help: 'thread' },
    { name: 'comm', type: 'string', help: 'name of the thread' },
    { name: 'cpu', type: 'integer', help: 'number of the CPU' },
    { name: 'function', type: 'string', help: 'function, event or probe' },
    { name: 'message', type: 'string', help: 'the formatted text, if the probe has a format' },
    { name: 'values', type: 'array', help: 'the values of its expressions' },
    { name: 'kernel_stack', type: 'array', help: 'with -K: names of functions, innermost first' },
    { name: 'user_stack', type: 'array', help: 'with -U: the same of the process' },
  ],
  probes: [{ kind: 'none', targets: ['the probes given: kprobe, uprobe, tracepoint, USDT'], minKernel: '5.8' }],
  program: (options, args) => textFor(probesOf(args['probe']), options),
  async run({ options, args, out, loadFirst, end, stop, keptUp, verbose }) {
    const probes = probesOf(args['probe']);
    const text = textFor(probes, options);
    verbose(text);
    const usdt = usdtOf(
      probes.map((probe) => [probe.spec.probe, programOf(probe)]),
      options.pid,
    );
    const bpf = await loadAttached(loadFirst, { text, usdt }, (bpf) => {
      for (const probe of probes) attachProbe(bpf, probe.spec.probe, programOf(probe), options.pid);
    }).catch((error: unknown) => {
      throw atTheName(
        error,
        probes.map(({ spec }) => spec),
      );
    });
    const lines = new TraceLines(bpf, probes, {
      timestamp: options.timestamp,
      unix: options['unix-timestamp'],
      timeOfDay: options.time,
      cpu: options.print_cpu,
      kernelStack: options['kernel-stack'],
      userStack: options['user-stack'],
      address: options.address,
      name: options.name,
      message: options['msg-filter'],
    });
    out.line(lines.header);
    const decoders = probes.map((probe) => decoderFor(bpf.map('events').map, bpf.spec.btf, { type: `struct ${recordOf(probe)}` }));
    const events = bpf.events<TraceEvent>('events', {
      decode: (view, offset, length, cpu) => {
        const decode = decoders[view.getUint32(offset + NUMBER_OFFSET, true) - 1];
        if (!decode) throw new TypeError('a record of no known probe');
        return decode(view, offset, length, cpu) as TraceEvent;
      },
    });
    const counts = new Map<string, { line: TraceLine; count: number }>();
    let left = options['max-events'] ?? Number.POSITIVE_INFINITY;
    await events.forEach(
      (event) => {
        const line = left > 0 ? lines.line(event) : undefined;
        if (line === undefined) return;
        if (!options.aggregate) out.record(line.record, line.text);
        else {
          const counted = counts.get(line.text);
          if (counted) counted.count++;
          else counts.set(line.text, { line, count: 1 });
        }
        if (--left <= 0) end();
      },
      { signal: stop, before: keptUp },
    );
    for (const { line, count } of [...counts.values()].sort((a, b) => b.count - a.count))
      out.record({ ...line.record, count }, `${line.text}\n-->COUNT ${count}\n`);
    if (events.lost > 0) verbose('-b gives events more room');
  },
});
