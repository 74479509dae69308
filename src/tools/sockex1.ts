/** sockex1: the kernel's first BPF sample. Bytes sent through an interface, by protocol, once a second. */
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <uapi/linux/if_ether.h>
#include <uapi/linux/if_packet.h>
#include <uapi/linux/ip.h>

BPF_ARRAY(bytes, u64, 256);

int count_outgoing(struct __sk_buff *skb)
{
    int protocol = load_byte(skb, ETH_HLEN + offsetof(struct iphdr, protocol));
    u64 *value;

    if (skb->pkt_type != PACKET_OUTGOING)
        return 0;
    value = bytes.lookup(&protocol);
    if (value)
        __sync_fetch_and_add(value, skb->len);
    return 0;
}
`;

const PROTOCOLS = { TCP: 6, UDP: 17, ICMP: 1 } as const;

export const tool = defineTool({
  name: 'sockex1',
  topic: 'samples',
  summary: "Count TCP, UDP and ICMP bytes on an interface (the kernel's first sample)",
  about:
    'Attaches a socket filter to an interface and counts the bytes of outgoing IPv4 packets by protocol. ' +
    "Prints the totals once a second, as the kernel's samples/bpf/sockex1 does.",
  noCgroup: 'a packet on an interface belongs to no task',
  flags: {},
  positionals: [
    { name: 'interface', type: 'string', default: 'lo', help: 'network interface (default lo)' },
    { name: 'count', type: 'count', help: 'stop after so many lines' },
  ],
  examples: [
    { command: 'sockex1', help: 'loopback, until Ctrl-C' },
    { command: 'sockex1 eth0 5', help: 'five lines of eth0' },
  ],
  fields: [
    { name: 'tcp', type: 'integer', help: 'bytes of TCP packets since the start' },
    { name: 'udp', type: 'integer', help: 'bytes of UDP packets since the start' },
    { name: 'icmp', type: 'integer', help: 'bytes of ICMP packets since the start' },
  ],
  probes: [{ kind: 'socket_filter', targets: ['the interface'] }],
  program: () => PROGRAM,
  attach(bpf, _options, _choice, args) {
    bpf.attachRawSocket('count_outgoing', String(args['interface']));
  },
  async run({ args, out, stop, load, sleep }) {
    const bpf = await load();
    const bytes = bpf.map('bytes');
    const lines = typeof args['count'] === 'number' ? args['count'] : Number.POSITIVE_INFINITY;
    for (let line = 0; line < lines && !stop.aborted; line++) {
      const [tcp, udp, icmp] = [PROTOCOLS.TCP, PROTOCOLS.UDP, PROTOCOLS.ICMP].map((protocol) => bytes.get(protocol) ?? 0n);
      out.record({ tcp, udp, icmp }, `TCP ${tcp} UDP ${udp} ICMP ${icmp} bytes`);
      await sleep(1);
    }
  },
});
