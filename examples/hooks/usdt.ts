/** USDT: probes that a program's authors put into it, with arguments. Linux 4.20 (semaphores). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF, USDT } from 'skep';

// A program with a probe; sys/sdt.h comes with systemtap-sdt-dev.
const folder = mkdtempSync(join(tmpdir(), 'shop-'));
const shop = join(folder, 'shop');
writeFileSync(
  `${shop}.c`,
  `#include <sys/sdt.h>
int main(void) {
    char goods[][8] = { "apples", "pears", "apples" };
    for (int i = 0; i < 3; i++) DTRACE_PROBE2(shop, sale, 10 * i, goods[i]);
}`,
);
execFileSync('gcc', ['-o', shop, `${shop}.c`]);

// A file, or `{ pid }` for a process and all its libraries. `usdt.probes` lists what there is.
const usdt = new USDT({ path: shop });
usdt.enableProbe('shop:sale', 'on_sale');

await using b = await BPF.load({
  text: `
struct goods_t { char name[32]; };
BPF_HASH(price, struct goods_t, u64);

int on_sale(struct pt_regs *ctx)
{
    struct goods_t goods = {};
    int sum = 0;
    u64 address = 0;
    bpf_usdt_readarg(1, ctx, &sum);
    bpf_usdt_readarg(2, ctx, &address);
    bpf_probe_read_user_str(&goods.name, sizeof(goods.name), (void *)address);
    price.increment(goods, sum);
    return 0;
}`,
  usdt: [usdt],
});

execFileSync(shop);
rmSync(folder, { recursive: true });
console.log(`apples for ${b.map<{ name: string }, bigint>('price').get({ name: 'apples' })}`);
