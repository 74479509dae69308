/** Stacks with names: of the kernel and of processes, `{ address, name, offset, module }` or as text. Linux 4.6. */
import { getPriority } from 'node:os';
import { BPF, foldedStack } from 'skep';

await using b = await BPF.load({
  text: `
struct key_t { int stack; u32 pid; };
BPF_STACK_TRACE(stacks, 1024);
BPF_HASH(counts, struct key_t, u64);

int on_call(struct pt_regs *ctx)
{
    struct key_t key = { .stack = stacks.get_stackid(ctx, BPF_F_USER_STACK), .pid = bpf_get_current_pid_tgid() >> 32 };
    counts.increment(key);
    return 0;
}`,
});
b.attachUprobe({ name: 'c', sym: 'getpriority', pid: process.pid }, 'on_call');
// Reads the process's symbols ahead, without holding up anything; after `see` its names outlast it.
b.symbols.see(process.pid);
await b.symbols.prepare(process.pid);

for (let i = 0; i < 5; i++) getPriority();
for (const [key, count] of b.map<{ stack: number; pid: number }, bigint>('counts').entries()) {
  const stack = b.userStack('stacks', key.stack, key.pid);
  const [innermost] = stack.names({ showModule: true, showOffset: true });
  console.log(`${count} times from ${innermost}`);
  console.log(foldedStack('node', { user: stack.names() }, count).replace(/^node;.*;/, 'node;...;'));
}
