/**
 * The packet of a run, and the context that speaks of it.
 *
 *   ┌────────── headroom ──────────┬─ meta ─┬──────── data ────────┬── tailroom ──┐
 *   │  256 bytes                   │        │                      │              │
 *   └──────────────────────────────┴────────┴──────────────────────┴──────────────┘
 *                           data_meta ──▲   ▲── data    data_end ──▲
 *
 * Region 0 covers data_meta to data_end and follows them, so pointers kept across an adjustment fault exactly where
 * they left the packet. Frames have the kernel's size (4096, of which 320 are kept for its own record) or what the
 * data needs.
 */
import type { VmMemory } from './memory.ts';

const HEADROOM = 256;
const FRAME = 4096;
const RESERVED = 320;
/** Address of the first byte of the frame: above what null pointers reach, below 4 GB. */
const LOW = 0x10_0000;
/** The kernel keeps its record of the frame at its start. */
const FRAME_RECORD = 40;
const ETHERNET = 14;
const EINVAL = 22;
const EACCES = 13;

/** Offsets of the context's fields that move with the packet. */
export interface PacketContextLayout {
  readonly size: number;
  readonly length?: number;
  readonly data: number;
  readonly dataEnd: number;
  readonly dataMeta: number;
  readonly protocol?: number;
}

/** struct xdp_md and struct __sk_buff of include/uapi/linux/bpf.h. */
const XDP_MD: PacketContextLayout = { size: 24, data: 0, dataEnd: 4, dataMeta: 8 };
const SK_BUFF: PacketContextLayout = { size: 192, length: 0, protocol: 16, data: 76, dataEnd: 80, dataMeta: 140 };

/** By program type. */
export const PACKET_CONTEXTS: ReadonlyMap<string, PacketContextLayout> = new Map([
  ['xdp', XDP_MD],
  ...['socket_filter', 'sched_cls', 'sched_act', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local', 'sk_skb', 'netfilter'].map(
    (type): [string, PacketContextLayout] => [type, SK_BUFF],
  ),
]);

export class Packet {
  private readonly memory: VmMemory;
  private readonly frame: number;
  private readonly frameSize: number;
  private readonly layout: PacketContextLayout | undefined;
  /** Position of the context in linear memory. */
  private readonly context: number;
  private metaAt: number;
  private start: number;
  private end: number;

  /** `pulled`: bytes of link header before the data, there but not part of it. */
  constructor(memory: VmMemory, data: Uint8Array, pulled: number, layout: PacketContextLayout | undefined, context: number) {
    this.start = HEADROOM + pulled;
    this.metaAt = this.start;
    this.memory = memory;
    this.frameSize = Math.max(FRAME, HEADROOM + data.length + RESERVED);
    this.frame = memory.allocate(this.frameSize);
    this.layout = layout;
    this.context = context;
    this.end = HEADROOM + data.length;
    memory.bytes.set(data, this.frame + HEADROOM);
    this.publish();
    // As the kernel reads it from the Ethernet header, in network order.
    if (layout?.protocol !== undefined && data.length >= ETHERNET && memory.view.getUint32(context + layout.protocol, true) === 0) {
      memory.view.setUint32(context + layout.protocol, memory.view.getUint16(this.frame + HEADROOM + 12, true), true);
    }
  }

  get length(): number {
    return this.end - this.start;
  }

  contents(): Uint8Array {
    return this.memory.bytes.slice(this.frame + this.start, this.frame + this.end);
  }

  /** Position of `length` bytes at an offset of the data, or -1. */
  at(offset: number, length: number, least: number = 0): number {
    return offset >= least && length >= 0 && offset + length <= this.length ? this.frame + this.start + offset : -1;
  }

  /** Position of `length` bytes counted from the link header, or from the network header behind it. */
  fromHeader(header: 'link' | 'network', offset: number, length: number): number {
    return this.at(HEADROOM - this.start + (header === 'network' ? ETHERNET : 0) + offset, length, HEADROOM - this.start);
  }

  /** bpf_xdp_adjust_head. */
  moveStart(delta: number): number {
    const meta = this.start - this.metaAt;
    const start = this.start + delta;
    if (start < FRAME_RECORD + meta || start > this.end - ETHERNET) return -EINVAL;
    const { bytes } = this.memory;
    bytes.copyWithin(this.frame + start - meta, this.frame + this.metaAt, this.frame + this.start);
    this.metaAt = start - meta;
    this.start = start;
    this.publish();
    return 0;
  }

  /** bpf_xdp_adjust_tail. */
  moveEnd(delta: number, least: number = ETHERNET): number {
    const end = this.end + delta;
    if (end > this.frameSize - RESERVED || end < this.start + least) return -EINVAL;
    if (delta > 0) this.memory.bytes.fill(0, this.frame + this.end, this.frame + end);
    this.end = end;
    this.publish();
    return 0;
  }

  /** bpf_xdp_adjust_meta. */
  moveMeta(delta: number): number {
    const meta = this.metaAt + delta;
    if (meta < FRAME_RECORD || meta > this.start) return -EINVAL;
    if (((this.start - meta) & 3) !== 0 || this.start - meta > 255) return -EACCES;
    this.metaAt = meta;
    this.publish();
    return 0;
  }

  release(): void {
    this.memory.set(0, { kind: 'packet', label: 'the packet' }, 0, 0, false, 0);
    this.memory.release(this.frame, this.frameSize);
  }

  private publish(): void {
    this.memory.set(0, { kind: 'packet', label: 'the packet' }, this.frame + this.metaAt, this.end - this.metaAt, true, LOW + this.metaAt);
    if (this.layout === undefined) return;
    const { view } = this.memory;
    view.setUint32(this.context + this.layout.data, LOW + this.start, true);
    view.setUint32(this.context + this.layout.dataEnd, LOW + this.end, true);
    view.setUint32(this.context + this.layout.dataMeta, LOW + this.metaAt, true);
    if (this.layout.length !== undefined) view.setUint32(this.context + this.layout.length, this.length, true);
  }
}
