/**
 * From the entries of a histogram map to slots, by section.
 *
 * BCC's rule for struct keys: the first field is the section, the second the slot (padding between is skipped).
 * Sections come in the order in which the map gives them.
 */
import type { Count } from '../render/histogram.ts';

export interface Section<S = unknown> {
  readonly section: S;
  readonly slots: Count[];
}

/** Highest slot of a log2 histogram of 64-bit values. */
const LAST_SLOT = 64;

/** Slots for each section of a map whose keys are `{ section, slot }` objects. Slots out of range are counted in the last. */
export function collectHistograms(entries: Iterable<readonly [unknown, unknown]>): Section[] {
  const sections = new Map<string, Section>();
  for (const [key, value] of entries) {
    const [section, slot] = parts(key);
    const id = identity(section);
    let found = sections.get(id);
    if (!found) sections.set(id, (found = { section, slots: [] }));
    add(found.slots, slot, value as Count);
  }
  return [...sections.values()];
}

/** Slots of a map with plain integer keys. */
export function collectSlots(entries: Iterable<readonly [unknown, unknown]>): Count[] {
  const slots: Count[] = [];
  for (const [key, value] of entries) add(slots, Number(key), value as Count);
  return slots;
}

function parts(key: unknown): readonly [unknown, number] {
  if (typeof key !== 'object' || key === null)
    throw new TypeError('a histogram by section needs a struct key: the section first, then the slot');
  const fields = Object.entries(key).filter(([name]) => !name.startsWith('__pad'));
  const [section, slot] = fields;
  if (!section || !slot) throw new TypeError('a histogram by section needs a struct key of two fields: the section, then the slot');
  return [section[1], Number(slot[1])];
}

function identity(section: unknown): string {
  return typeof section === 'object' && section !== null
    ? JSON.stringify(section, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value))
    : `${typeof section}:${String(section)}`;
}

function add(slots: Count[], slot: number, value: Count): void {
  const index = Math.min(Math.max(slot, 0), LAST_SLOT);
  while (slots.length <= index) slots.push(0n);
  slots[index] = BigInt(slots[index] as Count) + BigInt(value);
}
