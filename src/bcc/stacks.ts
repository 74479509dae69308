/**
 * Stacks with names: an id out of an event, the map the program put the stack in, and who can name its addresses.
 *
 *   const user = b.userStack('stacks', e.user_stack_id, e.tgid);
 *   user.frames        { address, name, offset, module } innermost first
 *   user.names()       texts as BCC writes them, or ['[Missed User Stack]']
 *
 * bpf_get_stackid() gives a negative errno instead of an id: -EFAULT where there is no such stack (a kernel thread has
 * no user stack), others where the stack was lost (-EEXIST: another one has its place; -ENOMEM: the map is full).
 */

import { StackTraceMap } from '../maps/stack-trace.ts';
import { type Frame, frameText, type SymbolFormat } from '../symbols/frame.ts';
import type { Table } from './table.ts';

const EFAULT = 14n;
const EEXIST = 17n;

export interface Stack {
  /** Innermost first; empty where there is none. */
  readonly frames: readonly Frame[];
  /** There was a stack, but it could not be kept: say so, and count it. */
  readonly missed: boolean;
  /** It was missed because another stack had its place: a larger map would help. */
  readonly collision: boolean;
  /** The frames as text, for a terminal; of a missed stack what BCC's tools print for it. */
  names(format?: SymbolFormat): string[];
}

/** How the frames of a stack get names. */
export interface FrameNames {
  frame(address: bigint, caller: boolean): Frame;
  /** Of a map with build ids. */
  place(buildId: string, offset: bigint, caller: boolean): Frame;
}

export function readStack(table: Table, id: number | bigint, names: FrameNames, missedText: string): Stack {
  // Programs keep ids as s32, u32 or s64.
  const signed = BigInt.asIntN(32, BigInt(id));
  const frames = framesOf(table, Number(signed), names);
  // One that is not in the map any more was overwritten, or cleared away too early.
  const missed = signed < 0n ? signed !== -EFAULT : frames.length === 0;
  return {
    frames,
    missed,
    collision: signed === -EEXIST,
    names: (format = {}) => (missed ? [missedText] : frames.map((f) => frameText(f, format))),
  };
}

function framesOf(table: Table, id: number, names: FrameNames): Frame[] {
  const { map } = table;
  if (!(map instanceof StackTraceMap) || !map.hasBuildIds) return table.walk(id).map((address, i) => names.frame(address, i > 0));
  return (map.places(id) ?? []).map(({ buildId, offset, address }, i) =>
    buildId === undefined ? names.frame(address ?? 0n, i > 0) : names.place(buildId, offset, i > 0),
  );
}
