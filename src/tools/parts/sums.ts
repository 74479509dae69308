/**
 * Records of counters in a map whose keys stay: what was added since the last time. The map is never cleared, so nothing
 * that is counted between reading and clearing gets lost.
 */
import type { Table } from '../../bcc/table.ts';
import { PerCpuMap, reduceSlots } from '../../maps/per-cpu.ts';

type Counters = Readonly<Record<string, bigint>>;

export class Sums<K, V extends object> {
  private readonly table: Table;
  private readonly before = new Map<unknown, Counters>();

  constructor(table: Table) {
    this.table = table;
  }

  /** Every key with its counters' increase. `id`: keys that are structs need a value to be known by. */
  take(id: (key: K) => unknown = (key) => key): [K, V][] {
    const found: [K, V][] = [];
    for (const [rawKey, value] of this.table.entries()) {
      const key = rawKey as unknown as K;
      const now = (this.table.map instanceof PerCpuMap ? reduceSlots(value as unknown as Counters[], add) : value) as Counters;
      const then = this.before.get(id(key));
      this.before.set(id(key), now);
      const increase = Object.fromEntries(Object.entries(now).map(([name, count]) => [name, count - (then?.[name] ?? 0n)]));
      found.push([key, increase as V]);
    }
    return found;
  }
}

const add = (a: number | bigint, b: number | bigint): bigint => BigInt(a) + BigInt(b);
