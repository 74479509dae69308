/**
 * Runs a tool: parses its words, gives it its context, and ends it in every way it can end.
 *
 *   Ctrl-C, SIGTERM, --duration ─▶ `stop` is aborted ─▶ the tool prints what it has ─▶ programs are closed ─▶ exit
 *   a second Ctrl-C ─▶ ends at once (the kernel closes what the process held), also when nobody reads what it prints
 *   `| head` goes away ─▶ quiet end
 *
 * At the end, what the kernel could not deliver or count is said on stderr, map by map.
 */
import type { BPF, LoadOptions } from '../bcc/bpf.ts';
import type { SpecStore } from '../bcc/remember.ts';
import { rememberTypeIds } from '../kernel/kernel-btf.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { alternatives, likelyChoice } from '../tools/choose.ts';
import { Output, type Sink } from '../tools/output.ts';
import { fillCgroup } from '../tools/parts/cgroup.ts';
import type { ProbeChoice, StoppedCommand, Tool, ToolContext } from '../tools/tool.ts';
import { checkCpus } from './absent-cpus.ts';
import { absentProcesses } from './absent-processes.ts';
import { markWrongWords } from './errors.ts';
import { parseTool } from './parse.ts';
import { reportLost } from './report-lost.ts';
import { fileSink, messageSink } from './sink.ts';
import { specStore, typeIdStore } from './spec-store.ts';
import { print } from './standard.ts';
import { rounds, sleep, unless } from './waiting.ts';

/** What stands in for the process around a tool: `skep demo` and the tests run tools without one of their own. */
export interface Surroundings {
  /** A workload in place of waiting. */
  readonly during?: ToolContext['during'];
  /** In place of stdout or the file of `--output`. */
  readonly sink?: Sink;
  /** In place of signals. */
  readonly stop?: AbortSignal;
  /** In place of stderr: a line. */
  readonly say?: (text: string) => void;
  /** In place of the user's folder of what was compiled. */
  readonly store?: SpecStore;
}

export async function runTool(tool: Tool, words: readonly string[], around: Surroundings = {}): Promise<number> {
  try {
    return await parseAndRun(tool, words, around);
  } catch (error) {
    markWrongWords(error);
    // A tool's own text is right; where it does not compile, it is for want of the kernel's types.
    if (error instanceof Error && 'positioned' in error)
      throw (await import('./no-types.ts')).withoutTypes(linuxKernel(), tool.name, error);
    throw error;
  }
}

async function parseAndRun(tool: Tool, words: readonly string[], around: Surroundings): Promise<number> {
  const { during } = around;
  const { options, common, args } = parseTool(tool, words);
  if (common.help) {
    const { toolHelp } = await import('./help.ts');
    print(toolHelp(tool));
    return 0;
  }
  const kernel = linuxKernel();
  // Printing a program keeps nothing.
  const store = common.printProgram ? undefined : (around.store ?? specStore());
  const typeIds = store === undefined ? undefined : rememberTypeIds(kernel, typeIdStore(store));
  const given = options as ToolContext['options'];
  checkCpus(tool.flags, given, kernel);
  const typed: ToolContext['options'] = { ...given, ...tool.prepare?.({ options: given, kernel }) };
  if (common.printProgram) {
    print(`${tool.program(typed, args, likelyChoice(kernel, tool.probes)).trim()}\n`);
    return 0;
  }
  const stopper = new AbortController();
  const stop = stopper.signal;
  const end = () => stopper.abort();
  let readerGone = false;
  // Before signals are heard: a named pipe that nobody reads is waited for, and Ctrl-C ends that.
  const file = around.sink
    ? undefined
    : fileSink(common.output, () => {
        readerGone = true;
        end();
      });
  const sink = around.sink ?? (file as Sink);
  let interrupted = false;
  const interrupt = () => {
    // The second one does not wait; the first may come while the tool is ending by itself.
    if (interrupted) process.exit(130);
    interrupted = true;
    end();
  };
  const terminate = () => {
    file?.hurry();
    interrupt();
  };
  if (around.stop) around.stop.addEventListener('abort', end, { once: true });
  else {
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', terminate);
  }
  let timed = false;
  const out = new Output(sink, common.json);
  /** Before more is read: what was printed is out, or the tool is to end and prints what it has. */
  const keptUp = (): Promise<void> | undefined => (stop.aborted ? undefined : unless(stop, sink.drained?.()));
  const loaded: BPF[] = [];
  let held: StoppedCommand | undefined;
  let choice: ProbeChoice | undefined;
  const messages = around.say ? undefined : messageSink();
  const say = around.say ?? ((text: string) => void messages?.write(`${text}\n`));
  const verbose = (text: string) => {
    if (common.verbose) say(`${tool.name}: ${text}`);
  };
  const warn = (text: string) => say(`${tool.name}: warning: ${text}`);

  const withCommon = (load: LoadOptions = {}): LoadOptions => ({
    name: tool.name,
    store,
    onWarning: say,
    ...load,
    ...(common.verbose ? { log: say } : {}),
  });
  const absent = absentProcesses(tool.flags, typed, kernel);
  const ready = (bpf: BPF): void => {
    loaded.push(bpf);
    // A number may be given before there is the process, or be one of another namespace.
    for (const id of absent.splice(0)) warn(`there is no process ${id} now: nothing is seen of it until there is one`);
    fillCgroup(kernel, bpf, typed.cgroup);
    // From here the tool sees things: what it was given as time begins.
    if (common.duration !== undefined && !timed) {
      timed = true;
      void sleep(common.duration, stop).then(end);
    }
    typeIds?.save();
    verbose('ready');
  };
  const loadFirst: ToolContext['loadFirst'] = async (choices, load) => {
    const { BPF } = await import('../bcc/bpf.ts');
    const first = await BPF.loadFirst(choices, withCommon(load));
    ready(first.bpf);
    return first;
  };
  const load: ToolContext['load'] = async (load) => {
    if (load) {
      const { BPF } = await import('../bcc/bpf.ts');
      const bpf = await BPF.load(withCommon(load));
      ready(bpf);
      return bpf;
    }
    const { bpf, chosen } = await loadFirst(alternatives(tool, typed, args));
    choice = chosen.choice;
    return bpf;
  };
  try {
    await tool.run({
      options: typed,
      args,
      out,
      kernel,
      stop,
      during,
      end,
      async startStopped(command) {
        held = await (await import('./stopped-command.ts')).startStopped(command);
        return held;
      },
      load,
      loadFirst,
      get choice() {
        return choice ?? likelyChoice(kernel, tool.probes);
      },
      sleep: (seconds) => sleep(seconds, stop),
      rounds(interval, count) {
        const wait = async (seconds: number) => {
          await keptUp();
          await (during ? during() : sleep(seconds, stop));
        };
        return rounds(wait, stop, interval, count);
      },
      events: (bpf, map, onEvent) =>
        bpf.events<Parameters<typeof onEvent>[0]>(map, { bytes: 'bytes' }).forEach(onEvent, { signal: stop, before: keptUp }),
      keptUp,
      verbose,
      warn,
    });
    out.flush();
    // Whoever has gone away does not miss anything.
    if (!readerGone) for (const bpf of loaded) reportLost(bpf, warn);
  } finally {
    // Lets go of what waits for a time that will not be needed.
    end();
    held?.letGo();
    for (const bpf of loaded.reverse()) bpf.close();
    // Nothing is traced any more; whoever reads slowly still gets it all, unless somebody says again that this is to end.
    await sink.drained?.();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
  }
  if (file?.failure) throw file.failure;
  return 0;
}
