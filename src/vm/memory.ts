/**
 * The machine's memory: regions of a 64-bit address space, all kept in one WebAssembly.Memory.
 *
 *   program's address            region table (16 bytes each)            linear memory
 *   ┌────────────┬────────────┐   ┌────┬──────────┬───────────┬──────┐    ┌──────────────────────┐
 *   │ region id  │   offset   │──▶│ lo │ readable │ writable  │ base │──▶ │ base + (offset - lo) │
 *   └────────────┴────────────┘   └────┴──────────┴───────────┴──────┘    └──────────────────────┘
 *        32 bits      32 bits
 *
 * Promise: no address that a program makes, by whatever arithmetic, reaches a byte outside an open region. An access of
 * n bytes is allowed when offset - lo + n, computed in 64 bits without wrapping, is at most the region's size; a slot
 * that is not open has size 0. Leaving a region by arithmetic leads to the end of another's offsets, 4 GB away from
 * anything open.
 *
 * Region 0 is the packet and begins far above zero. So null pointers fault, and packet addresses fit the 32-bit
 * fields (`data`, `data_end`) that contexts carry them in.
 *
 * Helpers and maps see linear memory itself, through positions: plain numbers, valid until the region is closed.
 * Program addresses fit a number too (ids are small), so nothing here needs BigInt.
 */
import { Refusal } from './fault.ts';
import type { WasmMemory } from './wasm/types.ts';
import { WASM } from './wasm/types.ts';

/** No machine has more regions; addresses with ids from here on mean functions and never memory. */
export const REGION_LIMIT: number = 1 << 20;
/** The highest half of an address begins here. */
export const REGION_STEP = 4294967296;

/** Positions of the fixed parts. Arguments r1 to r5, then the result, 8 bytes each. */
export const MAILBOX = 64;
export const RESULT = 104;
/** Instructions left, signed 64 bits. */
export const BUDGET = 112;
export const STACK = 4096;
export const FRAME_SIZE = 512;
/** The kernel allows eight; callbacks run on top of their caller. */
export const MAX_FRAMES = 8;
/** First region id of the frames. */
export const FRAME_REGION = 1;
/** The region table; what is allocated follows it. */
export const TABLE: number = STACK + MAX_FRAMES * FRAME_SIZE;
const PAGE = 65536;
const FIRST_FREE_REGION = 16;

export interface Region {
  readonly kind: 'packet' | 'stack' | 'context' | 'value' | 'map' | 'record' | 'user';
  /** For messages: 'value of map "counts"'. */
  readonly label: string;
  /** Any data of whoever opened it. */
  readonly owner?: unknown;
}

export class VmMemory {
  readonly wasm: WasmMemory;
  /** Views of all of linear memory; a growing memory replaces them, so do not keep them. */
  bytes: Uint8Array;
  view: DataView;
  words: Int32Array;
  private readonly free = new Map<number, number[]>();
  private readonly regions: (Region | undefined)[] = [];
  private readonly freeIds: number[] = [];
  private nextId = FIRST_FREE_REGION;
  private readonly limitPages: number;
  private readonly heap: number;
  /** Regions that may be open at once: a power of two. */
  readonly capacity: number;
  private top: number;

  /** `limit`: bytes that values, packets and contexts may take in all. `objects`: how many of them programs may hold. */
  constructor(limit: number, objects: number) {
    this.capacity = Math.min(REGION_LIMIT, 2 ** Math.ceil(Math.log2(Math.max(objects, 1024))));
    this.heap = TABLE + this.capacity * 16;
    this.top = this.heap;
    this.limitPages = Math.min(65536, Math.ceil((this.heap + limit) / PAGE));
    this.wasm = new WASM.Memory({ initial: Math.min(this.limitPages, Math.ceil(this.heap / PAGE) + 1), maximum: this.limitPages });
    this.bytes = new Uint8Array(this.wasm.buffer);
    this.view = new DataView(this.wasm.buffer);
    this.words = new Int32Array(this.wasm.buffer);
    for (let frame = 0; frame < MAX_FRAMES; frame++) {
      this.set(
        FRAME_REGION + frame,
        { kind: 'stack', label: frame === 0 ? 'the stack' : `the stack of frame ${frame}` },
        STACK + frame * FRAME_SIZE,
        FRAME_SIZE,
        true,
        0,
      );
    }
  }

  /** Zeroed memory, aligned to 8. Returns its position. */
  allocate(size: number): number {
    const rounded = roundUp(size);
    const reused = this.free.get(rounded)?.pop();
    if (reused !== undefined) {
      this.bytes.fill(0, reused, reused + rounded);
      return reused;
    }
    const position = this.top;
    if (position + rounded > this.bytes.length) this.grow(position + rounded);
    this.top = position + rounded;
    return position;
  }

  release(position: number, size: number): void {
    const rounded = roundUp(size);
    const list = this.free.get(rounded);
    if (list === undefined) this.free.set(rounded, [position]);
    else list.push(position);
  }

  private grow(needed: number): void {
    const pages = this.bytes.length / PAGE;
    const wanted = Math.max(Math.ceil(needed / PAGE), Math.min(this.limitPages, pages + (pages >> 1)));
    if (wanted > this.limitPages)
      throw new Refusal(
        'argument',
        `the machine's memory limit of ${Math.round((this.limitPages * PAGE - this.heap) / 1048576)} MiB is used up`,
      );
    this.wasm.grow(wanted - pages);
    this.bytes = new Uint8Array(this.wasm.buffer);
    this.view = new DataView(this.wasm.buffer);
    this.words = new Int32Array(this.wasm.buffer);
  }

  /** Makes `size` bytes at `position` reachable for programs; returns the address of the first. */
  open(region: Region, position: number, size: number, writable: boolean): number {
    const id = this.freeIds.pop() ?? this.nextId++;
    if (id >= this.capacity) throw new Refusal('argument', `more than ${this.capacity} objects are reachable at once`);
    this.set(id, region, position, size, writable, 0);
    return id * REGION_STEP;
  }

  close(address: number): void {
    const id = Math.floor(address / REGION_STEP);
    this.words.fill(0, (TABLE >> 2) + id * 4, (TABLE >> 2) + id * 4 + 4);
    this.regions[id] = undefined;
    if (id >= FIRST_FREE_REGION) this.freeIds.push(id);
  }

  /** Places a region at a fixed id; `lo` is the offset of its first byte. */
  set(id: number, region: Region, position: number, size: number, writable: boolean, lo: number): void {
    const entry = (TABLE >> 2) + id * 4;
    this.words[entry] = lo;
    this.words[entry + 1] = size;
    this.words[entry + 2] = writable ? size : 0;
    this.words[entry + 3] = position;
    this.regions[id] = region;
  }

  /** Half of the regions are open: whoever can open his again when asked should close them between runs. */
  get crowded(): boolean {
    return this.nextId - this.freeIds.length > this.capacity / 2;
  }

  regionAt(address: number): Region | undefined {
    return this.regions[Math.floor(address / REGION_STEP)];
  }

  /** Position of `length` bytes at a program's address, or -1 where they are not all in one open region. */
  find(address: number, length: number, write: boolean): number {
    const id = Math.floor(address / REGION_STEP);
    if (!(id >= 0 && id < this.capacity)) return -1;
    const entry = (TABLE >> 2) + id * 4;
    const at = (address - id * REGION_STEP - (this.words[entry] as number)) >>> 0;
    return at + length <= (this.words[entry + (write ? 2 : 1)] as number) ? (this.words[entry + 3] as number) + at : -1;
  }

  /** Bytes that may be accessed from the address to the end of its region. */
  room(address: number, write: boolean): number {
    const id = Math.floor(address / REGION_STEP);
    if (!(id >= 0 && id < this.capacity)) return 0;
    const entry = (TABLE >> 2) + id * 4;
    const at = (address - id * REGION_STEP - (this.words[entry] as number)) >>> 0;
    return Math.max(0, (this.words[entry + (write ? 2 : 1)] as number) - at);
  }

  /** What is wrong with an access, in words. */
  describe(address: number, length: number, write: boolean): string {
    const what = `${write ? 'write' : 'read'} of ${length} byte${length === 1 ? '' : 's'}`;
    const id = Math.floor(address / REGION_STEP);
    const offset = address - id * REGION_STEP;
    if (id === 0 && offset < 65536) return `${what} through a null pointer${offset === 0 ? '' : ` (offset ${offset})`}`;
    // Arithmetic below a region's start lands at the very end of the id before it.
    const before = offset >= 0xf000_0000 && this.regions[id + 1] !== undefined;
    const region = this.regions[before ? id + 1 : id];
    if (region === undefined) return `${what} at 0x${address.toString(16)}, which is no address of this program`;
    const entry = (TABLE >> 2) + (before ? id + 1 : id) * 4;
    const at = offset - (before ? REGION_STEP : (this.words[entry] as number));
    const size = this.words[entry + 1] as number;
    if (region.kind === 'map') return `${what} of ${region.label} itself, not of a value in it`;
    if (write && at >= 0 && at + length <= size) return `${what} to ${region.label}, which is read-only`;
    const place = region.kind === 'stack' ? `frame pointer ${signed(at - size)}` : `offset ${at}`;
    return `${what} at ${place}, outside ${region.label} of ${size} bytes`;
  }
}

function signed(n: number): string {
  return n < 0 ? `- ${-n}` : `+ ${n}`;
}

/** Free lists by size must not be too many: multiples of 8 up to 128, then eighths of powers of two. */
function roundUp(size: number): number {
  if (size <= 128) return Math.max(8, (size + 7) & ~7);
  const step = 1 << (28 - Math.clz32(size - 1));
  return Math.ceil(size / step) * step;
}
