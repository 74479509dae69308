/** A uretprobe: a program on the return of a function in user space, with its result. Linux 4.17. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_ARRAY(bytes, u64, 1);

int on_return(struct pt_regs *ctx)
{
    long result = PT_REGS_RC(ctx);
    if (result > 0)
        bytes.increment(0, result);
    return 0;
}`,
});
b.attachUretprobe({ name: 'c', sym: 'read', pid: process.pid }, 'on_return');

const { length } = readFileSync('/proc/self/status');
const seen = b.map<number, bigint>('bytes').get(0) ?? 0n;
console.log(seen >= BigInt(length) ? 'all bytes of the file came through read()' : `${seen} of ${length} bytes`);
