/** XDP: a program that sees each packet before the network stack. Linux 4.8; 5.9 as a link. */
import { createSocket } from 'node:dgram';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_ARRAY(packets, u64, 1);

int count(struct xdp_md *ctx)
{
    packets.atomic_increment(0);
    return XDP_PASS;
}`,
});
b.attachXdp('lo', 'count', { mode: 'generic' });

const socket = createSocket('udp4');
await new Promise((resolve) => socket.send('hello', 9, '127.0.0.1', resolve));
socket.close();
console.log(`${b.map<number, bigint>('packets').get(0)} packets came in`);
