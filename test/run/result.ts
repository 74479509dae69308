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

/** The reporter's last word: the file came to its end. A process that ends halfway does not say it. */
export interface FileEnd {
  readonly end: true;
}

/** Of several files in one process: how far one is. `group.ts` names tests so, the reporter says it. */
export interface FileMark {
  readonly file: string;
  readonly mark: 'begin' | 'tested' | 'end';
}

/** Names of the runner's own tests, which are reported only when they fail. */
export const LEFT_OPEN = 'descriptors left open';
export const LEAKS = 'leaks';
export const SURVIVORS = 'processes left running';
export const FILE_ITSELF = '(the file itself)';

const MARK_NAME = /^\u0001(begin|tested|end) (.*)$/;

export function markName({ mark, file }: FileMark): string {
  return `\u0001${mark} ${file}`;
}

export function markOf(name: string): FileMark | undefined {
  const [, mark, file] = MARK_NAME.exec(name) ?? [];
  return file === undefined ? undefined : { file, mark: mark as FileMark['mark'] };
}

export interface Result extends TestEvent {
  /** Below `test/`, without ending: 'pure/render/render'. */
  readonly file: string;
  /** 'pure', 'fake', 'host', or the series of a guest kernel. */
  readonly where: string;
}

/** What the agent in a guest says: a finished test of a file, or that a file begins or ends. */
export type AgentMessage = { readonly file: string; readonly event: TestEvent } | FileMark;

/** Splits a stream of output into messages (test events, unless said otherwise) and everything else, line by line. */
export class ResultReader<Message = TestEvent> {
  private rest = '';
  private readonly onEvent: (message: Message) => void;
  private readonly onText: (line: string) => void;

  constructor(onEvent: (message: Message) => void, onText: (line: string) => void) {
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
        this.onEvent(JSON.parse(line.slice(mark + MARK.length)) as Message);
      }
    }
  }
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

/** Status of the agent when a test failed: all went well but for that, and with --keep there is a shell to look around. */
export const TESTS_FAILED = 9;
