/** Maps in maps: whole tables taken in and out at once. Linux 4.12. */
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
BPF_HASH(inner, u32, u32, 16);
BPF_ARRAY_OF_MAPS(tenants, "inner", 4);

int look(struct __sk_buff *skb)
{
    int slot = 1;
    u32 key = skb->len;
    void *table = tenants.lookup(&slot);
    if (!table)
        return 1000;
    u32 *found = bpf_map_lookup_elem(table, &key);
    return found ? *found : 0;
}`,
});
b.loadFunc('look', 'sched_cls');
const run = () => b.run('look', { data: new Uint8Array(64) }).result;

const tenants = b.map<number, number>('tenants');
console.log(`an empty slot: ${run()}`);
const table = tenants.createInner<number, number>();
table.set(64, 7);
tenants.set(1, table);
table.close();
console.log(`filled: ${run()}`);
// The kernel kept it; by its id it is opened again.
const again = tenants.inner<number, number>(1);
console.log(`in the slot: ${again?.get(64)}`);
again?.close();
tenants.delete(1);
console.log(`taken out: ${run()}`);
