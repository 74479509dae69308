/**
 * Integer constants that kernel headers define as macros: BTF has none of them.
 *
 *   ETH_P_IP ─▶ table.ts (sorted text, found by bisection: nothing is built before it is asked)
 *   REQ_SYNC ─▶ by-kernel.ts, where the value depends on the kernel: from its enums and structs
 */
import type { TargetFacts } from '../../target-facts.ts';
import { constantOfKernel } from './by-kernel.ts';
import { CONSTANTS } from './table.ts';

/** Replacement text of a constant's name; undefined where there is no such constant. */
export function constantText(name: string, facts: TargetFacts): string | undefined {
  // Asked for every identifier of a text: most are in lower case and cannot be meant.
  const first = name.charCodeAt(0);
  if (first !== UNDERSCORE && (first < UPPER_A || first > UPPER_Z)) return undefined;
  return constantOfKernel(name, facts) ?? tableText(name);
}

const UNDERSCORE = 95;
const UPPER_A = 65;
const UPPER_Z = 90;

/** System calls have numbers of their own on each architecture; the table's are those of x86_64. */
export function tableText(name: string): string | undefined {
  let low = 0;
  let high = CONSTANTS.length;
  while (low < high) {
    const start = CONSTANTS.lastIndexOf('\n', (low + high) >>> 1) + 1;
    const end = CONSTANTS.indexOf('\n', start);
    if (start < low || end < 0) {
      // The middle lies in the last line before `high`, or in the first one.
      if (start <= low) low = end < 0 ? high : end + 1;
      else high = start - 1;
      continue;
    }
    const equals = CONSTANTS.indexOf('=', start);
    const found = CONSTANTS.slice(start, equals < 0 || equals > end ? end : equals);
    if (found === name) return CONSTANTS.slice(equals + 1, end);
    if (found < name) low = end + 1;
    else high = start - 1;
  }
  return undefined;
}

/** Every name of the table, for tests and suggestions. */
export function constantNames(): string[] {
  return CONSTANTS.split('\n').filter(Boolean).map((line) => line.slice(0, line.indexOf('=')));
}
