/** An array of programs, for tail calls: one program goes on as another. Linux 4.2. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_PROG_ARRAY(steps, 4);

int first(struct __sk_buff *skb)
{
    steps.call(skb, load_byte(skb, 14));
    return 100; /* no such step */
}
int one(struct __sk_buff *skb) { return 1; }
int two(struct __sk_buff *skb) { return 2; }`,
});
for (const fn of ['first', 'one', 'two']) b.loadFunc(fn, 'sched_cls');

const steps = b.map<number, number>('steps');
steps.set(1, b.program('one'));
steps.set(2, b.program('two'));
for (const step of [1, 2, 3]) {
  const data = new Uint8Array(64);
  data[14] = step;
  console.log(`step ${step}: ${b.run('first', { data }).result}`);
}
