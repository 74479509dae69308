/**
 * "Did you mean": the names closest to a misspelt one, by edit distance (insert, delete, replace, swap neighbours).
 *
 * 70,000 names are compared on an error path: lengths and then letter counts rule nearly all out before the table of
 * distances is computed for the rest.
 */
const MAX_RESULTS = 5;
const decoder = new TextDecoder();

export function closest(name: string, candidates: Iterable<Uint8Array>): string[] {
  const wanted = new TextEncoder().encode(name);
  if (wanted.length === 0 || wanted.length > 200) return [];
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const letters = bag(wanted);
  const found = new Map<string, number>();
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    if ((bagDistance(letters, wanted.length, candidate) + 1) >> 1 > limit) continue;
    const distance = editDistance(wanted, candidate, limit);
    if (distance <= limit) found.set(decoder.decode(candidate), distance);
  }
  found.delete(name);
  return [...found]
    .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    .slice(0, MAX_RESULTS)
    .map(([found]) => found);
}

const counts = new Int16Array(256);

function bag(name: Uint8Array): Int16Array {
  const result = new Int16Array(256);
  for (let i = 0; i < name.length; i++) result[name[i]]++;
  return result;
}

/** Letters that the two do not share: each edit changes at most two of them. */
function bagDistance(letters: Int16Array, length: number, candidate: Uint8Array): number {
  let shared = 0;
  for (let i = 0; i < candidate.length; i++) {
    const c = candidate[i];
    if (++counts[c] <= letters[c]) shared++;
  }
  for (let i = 0; i < candidate.length; i++) counts[candidate[i]] = 0;
  return length + candidate.length - 2 * shared;
}

/** Edit distance, or something above `limit` as soon as it must be. */
export function editDistance(a: Uint8Array, b: Uint8Array, limit: number): number {
  let before = new Uint16Array(b.length + 1);
  let previous = new Uint16Array(b.length + 1);
  let current = new Uint16Array(b.length + 1);
  for (let j = 0; j <= b.length; j++) previous[j] = j;
  for (let i = 1; i <= a.length; i++) {
    current[0] = i;
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = same ? previous[j - 1] : 1 + Math.min(previous[j - 1], previous[j], current[j - 1]);
      if (!same && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2] + 1);
      current[j] = d;
      if (d < best) best = d;
    }
    if (best > limit) return limit + 1;
    [before, previous, current] = [previous, current, before];
  }
  return previous[b.length];
}
