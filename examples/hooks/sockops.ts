/** sockops: events in the life of the TCP connections of a cgroup. Linux 4.13; 5.7 as a link. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 32);
    __type(key, __u32);
    __type(value, __u64);
} events SEC(".maps");

SEC("sockops")
int on_event(struct bpf_sock_ops *ctx)
{
    __u32 op = ctx->op;
    __u64 *count = bpf_map_lookup_elem(&events, &op);

    if (count)
        __sync_fetch_and_add(count, 1);
    return 1;
}

char LICENSE[] SEC("license") = "GPL";`,
});
b.attachCgroup('/sys/fs/cgroup', 'on_event');

const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
await once(server, 'listening');
await once(connect((server.address() as AddressInfo).port, '127.0.0.1').resume(), 'close');
server.close();
const ACTIVE_ESTABLISHED = 4;
console.log(`${b.map<number, bigint>('events').get(ACTIVE_ESTABLISHED)} connections were made`);
