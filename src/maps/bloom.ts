/**
 * Bloom filters: `bloom_filter`. Says "surely not" or "probably"; values cannot be taken out or listed.
 *
 * Minimum kernel: 5.16. BPF_MAP_TYPE_BLOOM_FILTER.
 */
import type { In, MapValue } from './codec.ts';
import { BpfMap } from './map.ts';

export class BloomMap<V = MapValue> extends BpfMap<undefined, V> {
  add(value: In<V>): void {
    this.valueCodec.encode(this.elements.value, 0, value);
    this.elements.update();
  }

  /** False: it was never added. True: it probably was. */
  has(value: In<V>): boolean {
    this.valueCodec.encode(this.elements.value, 0, value);
    return this.elements.lookup();
  }
}
