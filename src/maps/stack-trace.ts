/**
 * Stack traces: `stack_trace`, filled by bpf_get_stackid(). The key is the id that the helper gave.
 *
 * Minimum kernel: 4.6. BPF_MAP_TYPE_STACK_TRACE.
 */
import { BpfMap } from './map.ts';

export class StackTraceMap extends BpfMap<number, readonly bigint[]> {
  /** Return addresses, innermost first; undefined if the id is not there (negative ids are errors of the helper). */
  get(id: number): bigint[] | undefined {
    if (id < 0) return undefined;
    this.elements.key.setUint32(0, id, true);
    if (!this.elements.lookup()) return undefined;
    const { value } = this.elements;
    const addresses: bigint[] = [];
    for (let at = 0; at + 8 <= value.byteLength; at += 8) {
      const address = value.getBigUint64(at, true);
      if (address === 0n) break;
      addresses.push(address);
    }
    return addresses;
  }

  delete(id: number): boolean {
    this.elements.key.setUint32(0, id >>> 0, true);
    return this.elements.delete();
  }

  *keys(): Generator<number, void, undefined> {
    const ids: number[] = [];
    // Collected first: taking traces out while walking would start the walk again.
    for (let more = this.elements.nextKey(true); more && ids.length <= this.spec.maxEntries; more = this.elements.nextKey(false)) {
      const id = this.elements.next.getUint32(0, true);
      this.elements.key.setUint32(0, id, true);
      ids.push(id);
    }
    yield* ids;
  }

  *entries(): Generator<[number, bigint[]], void, undefined> {
    for (const id of this.keys()) {
      const addresses = this.get(id);
      if (addresses !== undefined) yield [id, addresses];
    }
  }

  [Symbol.iterator](): Generator<[number, bigint[]], void, undefined> {
    return this.entries();
  }

  clear(): void {
    for (const id of this.keys()) this.delete(id);
  }
}
