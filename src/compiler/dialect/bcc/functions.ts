/**
 * BCC's inline functions, as C text by name.
 *
 * The logarithm that histograms use is one above the integer logarithm, so that slot n counts values from 2^(n-1) to
 * 2^n - 1; 0 and 1 share slot 1. Without branches, because it is called where instructions count.
 */
const LOG2 = `unsigned int bpf_log2(unsigned int v) {
  unsigned int r = (v > 0xffff) << 4, s;
  v >>= r;
  s = (v > 0xff) << 3; v >>= s; r |= s;
  s = (v > 0xf) << 2; v >>= s; r |= s;
  s = (v > 0x3) << 1; v >>= s; r |= s;
  return r | (v >> 1);
}`;

/** `llvm.bpf.load.*` are the names under which clang knows LD_ABS and LD_IND. */
const load = (name: string, width: string): string =>
  `unsigned long long ${name}(void *skb, unsigned long long offset) asm("llvm.bpf.load.${width}");`;
const store = (name: string, type: string, value: string): string =>
  `static inline void ${name}(void *skb, __u64 offset, __u64 value) { ${type} stored = ${value}; bpf_skb_store_bytes(skb, offset, &stored, sizeof(stored), 0); }`;

const FUNCTIONS: Readonly<Record<string, string>> = {
  bpf_log2: `static inline ${LOG2}`,
  bpf_log2l: `static inline unsigned int bpf_log2l(unsigned long v) {
  unsigned int high = v >> 32;
  return high ? bpf_log2(high) + 33 : bpf_log2(v) + 1;
}`,
  bpf_ntoh128:
    'static inline unsigned __int128 bpf_ntoh128(unsigned __int128 v) { return ((unsigned __int128)__builtin_bswap64(v) << 64) | __builtin_bswap64(v >> 64); }',
  bpf_hton128:
    'static inline unsigned __int128 bpf_hton128(unsigned __int128 v) { return ((unsigned __int128)__builtin_bswap64(v) << 64) | __builtin_bswap64(v >> 64); }',
  load_byte: load('load_byte', 'byte'),
  load_half: load('load_half', 'half'),
  load_word: load('load_word', 'word'),
  load_dword:
    'static inline __u64 load_dword(void *skb, __u64 offset) { return (__u64)load_word(skb, offset) << 32 | load_word(skb, offset + 4); }',
  bpf_dext_pkt: `static inline __u64 bpf_dext_pkt(void *skb, __u64 off, __u64 bofs, __u64 bsz) {
  __u64 end = bofs + bsz, mask = bsz < 64 ? (1ULL << bsz) - 1 : -1ULL;
  if (end <= 8) return (__u64)load_byte(skb, off) >> (8 - end) & mask;
  if (end <= 16) return (__u64)load_half(skb, off) >> (16 - end) & mask;
  if (end <= 32) return (__u64)load_word(skb, off) >> (32 - end) & mask;
  return load_dword(skb, off) >> (64 - end) & mask;
}`,
  bpf_dins_pkt: `static inline void bpf_dins_pkt(void *skb, __u64 off, __u64 bofs, __u64 bsz, __u64 value) {
  __u64 end = bofs + bsz, mask = bsz < 64 ? (1ULL << bsz) - 1 : -1ULL;
  if (bofs == 0 && bsz == 48) { bpf_store_half(skb, off, value >> 32); bpf_store_word(skb, off + 2, value); }
  else if (end <= 8) bpf_store_byte(skb, off, bsz == 8 ? value : (load_byte(skb, off) & ~(mask << (8 - end))) | (value & mask) << (8 - end));
  else if (end <= 16) bpf_store_half(skb, off, bsz == 16 ? value : (load_half(skb, off) & ~(mask << (16 - end))) | (value & mask) << (16 - end));
  else if (end <= 32) bpf_store_word(skb, off, bsz == 32 ? value : (load_word(skb, off) & ~(mask << (32 - end))) | (value & mask) << (32 - end));
  else bpf_store_dword(skb, off, bsz == 64 ? value : (load_dword(skb, off) & ~(mask << (64 - end))) | (value & mask) << (64 - end));
}`,
  bpf_store_byte: store('bpf_store_byte', '__u8', 'value'),
  bpf_store_half: store('bpf_store_half', '__u16', '__builtin_bswap16(value)'),
  bpf_store_word: store('bpf_store_word', '__u32', '__builtin_bswap32(value)'),
  bpf_store_dword: store('bpf_store_dword', '__u64', '__builtin_bswap64(value)'),
};

export function bccFunction(name: string): string | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
}

export function bccFunctionNames(): string[] {
  return Object.keys(FUNCTIONS);
}
