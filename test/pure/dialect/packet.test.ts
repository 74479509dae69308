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
  assert.equal(said('int f(struct __sk_buff *skb) { struct ip_t *ip = 0; ip->ttl = 1; return 0; }').length, 1);
  // Without the header, the name is the program's own.
  assert.deepEqual(
    tryBuild('struct ip_t { u32 saddr; }; int f(void *ctx) { struct ip_t ip = { 7 }, *p = &ip; return p->saddr; }', bccDialect).said,
    [],
  );
});
