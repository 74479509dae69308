import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { build, tryBuild } from './run.ts';

const HEAD = '#include <bcc/proto.h>\nstruct __sk_buff { unsigned int len; };\n';

/** Ethernet, 802.1Q, IPv4 and TCP as they would be on the wire. */
const PACKET = Uint8Array.from([
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x81, 0x00, 0xb1, 0x23, 0x08, 0x00, 0x46, 0x10, 0x00, 0x54, 0xab,
  0xcd, 0x40, 0x5a, 0x40, 0x06, 0x12, 0x34, 192, 168, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0x00, 0x50, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
  0x88, 0x5a, 0x12, 0x20, 0x00, 0xde, 0xad, 0x00, 0x01,
]);

const FIELDS: Readonly<Record<string, bigint>> = {
  'eth->dst': 0x010203040506n,
  'eth->src': 0x0a0b0c0d0e0fn,
  'eth->type': 0x8100n,
  'vlan->pri': 5n,
  'vlan->cfi': 1n,
  'vlan->vlanid': 0x123n,
  'vlan->type': 0x800n,
  'ip->ver': 4n,
  'ip->hlen': 6n,
  'ip->tos': 16n,
  'ip->tlen': 0x54n,
  'ip->identification': 0xabcdn,
  'ip->df': 1n,
  'ip->mf': 0n,
  'ip->foffset': 0x5an,
  'ip->ttl': 64n,
  'ip->nextp': 6n,
  'ip->hchecksum': 0x1234n,
  'ip->src': 0xc0a80001n,
  'ip->dst': 0x0a000002n,
  'tcp->src_port': 12345n,
  'tcp->dst_port': 80n,
  'tcp->seq_num': 0x11223344n,
  'tcp->ack_num': 0x55667788n,
  'tcp->offset': 5n,
  'tcp->reserved': 10n,
  'tcp->flag_cwr': 0n,
  'tcp->flag_ack': 1n,
  'tcp->flag_syn': 1n,
  'tcp->flag_fin': 0n,
  'tcp->rcv_wnd': 0x2000n,
  'tcp->cksum': 0xdeadn,
  'tcp->urg_ptr': 1n,
};

/** Where each field is, counted in bits from the start of the packet. */
const BITS: Readonly<Record<string, Readonly<Record<string, { start: number; width: number }>>>> = Object.fromEntries(
  [
    ['eth', 0, 'dst:48 src:48 type:16'],
    ['vlan', 112, 'pri:3 cfi:1 vlanid:12 type:16'],
    ['ip', 144, 'ver:4 hlen:4 tos:8 tlen:16 identification:16 unused:1 df:1 mf:1 foffset:13 ttl:8 nextp:8 hchecksum:16 src:32 dst:32'],
    [
      'tcp',
      304,
      'src_port:16 dst_port:16 seq_num:32 ack_num:32 offset:4 reserved:4 flag_cwr:1 flag_ece:1 flag_urg:1 flag_ack:1 flag_psh:1 flag_rst:1 flag_syn:1 flag_fin:1 rcv_wnd:16 cksum:16 urg_ptr:16',
    ],
  ].map(([header, from, fields]) => {
    let start = from as number;
    const places = (fields as string).split(' ').map((f) => {
      const [name = '', width] = f.split(':');
      const place = [name, { start, width: Number(width) }] as const;
      start += Number(width);
      return place;
    });
    return [header as string, Object.fromEntries(places)];
  }),
);

test('fields of packet headers, in host order', () => {
  const body = `u8 *cursor = 0; struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth)); struct dot1q_t *vlan = cursor_advance(cursor, sizeof(*vlan));
    struct ip_t *ip = cursor_advance(cursor, sizeof(*ip)); struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));`;
  const half = (field: string, shift: number): string => `int f${shift}(struct __sk_buff *skb) { ${body} return ${field} >> ${shift}; }`;
  for (const [field, expected] of Object.entries(FIELDS)) {
    const machine = createMachine(build(`${HEAD}${half(field, 0)}\n${half(field, 24)}`, bccDialect));
    const low = machine.run('f0', { packet: PACKET }).r0 & 0xffffffn;
    const high = machine.run('f24', { packet: PACKET }).r0 & 0xffffffffn;
    assert.equal(low | (high << 24n), expected, field);
  }
});

test('mistakes', () => {
  const said = (text: string): readonly string[] => tryBuild(HEAD + text, bccDialect).said.map((s) => s.replace(/^\S+ /, ''));
  assert.deepEqual(said('int f(struct __sk_buff *skb) { struct ip_t *ip = 0; return ip->tll; }'), [
    "no-member packet header 'ip_t' has no field 'tll'; did you mean 'ttl'?",
  ]);
  assert.equal(said('int f(struct __sk_buff *skb) { struct ip_t *ip = 0; ip->ttl++; return 0; }').length, 1);
  // Without the header, the name is the program's own.
  assert.deepEqual(
    tryBuild('struct ip_t { u32 saddr; }; int f(void *ctx) { struct ip_t ip = { 7 }, *p = &ip; return p->saddr; }', bccDialect).said,
    [],
  );
});

test('fields are written where they are read, and their neighbours stay', () => {
  const body = `u8 *cursor = 0; struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth)); struct dot1q_t *vlan = cursor_advance(cursor, sizeof(*vlan));
    struct ip_t *ip = cursor_advance(cursor, sizeof(*ip)); struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));`;
  for (const [field, before] of Object.entries(FIELDS)) {
    const [, header = '', name = ''] = /^(\w+)->(\w+)$/.exec(field) ?? [];
    const bits = BITS[header]?.[name];
    assert.ok(bits, field);
    const value = 0x5a5a_5a5a_5a5an & ((1n << BigInt(bits.width)) - 1n);
    const write = `int f(struct __sk_buff *skb) { ${body} ${field} = 0x5a5a5a5a5a5aull; return 0; }`;
    const { packet } = createMachine(build(HEAD + write, bccDialect)).run('f', { packet: PACKET });
    assert.ok(packet);
    // What it must be, from the position of the bits on the wire alone.
    const all = (bytes: Uint8Array): bigint => bytes.reduce((n, b) => (n << 8n) | BigInt(b), 0n);
    const shift = BigInt(PACKET.length * 8 - bits.start - bits.width);
    assert.equal(all(packet), all(PACKET) - (before << shift) + (value << shift), field);
  }
});

test('operators on fields, addresses of fields', () => {
  const run = (statements: string): { readonly r0: bigint; readonly packet: Uint8Array } => {
    const text = `int f(struct __sk_buff *skb) { u8 *cursor = (u8 *)18; struct ip_t *ip = cursor_advance(cursor, sizeof(*ip)); ${statements} }`;
    const { r0, packet } = createMachine(build(HEAD + text, bccDialect)).run('f', { packet: PACKET });
    return { r0, packet: packet as Uint8Array };
  };
  assert.equal(run('ip->ttl -= 1; return ip->ttl;').r0, 63n);
  assert.equal(run('return ip->ttl = 300;').r0, 300n);
  assert.equal(run('return (u64)&ip->hchecksum;').r0, 28n);
  assert.equal(run('bpf_dins_pkt(skb, 22, 4, 8, 0xff); return bpf_dext_pkt(skb, 22, 0, 16);').r0, 0xaffdn);
});

test('checksums are mended', () => {
  const helpers = { l3: 10, l4: 11 } as const;
  for (const [layer, id] of Object.entries(helpers)) {
    const seen: bigint[] = [];
    const row = {
      id,
      name: `bpf_${layer}_csum_replace`,
      run: (call: { long(n: number): bigint }): number => {
        seen.push(...[2, 3, 4, 5].map((n) => call.long(n)));
        return 0;
      },
    };
    const more = layer === 'l4' ? ', 1' : '';
    const text = `int f(struct __sk_buff *skb) { u8 *cursor = (u8 *)18; struct ip_t *ip = cursor_advance(cursor, sizeof(*ip)); u32 to = 0x01020304;
      incr_cksum_${layer}(&ip->hchecksum, ip->src, to${more}); return incr_cksum_${layer}(&ip->hchecksum, 1, ip->tlen${more}); }`;
    createMachine(build(HEAD + text, bccDialect), { helpers: [row] }).run('f', { packet: PACKET });
    const pseudo = layer === 'l4' ? 16n : 0n;
    assert.deepEqual(seen, [28n, 0x0100a8c0n, 0x04030201n, 4n | pseudo, 28n, 0x0100n, 0x5400n, 2n | pseudo]);
  }
  const said = (text: string): string => tryBuild(HEAD + text, bccDialect).said.map((s) => s.replace(/^\S+ /, ''))[0] ?? '';
  assert.match(
    said('int f(struct __sk_buff *skb) { incr_cksum_l3((void *)0, 1, 2ull); return 0; }'),
    /^bad-checksum-width .* the new one has 8/,
  );
  assert.match(said('int f(struct __sk_buff *skb) { incr_cksum_l3((void *)0, 1); return 0; }'), /^bad-argument-count /);
});
