/** A flow dissector: which packets belong to one flow, for a network namespace. Linux 4.20; 5.8 as a link. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
    struct bpf_flow_keys *keys = skb->flow_keys;

    keys->n_proto = bpf_htons(0x0800);
    keys->ip_proto = 17;
    return 0;
}

char LICENSE[] SEC("license") = "GPL";`,
});
// One packet, without attaching it: what comes back are the keys.
const { data } = b.run('dissect', { data: new Uint8Array(64) });
console.log(`protocol ${data[9]} of ${data.length} bytes of keys`);

const attached = b.attachNetns('dissect');
console.log(`attached to ${attached.target} by ${attached.via}`);
