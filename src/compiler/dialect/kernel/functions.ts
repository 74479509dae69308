/**
 * Inline functions of kernel headers, as C text by name: declared when a program uses a name that nothing else
 * declares, so that a program's own always win and unused ones cost nothing.
 */
const FUNCTIONS: Readonly<Record<string, string>> = {
  div_u64: '__u64 div_u64(__u64 n, __u32 d) { return n / d; }',
  div_u64_rem: '__u64 div_u64_rem(__u64 n, __u32 d, __u32 *rest) { *rest = n % d; return n / d; }',
  div64_u64: '__u64 div64_u64(__u64 n, __u64 d) { return n / d; }',
  div64_ul: '__u64 div64_ul(__u64 n, __u64 d) { return n / d; }',
  mul_u32_u32: '__u64 mul_u32_u32(__u32 a, __u32 b) { return (__u64)a * b; }',
  ERR_PTR: 'void *ERR_PTR(long error) { return (void *)error; }',
  PTR_ERR: 'long PTR_ERR(const void *p) { return (long)p; }',
  IS_ERR: '_Bool IS_ERR(const void *p) { return (unsigned long)p >= (unsigned long)-4095; }',
  IS_ERR_OR_NULL: '_Bool IS_ERR_OR_NULL(const void *p) { return !p || (unsigned long)p >= (unsigned long)-4095; }',
  is_power_of_2: '_Bool is_power_of_2(unsigned long n) { return n != 0 && (n & (n - 1)) == 0; }',
  fls64: 'int fls64(__u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }',
  fls: 'int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }',
  __fls: 'unsigned long __fls(unsigned long x) { return 63 - __builtin_clzll(x); }',
  __ffs: 'unsigned long __ffs(unsigned long x) { return __builtin_ctzll(x); }',
  ilog2: 'int ilog2(__u64 n) { return 63 - __builtin_clzll(n); }',
  roundup_pow_of_two: 'unsigned long roundup_pow_of_two(unsigned long n) { return n <= 1 ? 1 : 1UL << (64 - __builtin_clzll(n - 1)); }',
  rounddown_pow_of_two: 'unsigned long rounddown_pow_of_two(unsigned long n) { return 1UL << (63 - __builtin_clzll(n)); }',
  order_base_2: 'int order_base_2(unsigned long n) { return n > 1 ? 64 - __builtin_clzll(n - 1) : 0; }',
  test_bit: '_Bool test_bit(unsigned long n, const volatile unsigned long *p) { return p[n / 64] >> (n & 63) & 1; }',
  jiffies_to_msecs: 'unsigned int jiffies_to_msecs(unsigned long j) { return j * 1000 / HZ; }',
  jiffies_to_usecs: 'unsigned int jiffies_to_usecs(unsigned long j) { return j * 1000000 / HZ; }',

  inet_sk: 'struct inet_sock *inet_sk(const struct sock *sk) { return (struct inet_sock *)sk; }',
  tcp_sk: 'struct tcp_sock *tcp_sk(const struct sock *sk) { return (struct tcp_sock *)sk; }',
  udp_sk: 'struct udp_sock *udp_sk(const struct sock *sk) { return (struct udp_sock *)sk; }',
  unix_sk: 'struct unix_sock *unix_sk(const struct sock *sk) { return (struct unix_sock *)sk; }',
  inet_csk: 'struct inet_connection_sock *inet_csk(const struct sock *sk) { return (struct inet_connection_sock *)sk; }',
  inet_rsk: 'struct inet_request_sock *inet_rsk(const struct request_sock *sk) { return (struct inet_request_sock *)sk; }',
  inet_twsk: 'struct inet_timewait_sock *inet_twsk(const struct sock *sk) { return (struct inet_timewait_sock *)sk; }',
  sock_net: 'struct net *sock_net(const struct sock *sk) { return sk->__sk_common.skc_net.net; }',
  read_pnet: 'struct net *read_pnet(const possible_net_t *p) { return p->net; }',
  skb_network_header: 'unsigned char *skb_network_header(const struct sk_buff *skb) { return skb->head + skb->network_header; }',
  skb_transport_header: 'unsigned char *skb_transport_header(const struct sk_buff *skb) { return skb->head + skb->transport_header; }',
  skb_mac_header: 'unsigned char *skb_mac_header(const struct sk_buff *skb) { return skb->head + skb->mac_header; }',
  skb_end_pointer: 'unsigned char *skb_end_pointer(const struct sk_buff *skb) { return skb->head + skb->end; }',
  ip_hdr: 'struct iphdr *ip_hdr(const struct sk_buff *skb) { return (struct iphdr *)(skb->head + skb->network_header); }',
  ipv6_hdr: 'struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb) { return (struct ipv6hdr *)(skb->head + skb->network_header); }',
  tcp_hdr: 'struct tcphdr *tcp_hdr(const struct sk_buff *skb) { return (struct tcphdr *)(skb->head + skb->transport_header); }',
  udp_hdr: 'struct udphdr *udp_hdr(const struct sk_buff *skb) { return (struct udphdr *)(skb->head + skb->transport_header); }',
  icmp_hdr: 'struct icmphdr *icmp_hdr(const struct sk_buff *skb) { return (struct icmphdr *)(skb->head + skb->transport_header); }',
  eth_hdr: 'struct ethhdr *eth_hdr(const struct sk_buff *skb) { return (struct ethhdr *)(skb->head + skb->mac_header); }',
  skb_is_nonlinear: '_Bool skb_is_nonlinear(const struct sk_buff *skb) { return skb->data_len; }',
  skb_headlen: 'unsigned int skb_headlen(const struct sk_buff *skb) { return skb->len - skb->data_len; }',
  skb_rx_queue_recorded: '_Bool skb_rx_queue_recorded(const struct sk_buff *skb) { return skb->queue_mapping != 0; }',
  skb_get_rx_queue: '__u16 skb_get_rx_queue(const struct sk_buff *skb) { return skb->queue_mapping - 1; }',
  // 0x2000 is "more fragments", 0x1fff the offset.
  ip_is_fragment: '_Bool ip_is_fragment(const struct iphdr *ip) { return (ip->frag_off & __builtin_bswap16(0x3fff)) != 0; }',
  file_inode: 'struct inode *file_inode(const struct file *f) { return f->f_inode; }',
  d_inode: 'struct inode *d_inode(const struct dentry *d) { return d->d_inode; }',
  // The two lowest bits of a scatterlist's link: a chain goes on elsewhere, the list ends here.
  sg_is_chain: '_Bool sg_is_chain(struct scatterlist *sg) { return sg->page_link & 1; }',
  sg_is_last: '_Bool sg_is_last(struct scatterlist *sg) { return sg->page_link & 2; }',
  sg_chain_ptr: 'struct scatterlist *sg_chain_ptr(struct scatterlist *sg) { return (struct scatterlist *)(sg->page_link & ~3UL); }',
  list_empty: 'int list_empty(const struct list_head *head) { return head->next == head; }',
};

const SIGNED_DIVISIONS: Readonly<Record<string, string>> = { div_s64: '__s32', div64_s64: '__s64' };

/** Definition of an inline function, or undefined where there is none of that name. */
export function kernelFunction(name: string): string | undefined {
  if (Object.hasOwn(FUNCTIONS, name)) return `static inline ${FUNCTIONS[name]}`;
  if (!Object.hasOwn(SIGNED_DIVISIONS, name)) return undefined;
  // BPF had no signed division for long: divide what is positive and give the sign back.
  return `static inline __s64 ${name}(__s64 n, ${SIGNED_DIVISIONS[name]} d) {
  __u64 q = (n < 0 ? -(__u64)n : (__u64)n) / (d < 0 ? -(__u64)d : (__u64)d);
  return (n < 0) == (d < 0) ? (__s64)q : -(__s64)q;
}`;
}

export function kernelFunctionNames(): string[] {
  return [...Object.keys(FUNCTIONS), ...Object.keys(SIGNED_DIVISIONS)];
}
