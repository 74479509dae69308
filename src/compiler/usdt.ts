/**
 * What a program that reads arguments of USDT probes must be told: a probe may stand at several places of a file (a
 * macro in an inlined function), and its arguments are somewhere else at each. The notes of the file say where
 * (`elf/stapsdt.ts`, `elf/usdt-arguments.ts`); whoever enables the probe hands them to the compiler.
 */
import type { UsdtArgument } from '../elf/usdt-arguments.ts';

export interface UsdtLocation {
  /** Virtual address of the probe in its file, as the note has it. */
  readonly address: bigint;
  readonly arguments: readonly UsdtArgument[];
  /** Virtual addresses of variables that arguments name (`4@counter(%rip)`). */
  readonly symbols?: ReadonlyMap<string, bigint>;
}

export interface UsdtProgram {
  /** Name of the function that is attached to the probe. */
  readonly program: string;
  /** 'provider:name', for messages. */
  readonly probe: string;
  /**
   * In the order in which they are attached: where addresses alone do not tell them apart, the program asks for its
   * attach cookie, which must then be the index in this list (Linux 5.15 and later). Setting it always is right.
   */
  readonly locations: readonly UsdtLocation[];
}
