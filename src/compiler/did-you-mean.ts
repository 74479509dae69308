/**
 * "Did you mean": the nearest of some names by edit distance (insert, delete, replace, swap of neighbours).
 * Nothing is suggested that differs in more than about a third of the name.
 */

/** Damerau-Levenshtein distance (optimal string alignment), or `limit + 1` as soon as it must be above `limit`. */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast = new Int32Array(b.length + 1);
  let last = Int32Array.from({ length: b.length + 1 }, (_, j) => j);
  let row = new Int32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    row[0] = i;
    let least = i;
    const c = a.charCodeAt(i - 1);
    for (let j = 1; j <= b.length; j++) {
      const d = b.charCodeAt(j - 1);
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (c === d ? 0 : 1));
      if (i > 1 && j > 1 && c === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === d) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row[j] = cost;
      if (cost < least) least = cost;
    }
    if (least > limit) return limit + 1;
    [beforeLast, last, row] = [last, row, beforeLast];
  }
  return last[b.length]!;
}

/** How far off a suggestion may be. */
function tolerance(name: string): number {
  return Math.max(1, Math.floor((name.length + 1) / 3));
}

/** The best `count` of `candidates`, nearest first; ties in the order given. Names longer than 256 characters get none. */
export function similar(name: string, candidates: Iterable<string>, count = 3): string[] {
  if (name.length > 256 || name === '') return [];
  const limit = tolerance(name);
  const folded = name.toLowerCase();
  const found: { readonly text: string; readonly distance: number }[] = [];
  for (const text of candidates) {
    if (text === name || Math.abs(text.length - name.length) > limit) continue;
    // A wrong case is the smallest of mistakes.
    const distance = text.toLowerCase() === folded ? 0.5 : editDistance(name, text, limit);
    // With one or two letters everything is near: ask for the same beginning.
    if (distance <= limit && (name.length > 2 || text.charCodeAt(0) === name.charCodeAt(0))) found.push({ text, distance });
  }
  return found
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map((f) => f.text);
}

/** The nearest candidate, if one is near. */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  return similar(name, candidates, 1)[0];
}
