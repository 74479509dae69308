// The program of bench/events.ts, in BCC's dialect, as BCC and skep compile it: 64-byte records of eight fields.
struct event {
    u64 ts;
    u64 delta;
    u64 address;
    u64 length;
    u32 pid;
    u32 uid;
    s32 result;
    char comm[16];
};

BPF_RINGBUF_OUTPUT(ring, PAGES);
BPF_HASH(hash, u64, u64, 1 << 20);
BPF_ARRAY(counter, u64, 1);

// A test run with repeat fills the ring.
int fill(struct __sk_buff *skb)
{
    struct event *e = ring.ringbuf_reserve(sizeof(*e));
    if (!e)
        return 1;
    e->ts = bpf_ktime_get_ns();
    e->delta = e->ts & 0xffff;
    e->address = 0xffffffff81000000ULL;
    e->length = 4096;
    e->pid = e->ts >> 16;
    e->uid = 1000;
    e->result = -2;
    __builtin_memcpy(e->comm, "postgres\0\0\0\0\0\0\0", 16);
    ring.ringbuf_submit(e, 1); // BPF_RB_NO_WAKEUP
    return 0;
}

// The same with the hash.
int insert(struct __sk_buff *skb)
{
    int zero = 0;
    u64 *next = counter.lookup(&zero);
    if (!next)
        return 1;
    u64 key = *next * 0x9e3779b97f4a7c15ULL, value = *next;
    *next += 1;
    hash.update(&key, &value);
    return 0;
}
