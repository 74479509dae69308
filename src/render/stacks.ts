/**
 * Stacks as text, in BCC's two forms. Both are given names innermost first, already safe for a terminal.
 *
 *   folded      bash;main;read;-;entry_SYSCALL_64;vfs_read 17         one line, outermost first, for flame graphs
 *   lines           vfs_read                                          one frame a line, innermost first
 *                   entry_SYSCALL_64
 *                   --
 *                   read
 */
import { safe } from './safe.ts';

export interface StackSides {
  readonly kernel?: readonly string[];
  readonly user?: readonly string[];
  /** A mark between the two, where both are there: '-' folded, '--' in lines. */
  readonly delimited?: boolean;
}

/** `name;user frames;[-;]kernel frames value`, outermost first. Semicolons are what separates, so they become colons in names. */
export function foldedStack(name: string, sides: StackSides, value: number | bigint): string {
  const { user = [], kernel = [] } = sides;
  const mark = sides.delimited === true && user.length > 0 && kernel.length > 0 ? ['-'] : [];
  const parts = [safe(name), ...user.toReversed(), ...mark, ...kernel.toReversed()];
  return `${parts.map((part) => part.replaceAll(';', ':')).join(';')} ${value}`;
}

/** Kernel frames, then user frames, each behind `indent` spaces. */
export function stackLines(sides: StackSides, indent = 4): string[] {
  const { user = [], kernel = [] } = sides;
  const mark = sides.delimited === true && user.length > 0 && kernel.length > 0 ? ['    --'] : [];
  const line = (name: string): string => ' '.repeat(indent) + name;
  return [...kernel.map(line), ...mark, ...user.map(line)];
}
