/** Notes: small records with an owner, a type and a body. Build ids and USDT probes are notes. */
import { ElfStrings } from './strings.ts';

export interface ElfNote {
  /** The owner: 'GNU', 'stapsdt', 'Go'. */
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

/** Ends at the first note that does not fit: what follows cannot be found any more. */
export function parseNotes(bytes: Uint8Array, littleEndian: boolean, align: number): ElfNote[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Only notes in sections aligned to eight are; everything else uses four, whatever it says.
  const unit = align === 8 ? 8 : 4;
  const roundUp = (n: number): number => Math.ceil(n / unit) * unit;
  const notes: ElfNote[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const nameSize = view.getUint32(at, littleEndian);
    const descSize = view.getUint32(at + 4, littleEndian);
    const descAt = at + roundUp(12 + nameSize);
    if (descAt + descSize > bytes.length) break;
    const name = new ElfStrings(bytes.subarray(at + 12, at + 12 + nameSize)).at(0);
    notes.push({ name, type: view.getUint32(at + 8, littleEndian), desc: bytes.subarray(descAt, descAt + descSize) });
    at = descAt + roundUp(descSize);
  }
  return notes;
}
