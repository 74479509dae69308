/** What a program did that the machine stops it for. */

export type FaultKind =
  /** A load or store outside every region it may touch. */
  | 'read'
  | 'write'
  /** More instructions than the budget. */
  | 'budget'
  /** More than eight frames. */
  | 'depth'
  /** A call of a helper, kfunc or address that the machine does not have. */
  | 'call'
  /** A helper was given something that it cannot work with. */
  | 'argument';

export class VmFault extends Error {
  override name = 'VmFault';
  readonly kind: FaultKind;
  /** The reason alone, without program, place and instruction. */
  readonly reason: string;
  readonly program: string;
  /** Instruction slot from the start of the program, as in a verifier log. */
  readonly pc: number;
  /** Text of the instruction. */
  readonly instruction: string;
  readonly address?: number | bigint;

  constructor(kind: FaultKind, reason: string, where: FaultPlace, address?: number | bigint) {
    super(`${where.program}: ${reason}\n  at ${where.pc}: ${where.instruction}${where.source === undefined ? '' : `\n  ${where.source}`}`);
    this.kind = kind;
    this.reason = reason;
    this.program = where.program;
    this.pc = where.pc;
    this.instruction = where.instruction;
    if (address !== undefined) this.address = address;
  }
}

export interface FaultPlace {
  readonly program: string;
  readonly pc: number;
  readonly instruction: string;
  /** `file:line:column`, where known. */
  readonly source?: string;
}

/** Thrown inside helpers, which do not know where they were called from; the caller of the helper adds that. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly kind: FaultKind;
  readonly address: number | undefined;

  constructor(kind: FaultKind, reason: string, address?: number) {
    super(reason);
    this.kind = kind;
    this.address = address;
  }
}

/** A program, map or option that the machine cannot take: found before anything runs. */
export class VmLoadError extends Error {
  override name = 'VmLoadError';
  /** Slot, where it is about an instruction. */
  readonly pc: number | undefined;

  constructor(message: string, pc?: number) {
    super(pc === undefined ? message : `${message} (at ${pc})`);
    this.pc = pc;
  }
}
