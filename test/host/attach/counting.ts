/** A program that counts in entry 0 of the array 't_array' how often a process runs it. */
import { alu64Imm, atomic, branch64Imm, callHelper, exit, ldMapFd, mov64, mov64Imm, storeImm } from '../../../src/isa/build.ts';
import { ALU, ATOMIC, FP, JMP, SIZE } from '../../../src/isa/insn.ts';
import type { ObjectSpec, ProgramSpec } from '../../../src/object/spec.ts';
import { mapSpec, tinyObject } from '../kernel/support.ts';

const MAP_LOOKUP_ELEM = 1;
const GET_CURRENT_PID_TGID = 14;

export function countingObject(program: Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>, pid: number | undefined, result = 0): ObjectSpec {
  const filter = pid === undefined ? [] : [callHelper(GET_CURRENT_PID_TGID), alu64Imm(ALU.RSH, 0, 32), branch64Imm(JMP.JNE, 0, pid, 10)];
  return tinyObject({
    program,
    main: {
      insns: [
        ...filter,
        storeImm(SIZE.W, FP, -4, 0),
        mov64(2, FP),
        alu64Imm(ALU.ADD, 2, -4),
        ldMapFd(1, 0),
        callHelper(MAP_LOOKUP_ELEM),
        branch64Imm(JMP.JEQ, 0, 0, 3),
        mov64(2, 0),
        mov64Imm(1, 1),
        atomic(SIZE.DW, ATOMIC.ADD, 2, 0, 1),
        mov64Imm(0, result),
        exit(),
      ],
      refs: [{ insn: filter.length + 3, to: { kind: 'map', map: 't_array' } }],
    },
    maps: [mapSpec({ name: 't_array', type: 'array', maxEntries: 1 })],
  });
}
