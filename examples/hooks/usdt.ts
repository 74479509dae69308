/** USDT: probes that a program's authors put into it, with arguments; here Python's, on the calls of its functions. Linux 4.20 (semaphores). */
import { execFileSync } from 'node:child_process';
import { BPF, USDT } from 'skep';

// A file, or `{ pid }` for a process and all its libraries. `usdt.probes` lists what there is.
const usdt = new USDT({ path: '/usr/bin/python3' });
usdt.enableProbe('python:function__entry', 'on_function');

await using b = await BPF.load({
  text: `
struct name_t { char text[32]; };
BPF_HASH(calls, struct name_t, u64);

int on_function(struct pt_regs *ctx)
{
    struct name_t name = {};
    u64 address = 0;
    bpf_usdt_readarg(2, ctx, &address);
    bpf_probe_read_user_str(&name.text, sizeof(name.text), (void *)address);
    calls.increment(name);
    return 0;
}`,
  usdt: [usdt],
});

execFileSync('/usr/bin/python3', ['-c', 'def greet(): pass\nfor i in range(7): greet()']);
console.log(`greet was called ${b.map<{ text: string }, bigint>('calls').get({ text: 'greet' })} times`);
