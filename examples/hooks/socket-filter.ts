/** A socket filter: a program that sees the packets of an interface and keeps some for its socket. Linux 3.19. */
import { createSocket } from 'node:dgram';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <uapi/linux/if_packet.h>

BPF_ARRAY(bytes, u64, 2);

int on_packet(struct __sk_buff *skb)
{
    int outgoing = skb->pkt_type == PACKET_OUTGOING;

    bytes.atomic_increment(outgoing, skb->len);
    return 0;
}`,
});
b.attachRawSocket('on_packet', 'lo');

const socket = createSocket('udp4');
await new Promise((resolve) => socket.send('hello', 9, '127.0.0.1', resolve));
socket.close();
console.log(`${b.map<number, bigint>('bytes').get(1)} bytes went out`);
