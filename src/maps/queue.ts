/**
 * Queues and stacks: `queue` (first in, first out) and `stack` (last in, first out). No keys.
 *
 * Minimum kernel: 4.20. BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK.
 */
import { ELEM_FLAG } from '../kernel/bpf-enums.ts';
import type { In, MapValue } from './codec.ts';
import { BpfMap } from './map.ts';

export class QueueMap<V = MapValue> extends BpfMap<undefined, V> {
  /** Adds a value. When full, throws `MapFullError`, or drops the oldest with `{ replace: true }`. */
  push(value: In<V>, options: { readonly replace?: boolean } = {}): void {
    this.valueCodec.encode(this.elements.value, 0, value);
    this.elements.update(options.replace === true ? ELEM_FLAG.EXIST : ELEM_FLAG.ANY);
  }

  /** Takes the next value; undefined when empty. */
  pop(): V | undefined {
    return this.elements.lookupAndDelete() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
  }

  /** Reads the next value and leaves it there; undefined when empty. */
  peek(): V | undefined {
    return this.elements.lookup() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
  }

  /** Takes all values that are there, at most as many as the map holds: a busy program cannot keep it going. */
  *drain(): Generator<V, void, undefined> {
    for (let i = 0; i < this.spec.maxEntries; i++) {
      const there = this.elements.lookupAndDelete();
      if (!there) return;
      yield this.valueCodec.decode(this.elements.value, 0);
    }
  }
}
