/** What is known of one finished test, and the table at the end of a run. */

export const MARK = '\u0001skep-test ';

export interface TestEvent {
  /** Names of the enclosing tests and its own, joined. */
  readonly name: string;
  readonly status: 'pass' | 'fail' | 'skip';
  readonly ms: number;
  readonly reason?: string;
  readonly error?: string;
}

export interface Result extends TestEvent {
  /** Below `test/`, without ending: 'pure/render/render'. */
  readonly file: string;
  /** 'pure', 'fake', 'host', or the series of a guest kernel. */
  readonly where: string;
}

/** Splits a stream of output into test events and everything else, line by line. */
export class ResultReader {
  private rest = '';
  private readonly onEvent: (event: TestEvent) => void;
  private readonly onText: (line: string) => void;

  constructor(onEvent: (event: TestEvent) => void, onText: (line: string) => void) {
    this.onEvent = onEvent;
    this.onText = onText;
  }

  push(text: string): void {
    this.rest += text;
    for (let end = this.rest.indexOf('\n'); end >= 0; end = this.rest.indexOf('\n')) {
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 1);
      const mark = line.indexOf(MARK);
      if (mark < 0) this.onText(line);
      else {
        if (mark > 0) this.onText(line.slice(0, mark));
        this.onEvent(JSON.parse(line.slice(mark + MARK.length)) as TestEvent);
      }
    }
  }
}

/** Tests by place: passed, failed, skipped. */
export function table(results: readonly Result[]): string[] {
  const places = [...new Set(results.map((result) => result.where))];
  const count = (where: string, status: string) => results.filter((r) => r.where === where && r.status === status).length;
  const lines = ['where         passed  failed  skipped'];
  for (const where of places) {
    lines.push(
      `${where.padEnd(12)} ${String(count(where, 'pass')).padStart(7)} ${String(count(where, 'fail')).padStart(7)} ${String(count(where, 'skip')).padStart(8)}`,
    );
  }
  return lines;
}

/** Why tests were skipped, and where: one line a reason. */
export function skipLines(results: readonly Result[]): string[] {
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

/** Names of tests that ran on no kernel at all although some tier should have had what they need. */
export function neverRun(results: readonly Result[]): string[] {
  const ran = new Map<string, boolean>();
  for (const result of results) {
    const key = `${result.file}: ${result.name}`;
    ran.set(key, (ran.get(key) ?? false) || result.status !== 'skip');
  }
  return [...ran].filter(([, did]) => !did).map(([name]) => name);
}
