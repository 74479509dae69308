/**
 * A prepared program as a WebAssembly module: one function per BPF function, registers as locals.
 *
 *   BPF                         WebAssembly
 *   r0..r9                      i64 locals; r1 to r5 arrive as parameters, so r6 to r9 survive calls by themselves
 *   r10                         an address made at entry; the frame's position in linear memory is beside it
 *   call of a subprogram        call
 *   call of a helper            arguments into the mailbox, import `call` with the instruction's index
 *   jump                        structured control flow (structure.ts)
 *
 * The instruction budget is a local that each block lowers by its length; it is looked at where control goes backward
 * and where a function begins, and lives in memory while someone else runs. The interpreter looks at the same places,
 * so both engines stop at the same instruction.
 */

import type { Insn } from '../../isa/insn.ts';
import { CALL, CLASS, JMP, MODE } from '../../isa/insn.ts';
import type { Code, CodeFunction } from '../code.ts';
import { isCall, isExit, isJump } from '../code.ts';
import { MAY_GOTO_LIMIT } from '../interpret.ts';
import { BUDGET, FRAME_REGION, FRAME_SIZE, MAILBOX, MAX_FRAMES, RESULT, STACK } from '../memory.ts';
import { emitAtomic, emitFault, emitLoad, emitStore } from './access.ts';
import { emitArithmetic, emitCondition, emitSwap64Body, getRegister, setRegister } from './arithmetic.ts';
import { graphOf } from './cfg.ts';
import { DEPTH, declareLocals, FIRST_FUNCTION, FRAME, IMPORT, LEFT, MAY_GOTO, NEXT } from './locals.ts';
import { emitGraph } from './structure.ts';
import { I32, I64, OP, VOID, WasmWriter } from './writer.ts';

/** Types by number. */
const TYPE = { call: 0, fault: 1, function: 2, swap: 3, run: 4 } as const;

/** The module's bytes. It imports `vm.memory`, `vm.call`, `vm.fault`, `vm.packetLoad` and exports `run(function, depth)`. */
export function translate(code: Code, regions: number): Uint8Array {
  const count = code.functions.length;
  const swap64 = FIRST_FUNCTION + count;
  const module = new WasmWriter();
  module.bytes(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  module.section(1, types());
  module.section(2, imports());
  const functions = new WasmWriter().unsigned(count + 2);
  for (let i = 0; i < count; i++) functions.unsigned(TYPE.function);
  module.section(3, functions.unsigned(TYPE.swap).unsigned(TYPE.run));
  module.section(4, new WasmWriter().unsigned(1).bytes(0x70, 0x00).unsigned(count));
  module.section(
    7,
    new WasmWriter()
      .unsigned(1)
      .name('run')
      .byte(0)
      .unsigned(swap64 + 1),
  );
  const elements = new WasmWriter().unsigned(1).bytes(0, OP.i32Const, 0, OP.end).unsigned(count);
  for (let i = 0; i < count; i++) elements.unsigned(FIRST_FUNCTION + i);
  module.section(9, elements);

  const bodies = new WasmWriter().unsigned(count + 2);
  const add = (body: WasmWriter): void => {
    bodies.unsigned(body.length).append(body);
  };
  for (const fn of code.functions) add(functionBody(code, fn, swap64, regions));
  const swap = new WasmWriter();
  emitSwap64Body(swap);
  add(swap);
  add(runBody());
  return module.section(10, bodies).view();
}

function types(): WasmWriter {
  const w = new WasmWriter().unsigned(5);
  w.bytes(0x60, 2, I32, I32, 1, I32);
  w.bytes(0x60, 4, I32, I32, I32, I64, 0);
  w.bytes(0x60, 6, I64, I64, I64, I64, I64, I32, 1, I64);
  w.bytes(0x60, 1, I64, 1, I64);
  return w.bytes(0x60, 2, I32, I32, 0);
}

function imports(): WasmWriter {
  const w = new WasmWriter().unsigned(4);
  w.name('vm').name('memory').bytes(2, 0, 0);
  w.name('vm').name('call').bytes(0, TYPE.call);
  w.name('vm').name('fault').bytes(0, TYPE.fault);
  return w.name('vm').name('packetLoad').bytes(0, TYPE.call);
}

/** Arguments from the mailbox to function number `local 0`, the result back. */
function runBody(): WasmWriter {
  const w = new WasmWriter().unsigned(0).bytes(OP.i32Const, 0);
  for (let i = 0; i < 5; i++) memory64(w.bytes(OP.i32Const, 0), OP.i64Load, MAILBOX + i * 8);
  w.bytes(OP.localGet, 1, OP.localGet, 0, OP.callIndirect, TYPE.function, 0);
  return memory64(w, OP.i64Store, RESULT).byte(OP.end);
}

function memory64(w: WasmWriter, op: number, position: number): WasmWriter {
  return w.bytes(op, 3).unsigned(position);
}

function saveLeft(w: WasmWriter): void {
  memory64(w.bytes(OP.i32Const, 0, OP.localGet).unsigned(LEFT), OP.i64Store, BUDGET);
}

function restoreLeft(w: WasmWriter): void {
  memory64(w.bytes(OP.i32Const, 0), OP.i64Load, BUDGET).byte(OP.localSet).unsigned(LEFT);
}

function checkBudget(w: WasmWriter, index: number): void {
  w.byte(OP.localGet).unsigned(LEFT).bytes(OP.i64Const, 0, OP.i64LtS, OP.if, VOID);
  emitFault(w, 'budget', index, 0, undefined);
  w.byte(OP.end);
}

function functionBody(code: Code, fn: CodeFunction, swap64: number, regions: number): WasmWriter {
  const w = new WasmWriter();
  declareLocals(w);
  w.byte(OP.localGet).unsigned(DEPTH).byte(OP.i32Const).signed(MAX_FRAMES).bytes(OP.i32GeU, OP.if, VOID);
  emitFault(w, 'depth', fn.start, 0, undefined);
  w.byte(OP.end);
  w.byte(OP.localGet)
    .unsigned(DEPTH)
    .byte(OP.i32Const)
    .signed(FRAME_REGION)
    .bytes(OP.i32Add, OP.i64ExtendI32U, OP.i64Const)
    .signed(32)
    .byte(OP.i64Shl);
  w.byte(OP.i64Const).signed(FRAME_SIZE).byte(OP.i64Or);
  setRegister(w, 10);
  w.byte(OP.localGet)
    .unsigned(DEPTH)
    .byte(OP.i32Const)
    .signed(FRAME_SIZE)
    .byte(OP.i32Mul)
    .byte(OP.i32Const)
    .signed(STACK)
    .bytes(OP.i32Add, OP.localSet)
    .unsigned(FRAME);
  w.byte(OP.i32Const).signed(MAY_GOTO_LIMIT).byte(OP.localSet).unsigned(MAY_GOTO);
  restoreLeft(w);
  checkBudget(w, fn.start);
  emitGraph(
    w,
    graphOf(code, fn),
    {
      straight: (start, end) => emitBlock(w, code, start, end, swap64, regions),
      condition: (jump) => emitCondition(w, code.insns[jump] as Insn),
      backward: (jump) => checkBudget(w, jump),
    },
    NEXT,
  );
  return w.byte(OP.end);
}

function emitBlock(w: WasmWriter, code: Code, start: number, end: number, swap64: number, regions: number): void {
  w.byte(OP.localGet)
    .unsigned(LEFT)
    .byte(OP.i64Const)
    .signed(end - start)
    .bytes(OP.i64Sub, OP.localSet)
    .unsigned(LEFT);
  for (let index = start; index < end; index++) {
    const insn = code.insns[index] as Insn;
    switch (insn.op & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        emitArithmetic(w, insn, swap64);
        break;
      case CLASS.LDX:
        emitLoad(w, regions, insn, index);
        break;
      case CLASS.ST:
        emitStore(w, regions, insn, index);
        break;
      case CLASS.STX:
        if ((insn.op & 0xe0) === MODE.ATOMIC) emitAtomic(w, regions, insn, index);
        else emitStore(w, regions, insn, index);
        break;
      case CLASS.LD:
        if (insn.imm64 === undefined) emitPacketLoad(w, insn, index);
        else {
          w.byte(OP.i64Const).signed64(code.constants[index] as bigint);
          setRegister(w, insn.dst);
        }
        break;
      default:
        if (isCall(insn)) emitCall(w, code, insn, index);
        else if (isExit(insn)) {
          saveLeft(w);
          getRegister(w, 0);
          w.byte(OP.return);
        } else if (!isJump(insn)) throw new Error(`no such jump: ${insn.op & ~JMP.JA}`);
    }
  }
}

function emitCall(w: WasmWriter, code: Code, insn: Insn, index: number): void {
  if (insn.src === CALL.LOCAL) {
    saveLeft(w);
    for (let r = 1; r <= 5; r++) getRegister(w, r);
    w.byte(OP.localGet)
      .unsigned(DEPTH)
      .bytes(OP.i32Const, 1, OP.i32Add, OP.call)
      .unsigned(FIRST_FUNCTION + (code.target[index] as number));
    setRegister(w, 0);
    restoreLeft(w);
    return;
  }
  for (let r = 1; r <= 5; r++) {
    w.bytes(OP.i32Const, 0);
    getRegister(w, r);
    memory64(w, OP.i64Store, MAILBOX + (r - 1) * 8);
  }
  saveLeft(w);
  w.byte(OP.i32Const).signed(index).byte(OP.localGet).unsigned(DEPTH).byte(OP.call).unsigned(IMPORT.call).bytes(OP.if, VOID);
  memory64(w.bytes(OP.i32Const, 0), OP.i64Load, RESULT).bytes(OP.return, OP.end);
  memory64(w.bytes(OP.i32Const, 0), OP.i64Load, RESULT);
  setRegister(w, 0);
  restoreLeft(w);
}

function emitPacketLoad(w: WasmWriter, insn: Insn, index: number): void {
  w.byte(OP.i32Const).signed(index).byte(OP.i32Const).signed(insn.imm);
  if ((insn.op & 0xe0) === MODE.IND) {
    getRegister(w, insn.src);
    w.bytes(OP.i32WrapI64, OP.i32Add);
  }
  w.byte(OP.call).unsigned(IMPORT.packetLoad).bytes(OP.if, VOID);
  saveLeft(w);
  w.bytes(OP.i64Const, 0, OP.return, OP.end);
  memory64(w.bytes(OP.i32Const, 0), OP.i64Load, RESULT);
  setRegister(w, 0);
}
