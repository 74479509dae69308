/** sk_msg: what is sent on the sockets of a sockmap: redirected, cut or dropped. Linux 4.17. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} bytes SEC(".maps");

SEC("sk_msg")
int on_message(struct sk_msg_md *msg)
{
    __u32 key = 0;
    __u64 *count = bpf_map_lookup_elem(&bytes, &key);

    if (count)
        __sync_fetch_and_add(count, msg->size);
    return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";`,
});
b.attachSockmap('sockets', 'on_message');

const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
await once(server, 'listening');
const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
await once(client, 'connect');
// Node shows a socket's descriptor here.
const { fd } = (client as Socket & { _handle: { fd: number } })._handle;
b.map<number, number>('sockets').set(0, fd);
await new Promise((resolve) => client.end('hello', () => resolve(undefined)));
server.close();
console.log(`${b.map<number, bigint>('bytes').get(0)} bytes were sent`);
