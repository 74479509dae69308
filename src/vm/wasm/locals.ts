/** The local variables of every translated function, and the functions around them. */

import type { WasmWriter } from './writer.ts';
import { I32, I64 } from './writer.ts';

/** r1 to r5 are the parameters, the depth of the frame the sixth. */
export const REGISTER: readonly number[] = [6, 0, 1, 2, 3, 4, 7, 8, 9, 10, 11];
export const DEPTH = 5;
/** 64 bits. */
export const LEFT = 12;
export const ADDRESS = 13;
export const OLD = 14;
/** 32 bits. */
export const FRAME = 15;
export const POSITION = 16;
export const ENTRY = 17;
export const MAY_GOTO = 18;
export const NEXT = 19;

export function declareLocals(w: WasmWriter): void {
  w.unsigned(2)
    .unsigned(OLD - DEPTH)
    .byte(I64)
    .unsigned(NEXT - OLD)
    .byte(I32);
}

/** Function numbers: imports first. */
export const IMPORT = { call: 0, fault: 1, packetLoad: 2 } as const;
export const FIRST_FUNCTION = 3;

/** What the first argument of the fault import means. */
export const FAULT_KINDS = ['read', 'write', 'budget', 'depth'] as const;
