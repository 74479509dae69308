/**
 * Places in the source where objects are made.
 *
 * A JavaScript engine learns at each place in the text which names are stored there. One loop that fills all kinds
 * of records, `record[names[i]] = …`, sees every name and learns nothing: 240 ns for a record of eight members. A
 * place of its own for each kind of record makes it 50 ns. As skep makes no code at run time, the places stand here,
 * all the same, and are handed out in turn; when there are more kinds of records than places they share, and get
 * slower, not wrong.
 *
 * A place fills up to eight members; longer records chain several.
 */

import type { BtfRecord, BtfValue } from './codec.ts';
import type { Decoder } from './codec-scalars.ts';

type Names = readonly string[];
type Readers = readonly Decoder<BtfValue>[];
type Fill = (r: BtfRecord, v: DataView, o: number) => BtfRecord;
type Site = (n: number, names: Names, readers: Readers) => Fill;

const WIDTH = 8;
/** Records above this are rare and slow anyhow; they would use up the places. */
const MAX_MEMBERS = 4 * WIDTH;

// biome-ignore format: sixteen times the same, meant to be seen at once
const SITES: readonly Site[] = [
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
  (n, [k0, k1, k2, k3, k4, k5, k6, k7], [d0, d1, d2, d3, d4, d5, d6, d7]) => (r, v, o) => {
    r[k0] = d0(v, o); if (n === 1) return r;
    r[k1] = d1(v, o); if (n === 2) return r;
    r[k2] = d2(v, o); if (n === 3) return r;
    r[k3] = d3(v, o); if (n === 4) return r;
    r[k4] = d4(v, o); if (n === 5) return r;
    r[k5] = d5(v, o); if (n === 6) return r;
    r[k6] = d6(v, o); if (n === 7) return r;
    r[k7] = d7(v, o); return r;
  },
];

let next = 0;

/**
 * The same text as the engine's own copy of it, as names in the source are. A place knows a name by the identity of its
 * string; one that was cut out of a larger text is another string each time, and what is stored by it costs three times
 * as much, until a collection of garbage has put the engine's copy in its place.
 */
function asInSource(name: string): string {
  return Object.keys({ [name]: 0 })[0] ?? name;
}

/** A reader that makes records with these members. */
export function makeRecordReader(memberNames: Names, readers: Readers): Decoder<BtfRecord> {
  const names = memberNames.map(asInSource);
  const count = names.length;
  if (count === 0) return () => ({});
  if (count > MAX_MEMBERS) {
    return (view, offset) => {
      const record: BtfRecord = {};
      for (let i = 0; i < count; i++) record[names[i]] = readers[i](view, offset);
      return record;
    };
  }
  const fills: Fill[] = [];
  for (let i = 0; i < count; i += WIDTH) {
    const site = SITES[next++ % SITES.length];
    fills.push(site(Math.min(count - i, WIDTH), names.slice(i, i + WIDTH), readers.slice(i, i + WIDTH)));
  }
  const [first, ...rest] = fills;
  if (rest.length === 0) return (view, offset) => first({}, view, offset);
  return (view, offset) => {
    const record = first({}, view, offset);
    for (const fill of rest) fill(record, view, offset);
    return record;
  };
}
