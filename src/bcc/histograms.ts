/**
 * From the entries of a histogram map to slots, by section.
 *
 * BCC's rule for struct keys: the first field is the section, the second the slot (padding between is skipped).
 * Sections come in the order in which the map gives them.
 */
import { UsageError } from '../kernel/errors.ts';
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
    add(found.slots, slot, value);
  }
  return [...sections.values()];
}

/** Slots of a map with plain integer keys. */
export function collectSlots(entries: Iterable<readonly [unknown, unknown]>): Count[] {
  const slots: Count[] = [];
  for (const [key, value] of entries) add(slots, slotNumber(key), value);
  return slots;
}

function parts(key: unknown): readonly [unknown, number] {
  if (typeof key !== 'object' || key === null)
    throw new UsageError('a histogram by section needs a struct key: the section first, then the slot');
  const fields = Object.entries(key).filter(([name]) => !name.startsWith('__pad'));
  const [section, slot] = fields;
  if (!section || !slot) throw new UsageError('a histogram by section needs a struct key of two fields: the section, then the slot');
  return [section[1], slotNumber(slot[1])];
}

function identity(section: unknown): string {
  return typeof section === 'object' && section !== null
    ? JSON.stringify(section, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value))
    : `${typeof section}:${String(section)}`;
}

function slotNumber(slot: unknown): number {
  if (typeof slot !== 'number' && typeof slot !== 'bigint')
    throw new UsageError(`the slots of a histogram are whole numbers, not ${shown(slot)}`, [], FITTING);
  return Number(slot);
}

function add(slots: Count[], slot: number, value: unknown): void {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new UsageError(`a histogram counts: the values of its map are numbers, not ${shown(value)}`, [], FITTING);
  const index = Math.min(Math.max(slot, 0), LAST_SLOT);
  while (slots.length <= index) slots.push(0n);
  slots[index] = BigInt(slots[index] as Count) + BigInt(value);
}

const FITTING = 'BPF_HISTOGRAM(name, key) declares a map that fits; what others hold is read with entries()';

const shown = (value: unknown): string =>
  typeof value === 'string' ? 'texts' : typeof value === 'object' ? 'structs or arrays' : typeof value;
