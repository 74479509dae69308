/** Tools that print every so often: their arguments, and what stands above each output. */
import { clockText } from '../../render/time.ts';
import type { Output } from '../output.ts';
import type { Positional, ToolContext } from '../tool.ts';

/** `[interval [count]]`. */
export const INTERVAL: readonly Positional[] = [
  { name: 'interval', type: 'seconds', help: 'seconds between outputs; without it, one output at the end' },
  { name: 'count', type: 'count', help: 'stop after so many outputs' },
];

/** The same for tools that print once a second if nothing is said. */
export const EVERY_SECOND: readonly Positional[] = [
  { name: 'interval', type: 'seconds', default: 1, help: 'seconds between outputs (default 1)' },
  { name: 'count', type: 'count', help: 'stop after so many outputs' },
];

export const TIMESTAMP = { type: 'boolean', short: 'T', help: 'the time above each output' } as const;

export const TIME_FIELD = { name: 'time', type: 'string', help: 'when this was printed: ISO 8601, UTC' } as const;

/** The rounds of `[interval [count]]`. */
export function roundsOf({ args, rounds }: Pick<ToolContext, 'args' | 'rounds'>): ReturnType<ToolContext['rounds']> {
  return rounds(numberOf(args['interval']), numberOf(args['count']));
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** An empty line, and the time if it is asked for. Returns the time for JSON. */
export function heading(out: Output, timestamp: boolean): string {
  const now = new Date();
  out.line();
  if (timestamp) out.line(clockText(now.getTime()));
  return now.toISOString();
}
