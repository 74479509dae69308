/** An XDP program is compiled, given packets in the user-space machine, and its map is read: without a privilege. */
import { thisKernel } from 'skep';
import { makeCodec } from 'skep/btf';
import { CompileError, compile, guessDialect } from 'skep/compiler';
import { createMachine, VmFault } from 'skep/vm';

const text = `
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct seen { __u64 packets; __u64 bytes; };
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u16);
    __type(value, struct seen);
} by_protocol SEC(".maps");

SEC("xdp")
int only_ip(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    if ((void *)(eth + 1) > end)
        return XDP_ABORTED;

    __u16 protocol = bpf_ntohs(eth->h_proto);
    struct seen one = { 1, end - data }, *seen = bpf_map_lookup_elem(&by_protocol, &protocol);
    if (seen) {
        seen->packets++;
        seen->bytes += end - data;
    } else
        bpf_map_update_elem(&by_protocol, &protocol, &one, BPF_ANY);
    return protocol == ETH_P_IP ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int careless(struct xdp_md *ctx)
{
    return ((__u8 *)(long)ctx->data)[100];
}

char LICENSE[] SEC("license") = "GPL";`;

// The types are the running kernel's, whose BTF everybody may read.
const compiled = compile(text, { facts: thisKernel(), dialect: guessDialect(text), file: 'only_ip.bpf.c' });
const { spec } = compiled;
if (spec === undefined) throw new CompileError(compiled);

const machine = createMachine(spec);
const packet = (protocol: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint16(12, protocol);
  return bytes;
};
const ACTIONS = ['aborted', 'drop', 'pass', 'tx', 'redirect'];
for (const [protocol, length] of [
  [0x0800, 60],
  [0x0800, 1500],
  [0x86dd, 80],
] as const) {
  const { r0, insnCount } = machine.run('only_ip', { packet: packet(protocol, length) });
  console.log(`0x${protocol.toString(16)}, ${length} bytes: ${ACTIONS[Number(r0)]}${insnCount < 100 ? '' : ', slowly'}`);
}

// A map holds bytes; the types that came with the program make values of them.
const map = machine.map('by_protocol');
if (spec.btf === undefined) throw new Error('a map with types brings them');
const [key, value] = [makeCodec(spec.btf, map.spec.keyType), makeCodec(spec.btf, map.spec.valueType)];
const view = (bytes: Uint8Array = new Uint8Array()): DataView => new DataView(bytes.buffer, bytes.byteOffset);
for (const k of map.keys()) {
  const { packets, bytes } = value.decode(view(map.get(k)), 0) as { packets: bigint; bytes: bigint };
  console.log(`protocol 0x${Number(key.decode(view(k), 0)).toString(16)}: ${packets} packets, ${bytes} bytes`);
}

// What the kernel's verifier would refuse ends in a fault that says where.
try {
  machine.run('careless', { packet: packet(0x0800, 60) });
} catch (error) {
  if (!(error instanceof VmFault)) throw error;
  console.log(`${error.program}: ${error.reason}`);
}
