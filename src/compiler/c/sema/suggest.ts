/** "Did you mean": names close to one that is not there. Only ever run on the way to an error. */
import { editDistance } from '../../did-you-mean.ts';

/** Names close to `name`, best first, at most `count`. */
export function closest(name: string, candidates: Iterable<string>, count = 1): string[] {
  if (name.length > 64) return [];
  const limit = name.length <= 2 ? 1 : Math.max(1, Math.floor(name.length / 3));
  const lower = name.toLowerCase();
  const letters = sorted(name);
  const seen = new Set<string>();
  const found: { readonly name: string; readonly score: number }[] = [];
  for (const c of candidates) {
    // With one or two letters everything is near.
    if (c === '' || c === name || seen.has(c) || (name.length <= 2 && c[0] !== name[0])) continue;
    seen.add(c);
    const score = scoreOf(name, c, limit, lower, letters);
    if (score <= limit) found.push({ name: c, score });
  }
  found.sort((a, b) => a.score - b.score || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  return found.slice(0, count).map((f) => f.name);
}

/** Edits, with what is likelier than an edit below one. */
function scoreOf(name: string, c: string, limit: number, lower: string, letters: string): number {
  if (c.toLowerCase() === lower) return 0.5;
  // 'port' for 'skc_port', 'state' for '__state': kernel members get prefixes.
  if (name.length >= 3 && c.length <= name.length + 8 && (c.endsWith(`_${name}`) || c.startsWith(`${name}_`))) return 0.7;
  const d = editDistance(name, c, limit);
  // Letters in the wrong order are the likeliest slip.
  if (d <= limit && sorted(c) === letters) return d - 0.1;
  // Then one that was forgotten at the end.
  return d === 1 && c.startsWith(name) ? 0.95 : d;
}

function sorted(name: string): string {
  return [...name].sort().join('');
}

/** "; did you mean 'x'?" or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const best = closest(name, candidates)[0];
  return best === undefined ? '' : `; did you mean '${best}'?`;
}
