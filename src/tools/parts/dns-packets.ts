/**
 * Answers of name servers, as programs receive them:
 *
 *   udp_recvmsg, udpv6_recvmsg: where does the program want its data? ─▶ receiving[thread]
 *   skb_consume_udp: they are there; did they come from port 53? ─▶ packets ─▶ DnsNames
 *
 * Read from the program's own buffer: in the packet they may lie in pieces.
 */
import { findMember } from '../../btf/walk.ts';
import { FeatureError } from '../../kernel/errors.ts';
import { kernelBtf } from '../../kernel/kernel-btf.ts';
import type { Kernel } from '../../kernel/port.ts';

export interface DnsPacket {
  readonly ts: bigint;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** For `ENTRY` of `FUNCTION_PROBES`. Without extensions an answer is not longer (RFC 1035, 2.3.4); of a longer one, its beginning. */
export const DNS_PACKETS = `
#include <net/sock.h>
#include <linux/udp.h>

#define DNS_BYTES 512
#define DNS_PORT 53

struct dns_packet {
    u64 ts;
    u32 length;
    u8 bytes[DNS_BYTES];
};
BPF_RINGBUF_OUTPUT(packets, 64);
BPF_PERCPU_ARRAY(dns_packet, struct dns_packet, 1);

struct receiving {
    void *buffer;
    u64 size;
};
BPF_TABLE("lru_hash", u32, struct receiving, receiving, 10240);

static inline int receive(struct msghdr *msg)
{
    struct iov_iter *iter = &msg->msg_iter;
    struct receiving where = {};
    u32 tid = bpf_get_current_pid_tgid();

#ifdef HAS_UBUF
    if (ITER_KIND(iter) == ITER_UBUF) {
        where.buffer = iter->ubuf;
        where.size = iter->count;
    }
#endif
    if (ITER_KIND(iter) == ITER_IOVEC) {
        const struct iovec *first = ITER_IOV(iter);
        where.buffer = first->iov_base;
        where.size = first->iov_len;
    }
    if (where.buffer)
        receiving.update(&tid, &where);
    return 0;
}

ENTRY(udp_recvmsg, struct sock *sk, struct msghdr *msg)
{
    return receive(msg);
}

ENTRY(udpv6_recvmsg, struct sock *sk, struct msghdr *msg)
{
    return receive(msg);
}

ENTRY(skb_consume_udp, struct sock *sk, struct sk_buff *skb, int len)
{
    int zero = 0;
    u32 tid = bpf_get_current_pid_tgid();
    struct udphdr *udp = (struct udphdr *)(skb->head + skb->transport_header);
    u16 source = 0;
    struct receiving *where = receiving.lookup(&tid);
    struct dns_packet *packet = dns_packet.lookup(&zero);

    if (!where || !packet)
        return 0;
    bpf_probe_read_kernel(&source, sizeof(source), &udp->source);
    u64 length = where->size;
    /* Below zero it was only looked at. */
    if (len > 0 && (u64)len < length)
        length = len;
    if (source == bpf_htons(DNS_PORT) && len > 0) {
        if (length > DNS_BYTES)
            length = DNS_BYTES;
        packet->ts = bpf_ktime_get_ns();
        packet->length = length;
        if (bpf_probe_read_user(packet->bytes, length, where->buffer) == 0)
            packets.ringbuf_output(packet, sizeof(*packet), 0);
    }
    receiving.delete(&tid);
    return 0;
}
`;

/** Macros for `DNS_PACKETS`: where this kernel keeps what a program wants to receive. Throws `FeatureError`. */
export function iteratorMacros(kernel: Kernel): string {
  const btf = kernelBtf(kernel);
  const iter = btf?.find('iov_iter', 'struct');
  const has = (name: string): boolean => btf !== undefined && iter !== undefined && findMember(btf, iter, name) !== undefined;
  const iov = ['__iov', 'iov'].find(has);
  // Before Linux 5.14 the lowest bit of `type` was the direction.
  const kind = has('iter_type') ? '(iter)->iter_type' : has('type') ? '((iter)->type & ~1)' : undefined;
  if (iov === undefined || kind === undefined)
    throw new FeatureError('types of what is received', { why: 'BTF has no struct iov_iter as it is known', hint: 'run without -d' });
  return `${has('ubuf') ? '#define HAS_UBUF\n' : ''}#define ITER_KIND(iter) (${kind})\n#define ITER_IOV(iter) ((iter)->${iov})\n`;
}
