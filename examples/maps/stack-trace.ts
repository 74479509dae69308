/** Stack traces, by id: counted where they happen, named when read. Linux 4.6. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_STACK_TRACE(stacks, 1024);
BPF_HASH(counts, int, u64);

TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)
{
    if (args->who != (u32)(bpf_get_current_pid_tgid() >> 32))
        return 0;
    int id = stacks.get_stackid(args, BPF_F_USER_STACK);
    counts.increment(id);
    return 0;
}`,
});

getPriority(process.pid);
for (const [id, count] of b.map<number, bigint>('counts').entries()) {
  const addresses = b.map('stacks').walk(id);
  console.log(
    `${count} call, ${addresses.length > 0 ? 'with' : 'without'} a stack, the innermost frame ${b.sym(addresses[0] ?? 0n, process.pid) === '' ? 'nowhere' : 'named'}`,
  );
}
