/** What the two engines ask of the machine around them, and what they offer it. */
import type { Code } from './code.ts';
import type { FaultKind } from './fault.ts';
import type { VmMemory } from './memory.ts';

export interface Runtime {
  readonly memory: VmMemory;
  /**
   * Performs the helper or kfunc call at `index`. Arguments and result are in the mailbox. True where the function that
   * called must return the result at once: a tail call was taken.
   */
  call(code: Code, index: number, depth: number): boolean;
  /** The packet load at `index`, with its final offset. True where it is out of bounds: the function returns 0. */
  packetLoad(code: Code, index: number, offset: number): boolean;
  /** Never returns. `size` and `address` are of the access, where the kind is one. */
  fault(kind: FaultKind, code: Code, index: number, address: bigint, size: number): never;
}

/** A loaded program in one of the engines. */
export interface Executable {
  readonly code: Code;
  /** Calls a function; r1 to r5 are in the mailbox, r0 is left there. `depth` is the frame it may use. */
  call(fn: number, depth: number): void;
}
