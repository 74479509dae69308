/** Traffic control: packets that enter or leave an interface. Linux 4.5 (clsact); 6.6 as a link with an order among others. */
import { createSocket } from 'node:dgram';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <uapi/linux/pkt_cls.h>

BPF_ARRAY(bytes, u64, 1);

int count(struct __sk_buff *skb)
{
    bytes.atomic_increment(0, skb->len);
    return TC_ACT_OK;
}`,
});
const attached = b.attachTc('lo', 'egress', 'count');

const socket = createSocket('udp4');
await new Promise((resolve) => socket.send('hello', 9, '127.0.0.1', resolve));
socket.close();
console.log(`${attached.kind}: ${b.map<number, bigint>('bytes').get(0)} bytes went out`);
