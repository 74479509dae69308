/** A longest prefix match trie: routes and rules by address prefix. Linux 4.11. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
struct prefix { u32 length; u8 address[4]; };
BPF_LPM_TRIE(routes, struct prefix, u32, 100);

int route(struct __sk_buff *skb)
{
    struct prefix p = { .length = 32 };
    bpf_skb_load_bytes(skb, 14, p.address, 4);
    u32 *found = routes.lookup(&p);
    return found ? *found : 0;
}`,
});
b.loadFunc('route', 'sched_cls');

const routes = b.map<{ length: number; address: number[] }, number>('routes');
routes.set({ length: 8, address: [10, 0, 0, 0] }, 1);
routes.set({ length: 24, address: [10, 1, 2, 0] }, 2);
for (const address of [
  [10, 9, 9, 9],
  [10, 1, 2, 3],
  [192, 168, 0, 1],
]) {
  const data = Uint8Array.of(...new Array(14).fill(0), ...address, ...new Array(46).fill(0));
  console.log(`${address.join('.')}: ${b.run('route', { data }).result}, and from here ${routes.get({ length: 32, address })}`);
}
