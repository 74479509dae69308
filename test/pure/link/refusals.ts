/** What `test/host/link/gather-logs.ts` writes and `refusals.test.ts` reads. */
export interface GatheredLog {
  /** Of the program in `refused-programs.ts`. */
  readonly name: string;
  /** As it was when the log was gathered. */
  readonly text: string;
  readonly log: string;
  readonly errno: number;
  /** Slot, line, column, and the file if it is not the program's own. */
  readonly lines: readonly (readonly [slot: number, line: number, column: number, file?: string])[];
  readonly functions: readonly (readonly [slot: number, name: string])[];
}

export interface GatheredLogs {
  readonly kernel: string;
  readonly logs: readonly GatheredLog[];
}
