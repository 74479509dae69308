/** A perf event: a program that runs at a rate on every CPU, or once in so many events. Linux 4.9. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(samples, u32, u64);

int on_sample(struct bpf_perf_event_data *ctx)
{
    samples.increment(bpf_get_current_pid_tgid() >> 32);
    return 0;
}`,
});
b.attachPerfEvent({ event: 'cpu_clock', frequency: 99 }, 'on_sample');

for (const end = Date.now() + 500; Date.now() < end; );
console.log(`this process was on a CPU in ${b.map<number, bigint>('samples').get(process.pid)} of about 50 samples`);
