/** A map as typed arrays: no object for each entry. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct value { u64 bytes; u32 packets; char name[8]; };
BPF_HASH(flows, u32, struct value);
int unused(struct __sk_buff *skb) { u32 k = 0; return flows.lookup(&k) != 0; }`,
});

const flows = b.map('flows');
flows.setAll(Array.from({ length: 1000 }, (_, i) => [i, { bytes: BigInt(i) * 1500n, packets: i, name: `if${i % 2}` }] as const));

const { length, keys, values } = flows.columns<{
  length: number;
  keys: Uint32Array;
  values: { bytes: BigUint64Array; packets: Uint32Array; name: string[] };
}>();
console.log(`${length} entries, keys are a ${keys.constructor.name}`);
console.log(`${values.bytes.reduce((a, b) => a + b, 0n)} bytes, ${values.packets.reduce((a, b) => a + b, 0)} packets`);
console.log(`${values.name.filter((name) => name === 'if1').length} of if1`);
