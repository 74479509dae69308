/** Helpers that read and change the packet of the run. */
import { Refusal } from '../fault.ts';
import { ERRNO } from '../maps/store.ts';
import type { Packet } from '../packet.ts';
import type { HelperCall, HelperRow } from './call.ts';

function packet(call: HelperCall): Packet {
  if (call.state.packet === undefined) throw new Refusal('argument', 'this run has no packet');
  return call.state.packet;
}

/** Copies out of the packet; a failed copy leaves zeros. */
function loadBytes(place: (call: HelperCall, size: number) => number): HelperRow['run'] {
  return (call) => {
    const size = call.size(4);
    const to = call.writable(3, size);
    const from = place(call, size);
    if (from === -1) {
      call.memory.bytes.fill(0, to, to + size);
      return -ERRNO.EFAULT;
    }
    call.memory.bytes.copyWithin(to, from, from + size);
    return 0;
  };
}

function storeBytes(call: HelperCall): number {
  if (call.address(5) > 3) return -ERRNO.EINVAL;
  const size = call.size(4);
  const to = packet(call).at(call.uint(2), size);
  if (to === -1) return -ERRNO.EFAULT;
  const from = call.readable(3, size);
  call.memory.bytes.copyWithin(to, from, from + size);
  return 0;
}

function xdpBytes(store: boolean): HelperRow['run'] {
  return (call) => {
    const size = call.size(4);
    const at = packet(call).at(call.uint(2), size);
    if (size > 0xffff || at === -1) return -ERRNO.EINVAL;
    const buffer = store ? call.readable(3, size) : call.writable(3, size);
    if (store) call.memory.bytes.copyWithin(at, buffer, buffer + size);
    else call.memory.bytes.copyWithin(buffer, at, at + size);
    return 0;
  };
}

function changeTail(call: HelperCall): number {
  if (call.long(3) !== 0n) return -ERRNO.EINVAL;
  return packet(call).moveEnd(call.uint(2) - packet(call).length, 0);
}

/** Ones' complement sum of 32-bit words. */
function sum(call: HelperCall, at: number, size: number, seed: number, invert: boolean): number {
  let total = seed;
  for (let i = 0; i < size; i += 4) {
    const word = call.memory.view.getUint32(at + i, true);
    total += invert ? ~word >>> 0 : word;
    if (total > 0xffff_ffff) total = (total % 0x1_0000_0000) + 1;
  }
  return total;
}

function checksumDifference(call: HelperCall): number {
  const fromSize = call.uint(2);
  const toSize = call.uint(4);
  if (((fromSize | toSize) & 3) !== 0) return -ERRNO.EINVAL;
  const removed = sum(call, call.readable(1, fromSize), fromSize, call.uint(5), true);
  return sum(call, call.readable(3, toSize), toSize, removed, false);
}

function fold(value: number): number {
  let rest = value;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000);
  return rest;
}

/** RFC 1624: the new checksum from the old one and the difference. */
function replaceChecksum(keepZero: boolean): HelperRow['run'] {
  return (call) => {
    const offset = call.uint(2);
    const from = call.uint(3);
    const to = call.uint(4);
    const flags = call.uint(5);
    const size = flags & 15;
    // Bit 4 is BPF_F_PSEUDO_HDR, which only matters to offloaded checksums; bit 5 is BPF_F_MARK_MANGLED_0.
    if ((flags & ~(keepZero ? 0x7f : 15)) !== 0 || (size !== 0 && size !== 2 && size !== 4)) return -ERRNO.EINVAL;
    const at = packet(call).at(offset, 2);
    if (offset > 0xffff || (offset & 1) !== 0 || at === -1) return -ERRNO.EFAULT;
    if (size === 0 && from !== 0) return -ERRNO.EINVAL;
    const old = call.memory.view.getUint16(at, true);
    if (keepZero && (flags & 0x20) !== 0 && old === 0) return 0;
    const halves = (word: number): number => (size === 2 ? word & 0xffff : fold(word));
    let result = ~fold((~old & 0xffff) + (size === 0 ? 0 : ~halves(from) & 0xffff) + halves(to)) & 0xffff;
    if (keepZero && (flags & 0x20) !== 0 && result === 0) result = 0xffff;
    call.memory.view.setUint16(at, result, true);
    return 0;
  };
}

export const PACKET_HELPERS: readonly HelperRow[] = [
  { id: 9, name: 'bpf_skb_store_bytes', run: storeBytes },
  { id: 10, name: 'bpf_l3_csum_replace', run: replaceChecksum(false) },
  { id: 11, name: 'bpf_l4_csum_replace', run: replaceChecksum(true) },
  { id: 26, name: 'bpf_skb_load_bytes', run: loadBytes((call, size) => packet(call).at(call.uint(2), size)) },
  { id: 28, name: 'bpf_csum_diff', run: checksumDifference },
  { id: 34, name: 'bpf_get_hash_recalc', run: () => 0 },
  { id: 38, name: 'bpf_skb_change_tail', run: changeTail },
  { id: 39, name: 'bpf_skb_pull_data', run: (call) => (call.uint(2) > packet(call).length ? -ERRNO.ENOMEM : 0) },
  { id: 44, name: 'bpf_xdp_adjust_head', run: (call) => packet(call).moveStart(call.int(2)) },
  { id: 54, name: 'bpf_xdp_adjust_meta', run: (call) => packet(call).moveMeta(call.int(2)) },
  { id: 65, name: 'bpf_xdp_adjust_tail', run: (call) => packet(call).moveEnd(call.int(2)) },
  {
    id: 68,
    name: 'bpf_skb_load_bytes_relative',
    run: loadBytes((call, size) => packet(call).fromHeader(call.uint(5) === 1 ? 'network' : 'link', call.uint(2), size)),
  },
  { id: 188, name: 'bpf_xdp_get_buff_len', run: (call) => packet(call).length },
  { id: 189, name: 'bpf_xdp_load_bytes', run: xdpBytes(false) },
  { id: 190, name: 'bpf_xdp_store_bytes', run: xdpBytes(true) },
];
