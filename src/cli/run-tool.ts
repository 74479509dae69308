/**
 * Runs a tool: parses its words, gives it its context, and ends it in every way it can end.
 *
 *   Ctrl-C, SIGTERM, --duration ─▶ `stop` is aborted ─▶ the tool prints what it has ─▶ programs are closed ─▶ exit
 *   a second Ctrl-C ─▶ ends at once (the kernel closes what the process held)
 *   `| head` goes away ─▶ quiet end
 */
import { openSync, writeSync } from 'node:fs';
import type { BPF, LoadOptions } from '../bcc/bpf.ts';
import { Output, type Sink } from '../tools/output.ts';
import type { Tool, ToolContext } from '../tools/tool.ts';
import { CommandLineError } from './errors.ts';
import { parseTool } from './parse.ts';

export async function runTool(tool: Tool, words: readonly string[], during?: ToolContext['during']): Promise<number> {
  const { options, common, args } = parseTool(tool, words);
  if (common.help) {
    const { toolHelp } = await import('./help.ts');
    process.stdout.write(toolHelp(tool));
    return 0;
  }
  const typed = options as ToolContext['options'];
  if (common.printProgram) {
    process.stdout.write(`${tool.program(typed, args).trim()}\n`);
    return 0;
  }
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const timer = common.duration === undefined ? undefined : setTimeout(stop, common.duration * 1000);
  const sink = fileSink(common.output, () => stopper.abort());
  const loaded: BPF[] = [];
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const withCommon = (options: LoadOptions): LoadOptions => ({ name: tool.name, ...options, ...(common.verbose ? { log: say } : {}) });
  try {
    await tool.run({
      options: typed,
      args,
      out: new Output(sink, common.json),
      stop: stopper.signal,
      during,
      async load(load) {
        const { BPF } = await import('../bcc/bpf.ts');
        const bpf = await BPF.load(withCommon(load));
        loaded.push(bpf);
        return bpf;
      },
      async loadFirst(alternatives, load = {}) {
        const { BPF } = await import('../bcc/bpf.ts');
        const first = await BPF.loadFirst(alternatives, withCommon(load));
        loaded.push(first.bpf);
        return first;
      },
      sleep: (seconds) => sleep(seconds, stopper.signal),
      verbose: (text) => {
        if (common.verbose) say(`${tool.name}: ${text}`);
      },
      warn: (text) => say(`${tool.name}: warning: ${text}`),
    });
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    for (const bpf of loaded.reverse()) bpf.close();
  }
  return 0;
}

/** Resolves after so many seconds, or when `stop` is aborted. */
function sleep(seconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    // Without end there is still a timer: something must keep the process alive.
    const timer = Number.isFinite(seconds) ? setTimeout(done, seconds * 1000) : setInterval(() => {}, 2 ** 30);
    function done(): void {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    }
    stop.addEventListener('abort', done);
  });
}

/** Synchronous writes to a descriptor: what was printed is out, also when the process is killed next. */
function fileSink(path: string | undefined, gone: () => void): Sink {
  let fd = 1;
  if (path !== undefined) {
    try {
      fd = openSync(path, 'w');
    } catch (error) {
      throw new CommandLineError(`--output: ${(error as Error).message}`);
    }
  }
  let open = true;
  return {
    write(text) {
      if (!open) return false;
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) {
        try {
          at += writeSync(fd, bytes, at);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EAGAIN') Atomics.wait(pause, 0, 0, 2);
          else if (code === 'EPIPE') {
            open = false;
            gone();
            return false;
          } else throw error;
        }
      }
      return true;
    },
  };
}

const pause = new Int32Array(new SharedArrayBuffer(4));
