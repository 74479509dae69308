/**
 * What the compiler or the kernel refuses in a program of `trace` or `argdist`, said of the words that the user typed
 * where they are not C: what is C has its own place already (`language/c-text.ts`).
 */
import type { Diagnostic } from '../../compiler/diagnostics.ts';
import { UsageError } from '../../kernel/errors.ts';
import { SpecError } from '../language/cursor.ts';
import type { Probe } from '../language/probe.ts';

export interface ProbeWords {
  readonly text: string;
  readonly probe: Probe;
}

const STACK_BYTES = 512;

function find(error: unknown, code: string): Diagnostic | undefined {
  if (!(error instanceof Error) || !('diagnostics' in error)) return undefined;
  return (error.diagnostics as readonly Diagnostic[]).find((one) => one.code === code);
}

/** The same error, or for a tracepoint that there is not one that points at its name. */
export function atTheName(error: unknown, specs: readonly ProbeWords[]): unknown {
  const unknown = find(error, 'unknown-tracepoint');
  const [, event] = /no tracepoint ([^\s;]+)/.exec(unknown?.message ?? '') ?? [];
  const spec = specs.find(({ probe }) => probe.kind === 't' && `${probe.category}:${probe.name}` === event);
  return unknown && spec ? new SpecError(spec.text, spec.probe.start, unknown.message) : error;
}

/**
 * The same error, or where texts are too long for a program's stack one that says how long they may be. A key is on the
 * stack twice: as it is collected, and as it is counted. `texts`: how many each program has among how many values.
 */
export function withLargestText(
  error: unknown,
  size: number,
  probes: ReadonlyMap<string, { readonly texts: number; readonly values: number }>,
): unknown {
  const [, name = '', needed] = /^(\w+) needs (\d+) bytes of stack/.exec(find(error, 'stack-too-large')?.message ?? '') ?? [];
  const { texts = 0, values = 0 } = probes.get(name) ?? {};
  if (texts === 0) return error;
  const room = Math.ceil((size * texts) / 8) * 8 - (Number(needed) - STACK_BYTES) / 2;
  // Between other values a text is padded to their alignment.
  const step = texts === values ? 1 : 8;
  const most = Math.floor(room / texts / step) * step;
  return most < 1 ? error : new UsageError(`--string-size: texts of ${size} bytes do not fit on a program's stack, the most is ${most}`);
}
