/**
 * `skep run prog.c`: a C file as a tool. Everything that says where it belongs is attached; what the programs print is
 * shown as it comes, and the maps when it ends.
 *
 *   compile ─▶ load ─▶ attach ─▶ trace_pipe … Ctrl-C or --duration ─▶ detach ─▶ maps
 */
import { readIterator } from '../attach/iterator.ts';
import { attachesByItself } from '../bcc/auto-attach.ts';
import { BPF } from '../bcc/bpf.ts';
import { printsTrace, TraceReader } from '../bcc/trace.ts';
import { UserError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { jsonLine } from '../render/json.ts';
import { safe } from '../render/safe.ts';
import type { Flags, OptionsOf } from '../tools/tool.ts';
import type { CommandHelp } from './commands.ts';
import { CommandLineError } from './errors.ts';
import { mapLines } from './print-map.ts';
import { FILE_FLAGS, messages, messagesJson, openProgram, parseFileCommand, specOfFile } from './program-file.ts';
import { reportLost } from './report-lost.ts';
import { showHelp } from './show-help.ts';
import { fileSink, messageSink } from './sink.ts';
import { complain, print } from './standard.ts';
import { sleep } from './waiting.ts';

const FLAGS = {
  attach: {
    type: 'strings',
    value: 'FN=PLACE',
    help: 'attach a function to a place: an interface, a kernel function, a cgroup folder, cpu_clock@99',
  },
  duration: { type: 'number', value: 'SECONDS', help: 'stop after this long' },
  verbose: { type: 'boolean', short: 'v', help: 'say on stderr what is attached' },
  ...FILE_FLAGS,
  json: { type: 'boolean', help: 'lines of JSON: what is printed, then every map' },
} as const satisfies Flags;

export const help: CommandHelp = {
  usage: 'PROG.c | PROG.bpf.o',
  about:
    'Compiles the file (or reads the object that clang or `skep compile` made), loads it, attaches each program whose name (BCC) or section (libbpf) says where it belongs, prints what they print with bpf_trace_printk, and on Ctrl-C every map. The trace buffer is one for the whole machine: lines of other programs show, too.',
  flags: FLAGS,
  examples: [
    ['sudo skep run prog.c', 'until Ctrl-C'],
    ['sudo skep run --duration 10 --json prog.c', 'ten seconds, as JSON'],
    ['sudo skep run --attach count=eth0 xdp.c', 'an XDP program on an interface'],
    ['sudo skep run prog.bpf.o', 'an object that is compiled already'],
  ],
};

type Options = OptionsOf<typeof FLAGS>;

/** Milliseconds between looks at the trace buffer. */
const LOOK = 50;

export async function run(words: readonly string[]): Promise<number> {
  const { options, file, help: wanted } = parseFileCommand<Options>('run', FLAGS, words);
  if (wanted) return await showHelp('run', help);
  const places = (options.attach ?? []).map(placeOf);
  const kernel = linuxKernel();
  const program = openProgram(kernel, file, { ...options, dialect: options.dialect as 'bcc' | 'libbpf' | undefined });
  const compiled = specOfFile(program);
  const { spec } = compiled;
  if (options.json) for (const message of messagesJson(compiled)) print(`${jsonLine({ kind: 'message', ...message })}\n`);
  else complain(messages(compiled));
  if (spec === undefined) return 1;

  const stopper = new AbortController();
  // A reader that went away (`| head`), or a full disk, ends the run like Ctrl-C.
  const out = fileSink(undefined, () => stopper.abort());
  const err = messageSink();
  const say = (text: string) => void err.write(`${text}\n`);
  let interrupted = false;
  const stop = () => {
    if (interrupted) process.exit(130);
    interrupted = true;
    stopper.abort();
  };
  const terminate = () => {
    out.hurry();
    stop();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', terminate);
  // What hangs by hand is not attached by itself.
  const named = new Set(places.map(({ fn }) => fn));
  const pipe = printsTrace(spec) ? new TraceReader(kernel) : undefined;
  try {
    const bySelf = spec.programs.filter((one) => one.autoLoad && !named.has(one.name) && attachesByItself(one)).map((one) => one.name);
    const mine = new Set(bySelf);
    const adjusted = { ...spec, programs: spec.programs.map((one) => ({ ...one, autoAttach: mine.has(one.name) })) };
    using bpf = await BPF.load({ spec: adjusted, name: program.name, kernel, onWarning: say, ...(options.verbose ? { log: say } : {}) });
    for (const { fn, place } of places) bpf.attachTo(fn, place);
    if (bpf.attached.length === 0)
      throw new UserError(
        `nothing in ${file} says where it is to be attached`,
        `give a place: --attach ${spec.programs[0]?.name ?? 'function'}=PLACE; the types of the programs are shown by 'skep check'`,
      );
    const left = spec.programs.filter((one) => !named.has(one.name) && !mine.has(one.name));
    if (left.length > 0 && !options.json) say(`skep: not attached: ${left.map(({ name, type }) => `${name} (${type})`).join(', ')}`);
    for (const iterator of bpf.attached.filter(({ kind }) => kind === 'iter'))
      for (const chunk of readIterator(kernel, iterator)) show(Buffer.from(chunk).toString('utf8').replace(/\n$/, '').split('\n'));
    if (!options.json)
      say(
        `Running ${bpf.attached.map(({ program: name, kind, target }) => `${name} on ${kind} ${target}`).join(', ')}. Hit Ctrl-C to end.`,
      );
    const look = setInterval(() => {
      // The kernel's buffer holds what a slow reader is not ready for.
      if (pipe !== undefined && out.drained?.() === undefined) showTrace(pipe);
    }, LOOK);
    await sleep(options.duration ?? Number.POSITIVE_INFINITY, stopper.signal);
    clearInterval(look);
    for (const attachment of bpf.attached) attachment.detach();
    if (pipe !== undefined) showTrace(pipe);
    for (const name of bpf.maps) {
      if (name.startsWith('.')) continue;
      const table = bpf.map(name);
      if (options.json)
        out.write(
          `${jsonLine({ kind: 'map', name, type: table.type, entries: 'entries' in table.map ? [...table.entries()].map(([key, value]) => ({ key, value })) : null })}\n`,
        );
      else for (const line of mapLines(table)) out.write(`${line}\n`);
    }
    reportLost(bpf, (text) => say(`skep: warning: ${text}`), { read: false });
    bpf.close();
    await out.drained?.();
    if (out.failure) throw out.failure;
    return 0;
  } finally {
    pipe?.close();
    process.off('SIGINT', stop);
    process.off('SIGTERM', terminate);
  }

  /** The kernel ends each line itself: after one whose format ends in a newline, an empty one comes. */
  function showTrace(from: TraceReader): void {
    show([...from.lines()].filter((line) => line !== ''));
  }

  function show(lines: Iterable<string>): void {
    for (const line of lines) out.write(options.json ? `${jsonLine({ kind: 'trace', text: line })}\n` : `${safe(line)}\n`);
  }
}

function placeOf(text: string): { readonly fn: string; readonly place: string } {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new CommandLineError(`--attach takes FUNCTION=PLACE, not '${text}'`);
  return { fn: text.slice(0, at), place: text.slice(at + 1) };
}
