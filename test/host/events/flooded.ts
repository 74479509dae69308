/** A reader that is flooded until SIGINT; then says what it got. Started by overload.test.ts. */
import { testRun } from '../../../src/attach/test-run.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';

const b = await BPF.load({
  text: `
BPF_RINGBUF_OUTPUT(events, 4);
BPF_ARRAY(sent, u64, 1);
int flood(struct __sk_buff *skb) {
  int zero = 0;
  u64 *n = sent.lookup(&zero);
  if (!n) return 0;
  u64 number = __sync_fetch_and_add(n, 1);
  events.ringbuf_output(&number, sizeof(number), 0);
  return 0;
}`,
});
const program = b.program('flood', 'sched_cls');
const data = new Uint8Array(64);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const stream = b.events<bigint>('events');
const flood = setInterval(() => void testRun(linuxKernel(), program, { data, repeat: 5000 }), 0);
process.stdout.write('reading\n');
for await (const batch of stream.batches({ signal: stop.signal })) if (batch.length === 0) break;
clearInterval(flood);
stream.consume(() => {});
const sent = Number(b.map<number, bigint>('sent').get(0));
process.stdout.write(`${JSON.stringify({ received: stream.received, lost: stream.lost, sent })}\n`);
b.close();
