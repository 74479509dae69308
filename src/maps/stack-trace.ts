/**
 * Stack traces: `stack_trace`, filled by bpf_get_stackid(). The key is the id that the helper gave.
 *
 *   BPF_STACK_TRACE           an address a frame                                       get()
 *   BPF_STACK_TRACE_BUILDID   build id of the file and offset in it, or an address     places()
 *
 * Minimum kernel: 4.6, build ids 4.17. BPF_MAP_TYPE_STACK_TRACE.
 */
import { BpfMap } from './map.ts';

/** Where a frame is, of a map with build ids: names can be found later, without the process. */
export interface BuildIdPlace {
  /** In hexadecimal; undefined where the kernel could not read it: then `address` is all there is. */
  readonly buildId: string | undefined;
  /** In the file; 0 without a build id. */
  readonly offset: bigint;
  readonly address: bigint | undefined;
}

const BPF_F_STACK_BUILD_ID = 1 << 5;
/** struct bpf_stack_build_id: status, 20 bytes of build id, offset or address. */
const PLACE = { size: 32, id: 4, idLength: 20, offset: 24 } as const;
const STATUS = { EMPTY: 0, VALID: 1, IP: 2 } as const;

export class StackTraceMap extends BpfMap<number, readonly bigint[]> {
  /** Made with build ids. */
  get hasBuildIds(): boolean {
    return (this.spec.flags & BPF_F_STACK_BUILD_ID) !== 0;
  }

  /** Of a map with build ids: frames, innermost first; undefined if the id is not there. */
  places(id: number): BuildIdPlace[] | undefined {
    if (id < 0) return undefined;
    this.elements.key.setUint32(0, id, true);
    if (!this.elements.lookup()) return undefined;
    const { value } = this.elements;
    const places: BuildIdPlace[] = [];
    for (let at = 0; at + PLACE.size <= value.byteLength; at += PLACE.size) {
      const status = value.getInt32(at, true);
      if (status === STATUS.EMPTY) break;
      const last = value.getBigUint64(at + PLACE.offset, true);
      if (status === STATUS.IP) {
        places.push({ buildId: undefined, offset: 0n, address: last });
        continue;
      }
      const bytes = new Uint8Array(value.buffer, value.byteOffset + at + PLACE.id, PLACE.idLength);
      places.push({ buildId: Buffer.from(bytes).toString('hex'), offset: last, address: undefined });
    }
    return places;
  }

  /**
   * Return addresses, innermost first; undefined if the id is not there (negative ids are errors of the helper). Of a map
   * with build ids only those that the kernel knows by address alone.
   */
  get(id: number): bigint[] | undefined {
    if (this.hasBuildIds) return this.places(id)?.flatMap((place) => place.address ?? []);
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
