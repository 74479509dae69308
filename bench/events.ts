/**
 * Reading events and maps: skep beside BCC's Python and libbpf's C loop, on the same rings and entries.
 *
 *   sudo node build/bench/events.js [rounds]
 *
 * A test run with repeat fills a ring of 4 MiB with records of 64 bytes and eight fields; then it is read. All times are
 * CPU time of the reading process, the best of all rounds, so that a busy machine disturbs little. Afterwards: a hash of
 * a million entries, and 50,000 events a second from a tracepoint, made by a child process that is all that is traced.
 *
 * Peers that are not installed are left out: bpfcc-tools (BCC_KERNEL_SOURCE names a kernel's headers where this kernel
 * has none), gcc and libbpf-dev.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testRun } from '../src/attach/test-run.ts';
import { BPF } from '../src/bcc/bpf.ts';
import type { EventStream } from '../src/events/stream.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { installed, printTable } from './measure.ts';

const rounds = Number(process.argv[2] ?? 30);
const small = rounds < 5;
const here = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bench', 'events');
const PROGRAM = join(here, 'events.bcc.c');
const PAGES = 1024;
/** A record and its header take 72 bytes; the ring is never quite full. */
const RECORDS = Math.floor((PAGES * 4096) / 72) - 1;
const ENTRIES = small ? 20_000 : 1_000_000;
const RATE = 50_000;
const SECONDS = small ? 1 : 10;

interface Event {
  readonly ts: bigint;
  readonly pid: number;
}

const kernel = linuxKernel();
const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
const b = await BPF.load({ file: PROGRAM, cflags: [`-DPAGES=${PAGES}`], dialect: 'bcc' });
try {
  reading();
  for (const kind of ['ring', 'perf'] as const) await rate(kind);
} finally {
  b.close();
  rmSync(folder, { recursive: true, force: true });
}

function reading(): void {
  const fill = b.program('fill', 'sched_cls');
  const insert = b.program('insert', 'sched_cls');
  const data = new Uint8Array(64);
  const run = (program: typeof fill, repeat: number): void => void testRun(kernel, program, { data, repeat });

  const libbpf = libbpfReader(b.map('ring').fd, fill.fd);
  const skep: Record<string, number> = {};
  const stream = b.events<Event>('ring');
  const numbers = { int64: 'number' } as const;
  skep['decoded'] = ring(stream, () => run(fill, RECORDS), decoded);
  stream.close();
  const narrow = b.events<Event>('ring', numbers);
  skep['decoded, 64 bits as numbers'] = ring(narrow, () => run(fill, RECORDS), decoded);
  skep['zero-copy callback'] = ring(narrow, () => run(fill, RECORDS), zeroCopy);
  narrow.close();

  run(insert, ENTRIES);
  const table = b.map<bigint, bigint>('hash');
  const times = small ? 2 : 5;
  skep['pairs'] = best(times, ENTRIES, () => {
    let count = 0;
    for (const [key] of table.entries()) if (key >= 0n) count++;
    return count;
  });
  skep['pairs at once'] = best(times, ENTRIES, () => {
    let count = 0;
    for (const [key] of table.entries({ atOnce: true })) if (key >= 0n) count++;
    return count;
  });
  skep['columns'] = best(times, ENTRIES, () => table.columns().length);
  skep['columns at once'] = best(times, ENTRIES, () => table.columns({ atOnce: true }).length);

  const bcc = bccPeer();
  const records = (name: string, ns: number | undefined): string[] => row(name, ns, bcc?.record);
  printTable([
    ['a record from a ring buffer', 'ns', 'M/s', 'times BCC'],
    ...['decoded', 'decoded, 64 bits as numbers', 'zero-copy callback'].map((name) => records(`skep, ${name}`, skep[name])),
    records("libbpf's C loop", libbpf),
    records('BCC, event()', bcc?.record),
  ]);
  process.stdout.write('\n');
  printTable([
    [`an entry of a hash of ${ENTRIES}`, 'ns', 'M/s', 'times BCC'],
    row('skep, typed pairs', skep['pairs'], bcc?.entry),
    row('skep, typed pairs at once', skep['pairs at once'], bcc?.entry),
    row('skep, columns', skep['columns'], bcc?.entry),
    row('skep, columns at once', skep['columns at once'], bcc?.entry),
    row('BCC, items_lookup_batch()', bcc?.entry, bcc?.entry),
  ]);
  process.stdout.write('\n');
}

function row(name: string, ns: number | undefined, peer: number | undefined): string[] {
  if (ns === undefined) return [name, 'not installed', '', ''];
  return [name, ns.toFixed(1), (1000 / ns).toFixed(2), peer === undefined ? '' : (peer / ns).toFixed(1)];
}

type Read = (stream: EventStream<Event>) => number;

function decoded(stream: EventStream<Event>): number {
  let sum = 0;
  return (
    stream.consume((event) => {
      sum += event.pid;
    }) + (sum < 0 ? 1 : 0)
  );
}

function zeroCopy(stream: EventStream<Event>): number {
  let sum = 0;
  return (
    stream.consumeRaw((view, offset) => {
      sum += view.getUint32(offset + 32, true);
    }) + (sum < 0 ? 1 : 0)
  );
}

function ring(stream: EventStream<Event>, fill: () => void, read: Read): number {
  return best(rounds, RECORDS, () => read(stream), fill);
}

/** CPU nanoseconds for each of `count`, in the best of the rounds. */
function best(times: number, count: number, action: () => number, before: () => void = () => {}): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    before();
    const started = process.cpuUsage();
    const found = action();
    const { user, system } = process.cpuUsage(started);
    if (found !== count) throw new Error(`${found} instead of ${count}`);
    least = Math.min(least, ((user + system) * 1000) / count);
  }
  return least;
}

function libbpfReader(map: number, program: number): number | undefined {
  const binary = compileC('reader.c', '-lbpf');
  if (binary === undefined) return undefined;
  const run = spawnSync(binary, [`${rounds}`, `${RECORDS}`], { stdio: ['ignore', 'pipe', 'inherit', map, program], encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`the libbpf reader ended with ${run.status}`);
  return Number(run.stdout);
}

function compileC(source: string, ...libraries: readonly string[]): string | undefined {
  if (!installed('gcc')) return undefined;
  const binary = join(folder, source.replace('.c', ''));
  const made = spawnSync('gcc', ['-O2', '-o', binary, join(here, source), ...libraries], { encoding: 'utf8' });
  return made.status === 0 ? binary : undefined;
}

function bccPeer(): { readonly record: number; readonly entry: number } | undefined {
  if (spawnSync('/usr/bin/python3', ['-c', 'import bcc'], { stdio: 'ignore' }).status !== 0) return undefined;
  const words = [join(here, 'peer.py'), PROGRAM, `${PAGES}`, `${Math.min(rounds, 10)}`, `${RECORDS}`, `${ENTRIES}`];
  try {
    const text = execFileSync('/usr/bin/python3', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const [record = Number.NaN, entry = Number.NaN] = text.trim().split('\n').map(Number);
    return { record, entry };
  } catch (error) {
    process.stdout.write(`BCC did not run: ${error instanceof Error ? error.message.split('\n').slice(-3).join(' ') : String(error)}\n`);
    return undefined;
  }
}

/** Events from a real tracepoint at a rate: what is lost, and what share of a core reading takes. */
async function rate(kind: 'ring' | 'perf'): Promise<void> {
  const binary = compileC('generator.c');
  if (binary === undefined) {
    process.stdout.write(`${RATE} events a second: needs gcc\n`);
    return;
  }
  const child = spawn(binary, [`${RATE}`, `${SECONDS}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const submit = kind === 'ring' ? 'events.ringbuf_output(&e, sizeof(e), 0)' : 'events.perf_submit(args, &e, sizeof(e))';
  await using traced = await BPF.load({
    text: `
      struct event { u64 ts; u32 pid; u32 cpu; char comm[16]; };
      ${kind === 'ring' ? 'BPF_RINGBUF_OUTPUT(events, 256)' : 'BPF_PERF_OUTPUT(events)'};
      TRACEPOINT_PROBE(syscalls, sys_enter_getppid) {
        if (bpf_get_current_pid_tgid() >> 32 != ${child.pid}) return 0;
        struct event e = {};
        e.ts = bpf_ktime_get_ns(); e.pid = ${child.pid}; e.cpu = bpf_get_smp_processor_id();
        bpf_get_current_comm(&e.comm, sizeof(e.comm));
        ${submit};
        return 0;
      }`,
  });
  const stream = traced.events<Event>('events');
  let received = 0;
  const stop = new AbortController();
  const reading = stream.forEach(() => void received++, { signal: stop.signal });
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const started = process.cpuUsage();
  child.stdin.write('go\n');
  await ended;
  stop.abort();
  await reading;
  const { user, system } = process.cpuUsage(started);
  const share = ((user + system) / 1e6 / SECONDS) * 100;
  process.stdout.write(
    `${kind}: ${Number(out)} events in ${SECONDS} s: ${received} received, ${stream.lost} lost, ${share.toFixed(0)} % of a core\n`,
  );
}
