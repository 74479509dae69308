/**
 * Packet headers by cursor, as BCC's `bcc/proto.h` has them:
 *
 *   u8 *cursor = 0;
 *   struct ethernet_t *eth = cursor_advance(cursor, sizeof(*eth));
 *   if (eth->type == 0x800) …
 *
 * A pointer to such a header is an offset into the packet; reading a field is a load from the packet (LD_ABS, LD_IND)
 * in host byte order, writing one a store of its bytes, and `&eth->type` its offset. Bits are counted as on the wire,
 * from the most significant. The structs carry names of their own, so that other structs of the same names stay what
 * they are.
 */

import type { Expr, ParamDecl } from '../../c/ast.ts';
import { ref } from '../../c/sema/nodes.ts';
import type { Field } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import { suggest } from '../../did-you-mean.ts';
import type { DialectContext } from '../dialect.ts';
import { callNamed, number, pointerTo, statementExpression } from '../tree.ts';

const MARK = '__skep_packet_';

/** Header: its fields, `name:bits`, in order. */
const HEADERS: Readonly<Record<string, string>> = {
  ethernet_t: 'dst:48 src:48 type:16',
  dot1q_t: 'pri:3 cfi:1 vlanid:12 type:16',
  arp_t: 'htype:16 ptype:16 hlen:8 plen:8 oper:16 sha:48 spa:32 tha:48 tpa:32',
  ip_t: 'ver:4 hlen:4 tos:8 tlen:16 identification:16 ffo_unused:1 df:1 mf:1 foffset:13 ttl:8 nextp:8 hchecksum:16 src:32 dst:32',
  icmp_t: 'type:8 code:8 checksum:16',
  ip6_t: 'ver:4 priority:8 flow_label:20 payload_len:16 next_header:8 hop_limit:8 src_hi:64 src_lo:64 dst_hi:64 dst_lo:64',
  ip6_opt_t: 'next_header:8 ext_len:8 pad_a:48',
  icmp6_t: 'type:8 code:8 checksum:16',
  udp_t: 'sport:16 dport:16 length:16 crc:16',
  tcp_t:
    'src_port:16 dst_port:16 seq_num:32 ack_num:32 offset:4 reserved:4 flag_cwr:1 flag_ece:1 flag_urg:1 flag_ack:1 flag_psh:1 flag_rst:1 flag_syn:1 flag_fin:1 rcv_wnd:16 cksum:16 urg_ptr:16',
  vxlan_t: 'rsv1:4 iflag:1 rsv2:3 rsv3:24 key:24 rsv6:8',
  vxlan_gbp_t: 'gbp:1 rsv1:3 iflag:1 rsv2:3 rsv3:1 dlearn:1 rsv4:2 policy:1 rsv5:3 gpid:16 key:24 rsv6:8',
};

export const PROTO_H = `#pragma once
${Object.entries(HEADERS)
  .map(
    ([name, fields]) => `#define ${name} ${MARK}${name}
struct ${name} {${fields
      .split(' ')
      .map((f) => ` unsigned long long ${f};`)
      .join('')} } __attribute__((packed));
`,
  )
  .join('')}`;

/** `header->field`, or undefined where `base` is no pointer to a packet header. */
export function packetField(base: Expr, name: string, arrow: boolean, loc: Loc, context: DialectContext): Expr | undefined {
  const { type } = base.type;
  const record = arrow && type.kind === 'pointer' ? type.to.type : undefined;
  if (record?.kind !== 'record' || !record.name.startsWith(MARK)) return undefined;
  const { actions, diagnostics, currentFunction } = context;
  const fields = record.fields ?? [];
  const field = fields.find((f) => f.name === name);
  const skb = currentFunction?.params[0];
  if (field === undefined) {
    const near = suggest(
      name,
      fields.map((f) => f.name),
    );
    diagnostics.error(
      'no-member',
      loc,
      `packet header '${record.name.slice(MARK.length)}' has no field '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
    );
    return actions.intLiteral('0', loc);
  }
  if (skb === undefined) {
    diagnostics.error(
      'no-packet',
      loc,
      `field '${name}' of a packet header is read in a function without the packet: its first parameter must be the struct __sk_buff *`,
    );
    return actions.intLiteral('0', loc);
  }
  const place = placeOf(base, field);
  const value = load(place, skb, loc, context);
  // What is read may turn out to be what is written to.
  places.set(value, place);
  return value;
}

interface Place {
  /** The header: an offset into the packet. */
  readonly base: Expr;
  /** From the header's start, in bits. */
  readonly start: number;
  readonly width: number;
}

const places = new WeakMap<Expr, Place>();

function placeOf(base: Expr, { offset, bit }: Field): Place {
  return { base, start: offset * 8 + (bit?.offset ?? 0), width: bit?.width ?? 64 };
}

/** Width in bits of a field of a packet header that was read; undefined for all else. */
export function packetFieldWidth(value: Expr): number | undefined {
  return places.get(value)?.width;
}

/** `header->field = value`, also with an operator; undefined where the target is no such field. */
export function assignPacketField(op: string, target: Expr, value: Expr, loc: Loc, context: DialectContext): Expr | undefined {
  const place = places.get(target);
  const skb = context.currentFunction?.params[0];
  if (place === undefined || skb === undefined) return undefined;
  const { actions } = context;
  const stored = op === '=' ? value : actions.binary(op.slice(0, -1), target, value, loc);
  const wide = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  return statementExpression(actions, loc, (b) => {
    const result = b.local('stored', wide, stored);
    const within = place.start % 8;
    const args = [ref(skb, loc), address(place, loc, context), number(actions, within, loc), number(actions, place.width, loc), result()];
    b.do(callNamed(actions, 'bpf_dins_pkt', args, loc));
    return result();
  });
}

/** `&header->field`: where the field's first byte is in the packet, as a pointer. */
export function packetFieldAddress(operand: Expr, loc: Loc, context: DialectContext): Expr | undefined {
  const place = places.get(operand);
  if (place === undefined) return undefined;
  const { actions } = context;
  return actions.cast(pointerTo(actions, { kind: 'void' }, loc), address(place, loc, context), loc);
}

function address({ base, start }: Place, loc: Loc, { actions }: DialectContext): Expr {
  const wide = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  return actions.binary('+', actions.cast(wide, base, loc), number(actions, Math.floor(start / 8), loc), loc);
}

const LOADS = [
  [8, 'load_byte'],
  [16, 'load_half'],
  [32, 'load_word'],
  [64, 'load_dword'],
] as const;

function load(place: Place, skb: ParamDecl, loc: Loc, context: DialectContext): Expr {
  const { actions } = context;
  const { start, width } = place;
  const within = start % 8;
  const wide = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  const [size, name] = LOADS.find(([bits]) => bits >= within + width) ?? LOADS[3];
  const value = callNamed(actions, name, [ref(skb, loc), address(place, loc, context)], loc);
  if (size === width) return actions.cast(wide, value, loc);
  const shifted = actions.binary('>>', actions.cast(wide, value, loc), number(actions, size - within - width, loc), loc);
  return actions.binary('&', shifted, number(actions, (1n << BigInt(width)) - 1n, loc), loc);
}
