/** Helpers that give something to the host: trace text, formatted strings, perf and ring buffer records, stacks. */
import { Refusal } from '../fault.ts';
import { formatText } from '../format.ts';
import type { PerfStore, RingStore } from '../maps/records.ts';
import { ERRNO } from '../maps/store.ts';
import type { HelperCall, HelperRow } from './call.ts';

const CURRENT_CPU = 0xffff_ffff;
/** The kernel's buffer for one line of trace text. */
const LINE = 1024;

/** Formats with arguments given as values; undefined where the kernel would refuse. */
function formatted(call: HelperCall, format: string, args: readonly bigint[], size: number): string | undefined {
  const { memory } = call;
  return formatText(format, {
    args,
    size,
    text(address) {
      const room = memory.room(Number(address), false);
      return room === 0 ? undefined : call.text(memory.find(Number(address), 1, false), room);
    },
    bytes(address, length) {
      const position = memory.find(Number(address), length, false);
      return position === -1 ? undefined : memory.bytes.slice(position, position + length);
    },
  });
}

/** The format with its zero inside `size` bytes, or undefined. */
function formatArgument(call: HelperCall, argument: number, size: number): string | undefined {
  const at = call.readable(argument, size);
  const text = call.text(at, size);
  return text.length === size ? undefined : text;
}

function wordArguments(call: HelperCall, pointer: number, size: number): bigint[] | undefined {
  if (size % 8 !== 0 || size > 96 || (size > 0 && call.address(pointer) === 0)) return undefined;
  const at = call.readable(pointer, size);
  return Array.from({ length: size / 8 }, (_, i) => call.memory.view.getBigUint64(at + i * 8, true));
}

/** Text as bytes: each character came from one. */
function print(call: HelperCall, format: string | undefined, args: readonly bigint[] | undefined): number {
  const text = format === undefined || args === undefined ? undefined : formatted(call, format, args, LINE);
  if (text === undefined) return -ERRNO.EINVAL;
  call.state.printk.push(utf8(text.slice(0, LINE - 1)));
  return text.length;
}

function utf8(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0)));
}

function tracePrintk(call: HelperCall): number {
  return print(call, formatArgument(call, 1, call.uint(2)), [call.long(3), call.long(4), call.long(5)]);
}

function traceVprintk(call: HelperCall): number {
  return print(call, formatArgument(call, 1, call.uint(2)), wordArguments(call, 3, call.uint(4)));
}

/** Cut to the buffer, always ended by a zero; returns the whole length with its zero. */
function snprintf(call: HelperCall): number {
  const size = call.uint(2);
  const format = call.address(3);
  const args = wordArguments(call, 4, call.uint(5));
  const room = call.memory.room(format, false);
  const text = args === undefined || room === 0 ? undefined : formatted(call, call.text(call.readable(3, 1), room), args, size);
  if (text === undefined) return -ERRNO.EINVAL;
  if (size > 0) {
    const at = call.writable(1, size);
    const count = Math.min(text.length, size - 1);
    for (let i = 0; i < count; i++) call.memory.bytes[at + i] = text.charCodeAt(i);
    call.memory.bytes[at + count] = 0;
  }
  return text.length + 1;
}

function seqPrintf(call: HelperCall): number {
  const format = formatArgument(call, 2, call.uint(3));
  const args = wordArguments(call, 4, call.uint(5));
  const text = format === undefined || args === undefined ? undefined : formatted(call, format, args, Number.MAX_SAFE_INTEGER);
  if (text === undefined) return -ERRNO.EINVAL;
  for (let i = 0; i < text.length; i++) call.state.sequence.push(text.charCodeAt(i));
  return 0;
}

function seqWrite(call: HelperCall): number {
  const size = call.size(3);
  const at = call.readable(2, size);
  call.state.sequence.push(...call.memory.bytes.subarray(at, at + size));
  return 0;
}

/** The record, and as much of the packet as the upper half of the flags asks for. */
function perfOutput(call: HelperCall): number {
  const { store } = call.map(2, ['perf']);
  const size = call.size(5);
  const at = call.readable(4, size);
  const index = call.uint(3);
  const captured = Number((call.long(3) >> 32n) & 0xfffffn);
  const packet = captured === 0 ? undefined : call.state.packet?.at(0, captured);
  if (captured !== 0 && (packet === undefined || packet === -1)) return -ERRNO.EFAULT;
  const data = new Uint8Array(size + captured);
  data.set(call.memory.bytes.subarray(at, at + size));
  if (packet !== undefined) data.set(call.memory.bytes.subarray(packet, packet + captured), size);
  return (store as PerfStore).output(index === CURRENT_CPU ? call.state.cpu : index, data);
}

function ring(call: HelperCall, argument: number): RingStore {
  return call.map(argument, ['ring']).store as RingStore;
}

function ringFinish(submit: boolean): HelperRow['run'] {
  return (call) => {
    const address = call.address(1);
    const owner = call.memory.regionAt(address)?.owner;
    const store = call.state.maps.find((map) => map.store === owner)?.store as RingStore | undefined;
    if (store === undefined) throw new Refusal('argument', `argument 1: 0x${call.long(1).toString(16)} is no reserved record`);
    store.finish(address, submit);
    return 0;
  };
}

function ringOutput(call: HelperCall): number {
  const size = call.size(3);
  return ring(call, 1).output(call.readable(2, size), size);
}

/** Skips the innermost `flags & 0xff` entries. */
function stackOf(call: HelperCall, flags: number): readonly bigint[] {
  return ((flags & 0x100) !== 0 ? call.state.userStack : call.state.kernelStack).slice(flags & 0xff);
}

/** The number under which the stack is in the map: from its hash, as the kernel does, so that equal stacks are one. */
function getStackId(call: HelperCall): number {
  const map = call.map(2, ['stacks']);
  const flags = call.uint(3);
  const depth = map.shape.valueSize >> 3;
  const frames = stackOf(call, flags).slice(0, depth);
  if (frames.length === 0) return -ERRNO.EFAULT;
  let hash = 0;
  for (const frame of frames) for (const half of [frame & 0xffff_ffffn, frame >> 32n]) hash = Math.imul(hash ^ Number(half), 0x9e3779b1);
  let size = 1;
  while (size < map.shape.maxEntries) size *= 2;
  const id = (hash >>> 0) % size;
  const { memory } = call;
  const key = memory.allocate(8);
  const value = memory.allocate(map.shape.valueSize);
  memory.view.setUint32(key, id, true);
  for (const [i, frame] of frames.entries()) memory.view.setBigUint64(value + i * 8, frame, true);
  const present = map.store.valueOn(key, 0);
  let result = id;
  if (present === -1 || (flags & 0x400) !== 0) map.store.update(key, value, 0);
  else if ((flags & 0x200) === 0 && !equal(memory.bytes, present, value, map.shape.valueSize)) result = -ERRNO.EEXIST;
  memory.release(key, 8);
  memory.release(value, map.shape.valueSize);
  return result;
}

function equal(bytes: Uint8Array, a: number, b: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

function getStack(call: HelperCall): number {
  const size = call.size(3);
  const at = call.writable(2, size);
  const frames = stackOf(call, call.uint(4)).slice(0, size >> 3);
  call.memory.bytes.fill(0, at, at + size);
  for (const [i, frame] of frames.entries()) call.memory.view.setBigUint64(at + i * 8, frame, true);
  return frames.length * 8;
}

export const OUTPUT_HELPERS: readonly HelperRow[] = [
  { id: 6, name: 'bpf_trace_printk', run: tracePrintk },
  { id: 25, name: 'bpf_perf_event_output', run: perfOutput },
  { id: 27, name: 'bpf_get_stackid', run: getStackId },
  { id: 67, name: 'bpf_get_stack', run: getStack },
  { id: 111, name: 'bpf_skb_output', run: perfOutput },
  { id: 121, name: 'bpf_xdp_output', run: perfOutput },
  { id: 126, name: 'bpf_seq_printf', run: seqPrintf },
  { id: 127, name: 'bpf_seq_write', run: seqWrite },
  { id: 130, name: 'bpf_ringbuf_output', run: ringOutput },
  { id: 131, name: 'bpf_ringbuf_reserve', run: (call) => ring(call, 1).reserve(call.size(2)) },
  { id: 132, name: 'bpf_ringbuf_submit', run: ringFinish(true) },
  { id: 133, name: 'bpf_ringbuf_discard', run: ringFinish(false) },
  { id: 134, name: 'bpf_ringbuf_query', run: (call) => ring(call, 1).query(call.uint(2)) },
  { id: 165, name: 'bpf_snprintf', run: snprintf },
  { id: 177, name: 'bpf_trace_vprintk', run: traceVprintk },
];
