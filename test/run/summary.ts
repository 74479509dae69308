/** The end of a run: the slowest tests, what was skipped and why, what failed, and the table by kernel. */
import type { Result } from './result.ts';

export function summaryLines(results: readonly Result[], problems: readonly string[], seconds: ReadonlyMap<string, number>): string[] {
  const lines = ['', 'slowest:'];
  for (const { where, file, name, ms } of results.toSorted((a, b) => b.ms - a.ms).slice(0, 15))
    lines.push(`  ${(ms / 1000).toFixed(1).padStart(6)} s  [${where}] ${file}: ${name}`);
  const files = new Map<string, number>();
  for (const { where, file, ms } of results) files.set(`[${where}] ${file}`, (files.get(`[${where}] ${file}`) ?? 0) + ms);
  lines.push('', 'slowest files:');
  for (const [file, ms] of [...files].sort((a, b) => b[1] - a[1]).slice(0, 10))
    lines.push(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`);
  const skipped = skipLines(results);
  if (skipped.length > 0) lines.push('', 'skipped:', ...skipped);
  const failures = results.filter((result) => result.status === 'fail');
  if (failures.length > 0) lines.push('', 'failed:', ...failures.map(({ where, file, name }) => `  [${where}] ${file}: ${name}`));
  if (problems.length > 0) lines.push('', 'problems:', ...problems.map((line) => `  ${line}`));
  return [...lines, '', ...table(results, seconds), ''];
}

/** Tests by kernel: passed, failed, skipped, and the time that the place took. */
function table(results: readonly Result[], seconds: ReadonlyMap<string, number>): string[] {
  const row = (where: string, ...cells: readonly (number | string)[]) =>
    [where.padEnd(12), ...cells.map((cell) => String(cell).padStart(8))].join(' ');
  const count = (where: string, status: string) => results.filter((r) => r.where === where && r.status === status).length;
  return [
    row('where', 'passed', 'failed', 'skipped', 'seconds'),
    ...[...new Set(results.map(({ where }) => where))].map((where) =>
      row(where, count(where, 'pass'), count(where, 'fail'), count(where, 'skip'), Math.round(seconds.get(where) ?? 0)),
    ),
  ];
}

/** Why tests were skipped, and where: one line a reason. */
function skipLines(results: readonly Result[]): string[] {
  const reasons = new Map<string, { count: number; where: Set<string> }>();
  for (const result of results) {
    if (result.status !== 'skip') continue;
    const reason = result.reason ?? 'no reason given';
    const entry = reasons.get(reason) ?? { count: 0, where: new Set() };
    entry.count++;
    entry.where.add(result.where);
    reasons.set(reason, entry);
  }
  return [...reasons].map(([reason, { count, where }]) => `  ${count} × ${reason} (${[...where].join(', ')})`);
}
