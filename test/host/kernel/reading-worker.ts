/**
 * A process whose worker threads end in the ways that are asked for, one after the other, while they read events.
 * Prints how they ended and, in place of 'look', what was left.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { testRun } from '../../../src/attach/test-run.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';

const TEXT = `
BPF_RINGBUF_OUTPUT(r, 8);
BPF_PERF_OUTPUT(p);
int f(struct __sk_buff *s) { u64 e = 1; r.ringbuf_output(&e, 8, 0); p.perf_submit(s, &e, 8); return 0; }
`;

function main([how, ...others]: readonly string[]): void {
  if (how === undefined) return;
  if (how === 'look') {
    const files = [...linksIn('/proc/self/fd'), ...linksIn('/proc/self/map_files')];
    console.log(`left: ${files.filter((file) => /bpf|perf_event/.test(file)).length}`);
    return main(others);
  }
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: how });
  worker.on('error', (error) => console.log(error.message));
  worker.on('message', () => {
    if (how === 'terminate') void worker.terminate();
    else if (how === 'main') process.exit(0);
    else worker.postMessage('now');
  });
  worker.on('exit', (status) => {
    console.log(`${how}: ${status}`);
    main(others);
  });
}

function linksIn(folder: string): string[] {
  return readdirSync(folder).map((name) => {
    try {
      return readlinkSync(`${folder}/${name}`);
    } catch {
      // The descriptor of the folder itself.
      return '';
    }
  });
}

async function worker(): Promise<void> {
  const b = await BPF.load({ text: TEXT });
  const program = b.program('f', 'sched_cls');
  const data = new Uint8Array(64);
  const run = (): void => void testRun(linuxKernel(), program, { data });
  let read = 0;
  const stop = new AbortController();
  const count = (): void => {
    read++;
    // Both are being read, and events go on coming.
    if (read === 4) parentPort?.postMessage('reading');
  };
  const readers = ['r', 'p'].map((name) => b.events(name).forEach(count, { signal: stop.signal }));
  const running = setInterval(run, 1);
  parentPort?.once('message', () => {
    if (workerData === 'exit') process.exit(3);
    if (workerData === 'throw') throw new Error('thrown in a worker');
    clearInterval(running);
    if (workerData === 'late') process.on('exit', () => b.close());
    stop.abort();
  });
  await Promise.all(readers);
}

if (isMainThread) main(process.argv.slice(2));
else await worker();
