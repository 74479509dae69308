/** A test run: the kernel runs a program on data of yours; nothing is attached. Linux 4.12. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
int first_byte(struct __sk_buff *skb)
{
    return load_byte(skb, 14);
}`,
});
b.loadFunc('first_byte', 'sched_cls');

const packet = new Uint8Array(64);
packet[14] = 42;
const { result, duration } = b.run('first_byte', { data: packet, repeat: 1000 });
console.log(`returns ${result}, ${duration < 1e6 ? 'in less than a millisecond' : 'slowly'}`);
