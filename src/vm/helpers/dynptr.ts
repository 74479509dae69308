/**
 * Dynamic pointers: sixteen bytes on the stack that say where and how much. Here: address, offset, size (the kernel's
 * own layout is its secret, so any will do).
 */
import { Refusal } from '../fault.ts';
import type { RingStore } from '../maps/records.ts';
import { ERRNO } from '../maps/store.ts';
import type { HelperCall, HelperRow } from './call.ts';

function write(call: HelperCall, argument: number, address: number, size: number): void {
  const at = call.writable(argument, 16);
  call.memory.view.setBigUint64(at, BigInt(address), true);
  call.memory.view.setUint32(at + 8, 0, true);
  call.memory.view.setUint32(at + 12, size, true);
}

function read(call: HelperCall, argument: number): { readonly address: number; readonly size: number } {
  const at = call.readable(argument, 16);
  const { view } = call.memory;
  return { address: Number(view.getBigUint64(at, true)) + view.getUint32(at + 8, true), size: view.getUint32(at + 12, true) };
}

function fromMemory(call: HelperCall): number {
  const address = call.address(1);
  const size = call.uint(2);
  if (call.long(3) !== 0n) {
    write(call, 4, 0, 0);
    return -ERRNO.EINVAL;
  }
  call.readable(1, size);
  write(call, 4, address, size);
  return 0;
}

function reserve(call: HelperCall): number {
  const size = call.uint(2);
  const address = call.long(3) === 0n ? (call.map(1, ['ring']).store as RingStore).reserve(size) : 0;
  write(call, 4, address, address === 0 ? 0 : size);
  return address === 0 ? -ERRNO.EINVAL : 0;
}

function finish(submit: boolean): HelperRow['run'] {
  return (call) => {
    const { address } = read(call, 1);
    if (address === 0) return 0;
    const owner = call.memory.regionAt(address)?.owner;
    const store = call.state.maps.find((map) => map.store === owner)?.store as RingStore | undefined;
    if (store === undefined) throw new Refusal('argument', 'argument 1 holds no reserved record');
    store.finish(address, submit);
    write(call, 1, 0, 0);
    return 0;
  };
}

function copy(call: HelperCall, pointer: number, offset: number, buffer: number, size: number, out: boolean): number {
  const dynamic = read(call, pointer);
  if (dynamic.address === 0) return -ERRNO.EINVAL;
  if (offset + size > dynamic.size) return -ERRNO.E2BIG;
  const inside = call.memory.find(dynamic.address + offset, size, !out);
  if (inside === -1) return -ERRNO.EINVAL;
  const other = out ? call.writable(buffer, size) : call.readable(buffer, size);
  if (out) call.memory.bytes.copyWithin(other, inside, inside + size);
  else call.memory.bytes.copyWithin(inside, other, other + size);
  return 0;
}

function data(call: HelperCall): number {
  const dynamic = read(call, 1);
  return dynamic.address === 0 || call.uint(2) + call.uint(3) > dynamic.size ? 0 : dynamic.address + call.uint(2);
}

export const DYNPTR_HELPERS: readonly HelperRow[] = [
  { id: 197, name: 'bpf_dynptr_from_mem', run: fromMemory },
  { id: 198, name: 'bpf_ringbuf_reserve_dynptr', run: reserve },
  { id: 199, name: 'bpf_ringbuf_submit_dynptr', run: finish(true) },
  { id: 200, name: 'bpf_ringbuf_discard_dynptr', run: finish(false) },
  { id: 201, name: 'bpf_dynptr_read', run: (call) => copy(call, 3, call.uint(4), 1, call.uint(2), true) },
  { id: 202, name: 'bpf_dynptr_write', run: (call) => copy(call, 1, call.uint(2), 3, call.uint(4), false) },
  { id: 203, name: 'bpf_dynptr_data', run: data },
];
