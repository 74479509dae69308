/** Names of signals. */
import { constants } from 'node:os';

const NAMES = new Map<number, string>();
for (const [name, number] of Object.entries(constants.signals)) if (!NAMES.has(number)) NAMES.set(number, name);

/** First and last real-time signal of the kernel; the C library keeps the first two for itself. */
const RT_FIRST = 32;
const RT_LAST = 64;

/** 'SIGTERM', 'SIGRTMIN+3'; 'unknown' for what is no signal. */
export function signalName(number: number): string {
  const name = NAMES.get(number);
  if (name !== undefined) return name;
  return number >= RT_FIRST && number <= RT_LAST ? `SIGRTMIN+${number - RT_FIRST}` : 'unknown';
}
