/**
 * What a request is, in words: 'Sync-Write', 'Metadata-ReadAhead-Read'. Operations have fixed numbers; the flags behind
 * them move with the kernel's version and are read off its types.
 */
import { constantText } from '../../compiler/dialect/constants/constants.ts';
import type { TargetFacts } from '../../compiler/target-facts.ts';

const OPERATION_BITS = 8;

/** `enum req_op`, include/linux/blk_types.h. */
const OPERATIONS: Readonly<Record<number, string>> = {
  0: 'Read',
  1: 'Write',
  2: 'Flush',
  3: 'Discard',
  5: 'SecureErase',
  6: 'ZoneReset',
  7: 'ZoneAppend',
  9: 'WriteZeros',
  10: 'ZoneOpen',
  11: 'ZoneClose',
  12: 'ZoneFinish',
  13: 'ZoneAppend',
  15: 'ZoneReset',
  17: 'ZoneResetAll',
  34: 'DriverIn',
  35: 'DriverOut',
};

/** In the order in which they come to stand before the operation. */
const FLAGS: readonly (readonly [constant: string, word: string])[] = [
  ['REQ_SYNC', 'Sync'],
  ['REQ_META', 'Metadata'],
  ['REQ_FUA', 'ForcedUnitAccess'],
  ['REQ_PRIO', 'Priority'],
  ['REQ_NOMERGE', 'NoMerge'],
  ['REQ_IDLE', 'Idle'],
  ['REQ_RAHEAD', 'ReadAhead'],
  ['REQ_BACKGROUND', 'Background'],
  ['REQ_NOWAIT', 'NoWait'],
];

/** The words for `cmd_flags` on this kernel. */
export function requestWords(facts: TargetFacts): (flags: number) => string {
  const bits = FLAGS.map(([constant, word]) => ({ bit: bitOf(constantText(constant, facts)), word })).filter(
    ({ bit }) => bit !== undefined,
  );
  return (flags) => {
    let text = OPERATIONS[flags & ((1 << OPERATION_BITS) - 1)] ?? 'Unknown';
    for (const { bit, word } of bits) if ((flags >>> (bit as number)) & 1) text = `${word}-${text}`;
    return text;
  };
}

/** '(1ULL << 11)' */
function bitOf(text: string | undefined): number | undefined {
  const [, bit] = /<<\s*(\d+)/.exec(text ?? '') ?? [];
  return bit === undefined ? undefined : Number(bit);
}
