/** A queue and a stack: values without keys. Linux 4.20. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_QUEUE(jobs, u32, 4);
BPF_STACK(done, u32, 4);

int work(struct __sk_buff *skb)
{
    u32 job;
    for (int i = 0; i < 4 && !jobs.pop(&job); i++)
        done.push(&job, 0);
    return 0;
}`,
});
b.loadFunc('work', 'sched_cls');

const jobs = b.map<undefined, number>('jobs');
const done = b.map<undefined, number>('done');
for (const job of [1, 2, 3]) jobs.push(job);
console.log(`next job: ${jobs.peek()}`);
b.run('work', { data: new Uint8Array(64) });
console.log(`jobs left: ${jobs.pop() ?? 'none'}; done, the last first: ${[...done.drain()].join(' ')}`);
