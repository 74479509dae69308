/** Many functions at once: one link where the kernel has kprobe.multi (5.18), a probe each where not. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(calls, u64, u64);

int on_call(struct pt_regs *ctx)
{
    calls.increment(PT_REGS_IP(ctx));
    return 0;
}`,
});
const attached = b.attachKprobe(/vfs_(?:read|write|open|stat|statx|getattr)/, 'on_call');
console.log(`attached to ${attached.places} functions with one ${attached.via}`);

readFileSync('/proc/self/stat');
console.log(`${b.map('calls').size} of them were called`);
