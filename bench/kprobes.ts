/**
 * Thousands of kprobes by pattern: found, attached and detached, beside BCC's way of doing the same.
 *
 *   node build/bench/kprobes.js [how many, 3000]        as root, on a kernel with kprobes (a guest: npm run lab)
 *
 * skep takes kprobe.multi where the kernel has it, and with `--single` one probe each. BCC's Python has only one probe
 * each: it is measured through its own library (bpf_attach_kprobe of libbcc, as attach_kprobe(event_re=…) calls it,
 * with its own list of functions), without its compiler. `--bcc N` says for how many (200; it is then shown per 1000).
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { Attachment } from '../src/attach/attachment.ts';
import { traceableFunctions } from '../src/attach/traceable.ts';
import { BPF } from '../src/bcc/bpf.ts';
import { UserError } from '../src/kernel/errors.ts';
import { featuresOf } from '../src/kernel/features.ts';
import { linuxKernel } from '../src/kernel/linux.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { single: { type: 'boolean' }, bcc: { type: 'string', default: '200' } },
});
const count = Number(positionals[0] ?? 3000);
const kernel = linuxKernel();

function timed<T>(what: string, action: () => T): T {
  const start = performance.now();
  const result = action();
  console.log(`${what.padEnd(44)} ${(performance.now() - start).toFixed(0).padStart(8)} ms`);
  return result;
}

await using b = await BPF.load({ text: 'int f(struct pt_regs *ctx) { return 0; }' });
/** Names that several functions have are left out, as attaching by pattern does. */
function attachOne(name: string): Attachment[] {
  try {
    return [b.attachKprobe(name, 'f')];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

const names = timed('skep: list of traceable functions', () => traceableFunctions(kernel, () => true));
/** First words of names ('tcp' of 'tcp_sendmsg') that together match about as many functions as asked for; none that run all the time. */
function firstWords(): string[] {
  const groups = new Map<string, number>();
  for (const name of names) {
    const word = /^([a-z]\w*?)_/.exec(name)?.[1];
    if (
      word !== undefined &&
      !/^(?:bpf|rcu|sched|trace|tracing|ftrace|kprobe|arch|perf|native|raw|spin|irq|hrtimer|update|task)$/.test(word)
    )
      groups.set(word, (groups.get(word) ?? 0) + 1);
  }
  const words: string[] = [];
  let sum = 0;
  for (const [word, size] of [...groups].sort((a, b) => b[1] - a[1])) {
    if (sum + size > count * 1.02) continue;
    words.push(word);
    sum += size;
    if (sum >= count * 0.98) break;
  }
  return words;
}

const pattern = new RegExp(`(?:${firstWords().join('|')})_.*`);
const chosen = names.filter((name) => pattern.exec(name)?.[0] === name);
console.log(`${names.length} functions can be traced; ${chosen.length} match`);

if (!featuresOf(kernel).kprobeMulti) console.log('this kernel has no kprobe.multi');
const attached = timed(`skep: ${chosen.length} by pattern`, () => b.attachKprobe(pattern, 'f', { limit: chosen.length }));
timed(`skep: ${attached.places} detached (${attached.kind})`, () => attached.detach());

if (values.single) {
  const few = chosen.slice(0, Number(values.bcc));
  const singles = timed(`skep: ${few.length}, one probe each`, () => few.flatMap(attachOne));
  timed(`skep: ${singles.length} detached`, () => {
    for (const one of singles) one.detach();
  });
}

const PYTHON = `
import sys, time, ctypes as ct
from bcc import BPF, libbcc
lib = libbcc.lib
names = [n.encode() for n in sys.stdin.read().split()]
t = time.time(); BPF.get_kprobe_functions(b'.*'); print('BCC: list of traceable functions', round((time.time() - t) * 1000))
insns = (ct.c_uint64 * 2)(0x00000000000000b7, 0x0000000000000095)
lib.bcc_prog_load.restype = ct.c_int
log = ct.create_string_buffer(4096)
fd = lib.bcc_prog_load(2, b'f', ct.cast(insns, ct.c_void_p), 16, b'GPL', int(sys.argv[1]), 0, log, 4096)
if fd < 0: sys.exit('BCC: cannot load: ' + log.value.decode())
t = time.time(); fds = []
for n in names:
    ev = b'p_' + n
    p = lib.bpf_attach_kprobe(fd, 0, ev, n, 0, 0)
    if p >= 0: fds.append((ev, p))
print('BCC: %d attached' % len(fds), round((time.time() - t) * 1000))
t = time.time()
for ev, p in fds:
    lib.bpf_close_perf_event_fd(p); lib.bpf_detach_kprobe(ev)
print('BCC: %d detached' % len(fds), round((time.time() - t) * 1000))
`;
const few = chosen.slice(0, Number(values.bcc));
if (few.length > 0) {
  const { version } = featuresOf(kernel);
  const python = spawnSync('/usr/bin/python3', ['-c', PYTHON, String(version.code)], { input: few.join('\n'), encoding: 'utf8' });
  if (python.status !== 0) console.log(`BCC: not measured: ${(python.stderr ?? String(python.error)).trim().split('\n').at(-1)}`);
  for (const line of python.stdout?.trim().split('\n') ?? []) {
    const [, what, ms = ''] = /^(.*) (\d+)$/.exec(line) ?? [];
    if (what === undefined) continue;
    const times = Number(/(\d+) (?:at|de)tached/.exec(what)?.[1] ?? 0);
    const scaled = times > 0 ? ` (${((Number(ms) / times) * chosen.length).toFixed(0)} ms for ${chosen.length})` : '';
    console.log(`${what.padEnd(44)} ${ms.padStart(8)} ms${scaled}`);
  }
}
