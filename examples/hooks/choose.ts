/** Ordered choices: the first way that this kernel can do is taken, and the log says which. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

const BODY = `{ if (bpf_get_current_pid_tgid() >> 32 == ${process.pid}) { u32 k = 0; reads.increment(k); } return 0; }`;
const program = (head: string) => ({ text: `BPF_ARRAY(reads, u64, 1);\n${head} ${BODY}` });

const { bpf, chosen } = await BPF.loadFirst(
  [
    { probes: ['fentry:vfs_read'], load: program('KFUNC_PROBE(vfs_read)') },
    { probes: ['kprobe:vfs_read'], load: program('int kprobe__vfs_read(void *ctx)') },
    { probes: ['tracepoint:syscalls:sys_enter_read'], load: program('TRACEPOINT_PROBE(syscalls, sys_enter_read)') },
  ],
  { log: (line) => console.error(line) },
);
await using b = bpf;

readFileSync('/proc/self/stat');
console.log(`by ${chosen.probes[0]}: ${b.map<number, bigint>('reads').get(0)} reads`);
