/**
 * Integer constants that kernel headers define as macros: BTF has none of them.
 *
 *   ETH_P_IP ─▶ table.ts (sorted text, found by bisection: nothing is built before it is asked)
 *   O_DIRECT ─▶ arm64.ts first on that architecture: what is otherwise there, or is not there at all
 *   REQ_SYNC ─▶ by-kernel.ts, where the value depends on the kernel: from its enums and structs
 */
import type { Arch, TargetFacts } from '../../target-facts.ts';
import { ARM64_CONSTANTS } from './arm64.ts';
import { constantOfKernel } from './by-kernel.ts';
import { CONSTANTS } from './table.ts';

/** Replacement text of a constant's name; undefined where there is no such constant. */
export function constantText(name: string, facts: TargetFacts): string | undefined {
  // Asked for every identifier of a text: most are in lower case and cannot be meant.
  const first = name.charCodeAt(0);
  if (first !== UNDERSCORE && (first < UPPER_A || first > UPPER_Z)) return undefined;
  const own = constantOfKernel(name, facts);
  return own === undefined ? tableText(name, facts.arch) : (own ?? undefined);
}

const UNDERSCORE = 95;
const UPPER_A = 65;
const UPPER_Z = 90;

/** Text of the tables alone: what no kernel's types or configuration say better. */
export function tableText(name: string, arch: Arch = 'x86_64'): string | undefined {
  if (arch === 'arm64') {
    const own = find(ARM64_CONSTANTS, name);
    if (own !== undefined) return own === '' ? undefined : own;
  }
  return find(CONSTANTS, name);
}

/** Behind the `=` of the line of `name`, found by bisection. */
function find(table: string, name: string): string | undefined {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const start = table.lastIndexOf('\n', (low + high) >>> 1) + 1;
    const end = table.indexOf('\n', start);
    if (start < low || end < 0) {
      // The middle lies in the last line before `high`, or in the first one.
      if (start <= low) low = end < 0 ? high : end + 1;
      else high = start - 1;
      continue;
    }
    const equals = table.indexOf('=', start);
    const found = table.slice(start, equals < 0 || equals > end ? end : equals);
    if (found === name) return table.slice(equals + 1, end);
    if (found < name) low = end + 1;
    else high = start - 1;
  }
  return undefined;
}

/** Names of the tables and of the kernel's enumerators. */
export function* constantsLike(beginning: string, facts: TargetFacts): Generator<string> {
  for (const name of constantNames()) if (name.startsWith(beginning)) yield name;
  if (facts.btf?.enumeratorNames !== undefined) yield* facts.btf.enumeratorNames(beginning);
}

/** Every name of the table, for tests and suggestions. */
export function constantNames(): string[] {
  return CONSTANTS.split('\n')
    .filter(Boolean)
    .map((line) => line.slice(0, line.indexOf('=')));
}
