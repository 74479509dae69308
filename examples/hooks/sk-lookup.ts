/** sk_lookup: which socket gets a new connection. Here: one server for a whole range of ports. Linux 5.9. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} server SEC(".maps");

SEC("sk_lookup")
int to_server(struct bpf_sk_lookup *ctx)
{
    __u32 key = 0;
    struct bpf_sock *sk;
    long err;

    if (ctx->local_port < 7000 || ctx->local_port > 7999)
        return SK_PASS;
    sk = bpf_map_lookup_elem(&server, &key);
    if (!sk)
        return SK_PASS;
    err = bpf_sk_assign(ctx, sk, 0);
    bpf_sk_release(sk);
    return err ? SK_DROP : SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";`,
});
b.attachNetns('to_server');

const server = createServer((socket) => socket.end(`port ${socket.localPort}`)).listen(0, '127.0.0.1');
await once(server, 'listening');
// Node shows a socket's descriptor here.
b.map<number, number>('server').set(0, (server as Server & { _handle: { fd: number } })._handle.fd);
for (const port of [7001, 7999]) {
  const [data] = await once(connect(port, '127.0.0.1'), 'data');
  console.log(`answered on ${data}`);
}
server.close();
