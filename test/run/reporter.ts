/**
 * A reporter for `node:test` that writes one JSON line for each finished test: what the runner and the lab read.
 * Lines start with a mark, so that anything else a test prints can pass through between them.
 */
import type { FileEnd, TestEvent } from './result.ts';
import { FILE_ITSELF, MARK, markOf } from './result.ts';

interface NodeTestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly file?: string;
    readonly nesting: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly message?: string;
    readonly details?: { readonly duration_ms?: number; readonly type?: string; readonly error?: Error & { cause?: unknown } };
  };
}

export async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  const parents: string[] = [];
  const children: number[] = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      parents[data.nesting] = data.name;
      children[data.nesting + 1] = 0;
    } else if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message ?? '';
    } else if (type === 'test:pass' || type === 'test:fail') {
      const mark = data.nesting === 0 ? markOf(data.name) : undefined;
      if (mark !== undefined) {
        const line = `${MARK}${JSON.stringify(mark)}\n`;
        // What goes wrong between tests may hit a mark: it is the file's all the same.
        const event: TestEvent = { name: FILE_ITSELF, status: 'fail', ms: 0, error: errorText(data.details?.error) };
        const wrong = type === 'test:fail' ? `${MARK}${JSON.stringify(event)}\n` : '';
        yield mark.mark === 'begin' ? line + wrong : wrong + line;
        continue;
      }
      children[data.nesting] = (children[data.nesting] ?? 0) + 1;
      const suite = data.details?.type === 'suite' || (children[data.nesting + 1] ?? 0) > 0;
      children[data.nesting + 1] = 0;
      // A parent counts only when it failed by itself or skipped: its children are counted.
      if (suite && type === 'test:pass' && data.skip === undefined) continue;
      const event: TestEvent = {
        name: [...parents.slice(0, data.nesting), data.name].join(' › '),
        status: data.skip !== undefined && data.skip !== false ? 'skip' : type === 'test:pass' ? 'pass' : 'fail',
        ms: data.details?.duration_ms ?? 0,
        ...(typeof data.skip === 'string' ? { reason: data.skip } : {}),
        ...(type === 'test:fail' ? { error: errorText(data.details?.error) } : {}),
      };
      yield `${MARK}${JSON.stringify(event)}\n`;
    }
  }
  yield `${MARK}${JSON.stringify({ end: true } satisfies FileEnd)}\n`;
}

function errorText(error: (Error & { cause?: unknown }) | undefined): string {
  if (!error) return 'failed';
  const cause = error.cause ?? error;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return typeof cause === 'string' ? cause : JSON.stringify(cause);
}

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter from the default export of its module.
export { report as default };
