/**
 * Draining: entries are handed over one by one, but the kernel takes them out thousands at a time.
 *
 *   LOOKUP_AND_DELETE_BATCH ─▶ | handed over | not yet |        the caller leaves (break, throw) ─▶ the rest goes back
 *
 * What goes back is written only where its key is still absent: a program that counts the key again meanwhile has the
 * entry now, and what had been counted before is then lost. On maps without batches each entry is taken out just before
 * it is handed over, so nothing has to go back.
 */
import { ELEM_FLAG } from '../kernel/bpf-enums.ts';
import { put } from './batch.ts';
import { type Elements, MapFullError } from './elements.ts';
import { type Batch, scan } from './scan.ts';

/** All entries, as `decode` makes them, taken out of the map. */
export function* takeOut<T>(map: Elements, maxEntries: number, decode: (batch: Batch, index: number) => T): Generator<T, void, undefined> {
  for (const batch of scan(map, { maxEntries, remove: true })) {
    let handedOver = 0;
    try {
      while (handedOver < batch.count) {
        const entry = decode(batch, handedOver);
        handedOver++;
        yield entry;
      }
    } finally {
      if (handedOver < batch.count) putBack(map, batch, handedOver);
    }
  }
}

function putBack(map: Elements, batch: Batch, from: number): void {
  const keys = new Uint8Array(batch.keys.buffer);
  const values = new Uint8Array(batch.values.buffer);
  let lost = 0;
  let full: unknown;
  for (let i = from; i < batch.count; i++) {
    put(map.key, keys, i);
    put(map.value, values, i);
    try {
      map.update(ELEM_FLAG.NOEXIST);
    } catch (error) {
      if (!(error instanceof MapFullError)) throw error;
      lost++;
      full = error;
    }
  }
  if (lost > 0)
    throw new MapFullError(
      `draining map '${map.name}' was left early, and ${lost} entries could not be put back: programs have filled it meanwhile`,
      'read all that drain() gives, or make the map larger',
      full,
    );
}
