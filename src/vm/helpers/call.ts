/**
 * A helper's view of the machine: its arguments, memory behind pointers, maps, the state of the run.
 *
 * Arguments are numbered from 1, as in the documentation of helpers. They live in the mailbox, which a callback
 * overwrites: read them before calling back.
 */
import { Refusal } from '../fault.ts';
import type { MapFamily } from '../maps/map.ts';
import { VmMap } from '../maps/map.ts';
import type { VmMemory } from '../memory.ts';
import { MAILBOX, REGION_LIMIT, REGION_STEP } from '../memory.ts';
import type { MachineState } from '../state.ts';

/**
 * What a helper returns becomes r0: a number (an integer below 2^53, sign-extended; addresses are such numbers) or 64
 * bits.
 */
export type HelperFunction = (call: HelperCall) => number | bigint;

export interface HelperRow {
  readonly id: number;
  readonly name: string;
  readonly run: HelperFunction;
}

/** The machine's way into a function at a depth. */
export type Enter = (address: number, args: readonly (number | bigint)[], depth: number) => bigint;

export class HelperCall {
  readonly memory: VmMemory;
  readonly state: MachineState;
  /** The caller's frame, kept by the machine. */
  depth = 0;
  private readonly enter: Enter;

  constructor(memory: VmMemory, state: MachineState, enter: Enter) {
    this.memory = memory;
    this.state = state;
    this.enter = enter;
  }

  /** Calls a function of the program, on a frame of its own; the result is its r0. */
  invoke(address: number, args: readonly (number | bigint)[]): bigint {
    return this.enter(address, args, this.depth + 1);
  }

  /** Low half, signed. */
  int(argument: number): number {
    return this.memory.view.getInt32(MAILBOX - 8 + argument * 8, true);
  }

  /** Low half, unsigned. */
  uint(argument: number): number {
    return this.memory.view.getUint32(MAILBOX - 8 + argument * 8, true);
  }

  long(argument: number): bigint {
    return this.memory.view.getBigUint64(MAILBOX - 8 + argument * 8, true);
  }

  /** The whole argument as a number: exact below 2^53, which all valid addresses and sizes are. */
  address(argument: number): number {
    const at = MAILBOX - 8 + argument * 8;
    return this.memory.view.getUint32(at + 4, true) * REGION_STEP + this.memory.view.getUint32(at, true);
  }

  /** Position of `length` readable bytes behind a pointer argument. */
  readable(argument: number, length: number): number {
    return this.place(argument, length, false);
  }

  writable(argument: number, length: number): number {
    return this.place(argument, length, true);
  }

  private place(argument: number, length: number, write: boolean): number {
    const address = this.address(argument);
    if (length === 0) return 0;
    const position = this.memory.find(address, length, write);
    if (position === -1)
      throw new Refusal(write ? 'write' : 'read', `argument ${argument}: ${this.memory.describe(address, length, write)}`, address);
    return position;
  }

  /** A length argument that the verifier would bound: more than any region is refused. */
  size(argument: number): number {
    const size = this.address(argument);
    if (size > 0x7fff_ffff) throw new Refusal('argument', `argument ${argument}: size ${this.long(argument)} is negative or too large`);
    return size;
  }

  map(argument: number, families?: readonly MapFamily[]): VmMap {
    const region = this.memory.regionAt(this.address(argument));
    const map = region?.owner;
    if (region?.kind !== 'map' || !(map instanceof VmMap))
      throw new Refusal('argument', `argument ${argument}: 0x${this.long(argument).toString(16)} is no map`);
    if (families !== undefined && !families.includes(map.family))
      throw new Refusal(
        'argument',
        `argument ${argument}: map '${map.shape.name}' of type '${map.shape.type}' does not go with this helper`,
      );
    return map;
  }

  /** A function of a program, for callbacks. */
  callback(argument: number): number {
    const address = this.address(argument);
    if (address < REGION_LIMIT * REGION_STEP)
      throw new Refusal('argument', `argument ${argument}: 0x${this.long(argument).toString(16)} is no function`);
    return address;
  }

  /** Text up to its zero, or to the end of its region. */
  text(position: number, limit: number): string {
    let text = '';
    for (let i = 0; i < limit; i++) {
      const c = this.memory.bytes[position + i] as number;
      if (c === 0) break;
      text += String.fromCharCode(c);
    }
    return text;
  }
}
