/** "Did you mean": names close to one that is not there. Only ever run on the way to an error. */

/** Two letters the wrong way round are the likeliest slip. */
const SWAP = 0.9;

/** Edits (insert, delete, replace, swap neighbours) between two names; more than `limit` counts as `limit + 1`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, (before[j - 2] as number) + SWAP);
      row.push(d);
      if (d < best) best = d;
    }
    if (best > limit) return limit + 1;
    before = last;
    last = row;
  }
  return last[b.length] as number;
}

/** Names close to `name`, best first, at most `count`. */
export function closest(name: string, candidates: Iterable<string>, count = 1): string[] {
  if (name.length > 64) return [];
  const limit = name.length <= 2 ? 1 : Math.max(1, Math.floor(name.length / 3));
  const lower = name.toLowerCase();
  const seen = new Set<string>();
  const found: { readonly name: string; readonly score: number }[] = [];
  for (const c of candidates) {
    if (c === '' || c === name || seen.has(c)) continue;
    seen.add(c);
    const d = c.toLowerCase() === lower ? 0.5 : distance(name, c, limit);
    if (d <= limit) found.push({ name: c, score: d });
    else if (name.length >= 4 && c.length <= 2 * name.length && (c.endsWith(`_${name}`) || c.startsWith(`${name}_`))) {
      // 'port' for 'skc_port': kernel members often have a prefix.
      found.push({ name: c, score: limit + 1 });
    }
  }
  found.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return found.slice(0, count).map((f) => f.name);
}

/** "; did you mean 'x'?" or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const best = closest(name, candidates)[0];
  return best === undefined ? '' : `; did you mean '${best}'?`;
}
