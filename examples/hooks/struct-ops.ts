/** struct_ops: functions of the kernel made of programs. Here: a congestion control for TCP. Linux 5.6; 6.4 as a link. */
import { readFileSync } from 'node:fs';
import { BPF } from 'skep';

await using b = await BPF.load({
  text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("struct_ops")
__u32 BPF_PROG(fixed_ssthresh, struct sock *sk)
{
    return 10;
}

SEC("struct_ops")
__u32 BPF_PROG(fixed_undo, struct sock *sk)
{
    return 10;
}

SEC("struct_ops")
void BPF_PROG(fixed_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

char LICENSE[] SEC("license") = "GPL";`,
});
const attached = b.attachStructOps('tcp_congestion_ops', {
  name: 'bpf_fixed',
  ssthresh: 'fixed_ssthresh',
  undo_cwnd: 'fixed_undo',
  cong_avoid: 'fixed_avoid',
});

const available = (): boolean => /\bbpf_fixed\b/.test(readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8'));
console.log(`bpf_fixed is there: ${available()}`);
attached.detach();
console.log(`bpf_fixed is there: ${available()}`);
