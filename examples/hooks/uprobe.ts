/** A uprobe: a program on a function of a program or library, here of one process only. Linux 4.17. */
import { getPriority } from 'node:os';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_ARRAY(calls, u64, 1);

int on_call(struct pt_regs *ctx, int which, int who)
{
    if (which == 0) // PRIO_PROCESS
        calls.increment(0);
    return 0;
}`,
});
// A path, a library by its short name or a command; a function by name, `symRe` for all that match, or an address.
b.attachUprobe({ name: 'c', sym: 'getpriority', pid: process.pid }, 'on_call');

for (let i = 0; i < 5; i++) getPriority();
console.log(`libc's getpriority was called ${b.map<number, bigint>('calls').get(0)} times`);
