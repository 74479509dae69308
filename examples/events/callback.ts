/** Events by callback, without objects: the fastest way, and BCC's way. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct event { u64 number; u32 size; };
BPF_RINGBUF_OUTPUT(events, 8);
BPF_RINGBUF_OUTPUT(others, 8);

int submit(struct __sk_buff *skb)
{
    struct event e = { .number = load_byte(skb, 14), .size = skb->len };
    events.ringbuf_output(&e, sizeof(e), 0);
    others.ringbuf_output(&e, sizeof(e), 0);
    return 0;
}`,
});
b.loadFunc('submit', 'sched_cls');
const submit = (number: number) => b.run('submit', { data: Uint8Array.of(...new Array(14).fill(0), number, ...new Array(49).fill(0)) });

// Nothing is made for a record: it lies in the ring, and is there only during the call.
const events = b.events('events');
for (let i = 0; i < 5; i++) submit(i);
let sum = 0;
const read = events.consumeRaw((view, offset) => {
  sum += view.getUint32(offset, true);
});
console.log(`${read} records, sum ${sum}`);

// As in BCC: a callback for each buffer, and one call that waits for all of them.
b.map('others').openRingBuffer<{ number: bigint; size: number }>((event) => console.log(`number ${event.number}, ${event.size} bytes`));
await b.ringBufferPoll();
