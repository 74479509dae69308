/**
 * Runs emitted instructions, strictly: a register that was never written, or that a call destroyed, must not be read,
 * jumps must land on instructions, memory must be there. Small and slow; it shares nothing with what it tests.
 */

import type { IrMemory } from '../../../src/compiler/ir/interpret.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import type { FunctionSpec } from '../../../src/object/spec.ts';

const M64 = 0xffff_ffff_ffff_ffffn;

export interface World {
  readonly memory: IrMemory;
  /** Address of a data section or map, by name. */
  address(kind: 'map' | 'section', name: string): bigint;
  helper(id: number, args: readonly (bigint | undefined)[]): bigint;
  readonly functions: ReadonlyMap<string, FunctionSpec>;
  readonly packet: Uint8Array;
}

export class Fault extends Error {}
class End extends Error {}

export function evaluate(spec: FunctionSpec, args: readonly bigint[], world: World): { value: bigint | undefined; steps: number } {
  try {
    return run(spec, args, world);
  } catch (e) {
    if (e instanceof End) return { value: 0n, steps: 0 };
    throw e;
  }
}

function run(spec: FunctionSpec, args: readonly bigint[], world: World): { value: bigint | undefined; steps: number } {
  const slotOf: number[] = [];
  const indexOf = new Map<number, number>();
  let slot = 0;
  spec.insns.forEach((i, k) => {
    slotOf.push(slot);
    indexOf.set(slot, k);
    slot += i.imm64 === undefined ? 1 : 2;
  });
  const refs = new Map(spec.refs.map((r) => [r.insn, r.to]));
  const regs: (bigint | undefined)[] = new Array<bigint | undefined>(11).fill(undefined);
  args.forEach((a, k) => {
    regs[k + 1] = a & M64;
  });
  const stack = world.memory.add('stack', new Uint8Array(512).fill(0xa5));
  regs[10] = stack + 512n;
  const get = (r: number): bigint => {
    const v = regs[r];
    if (v === undefined) throw new Fault(`r${r} read before it was written, at ${pc}`);
    return v;
  };
  let pc = 0;
  for (let steps = 1; ; steps++) {
    if (steps > 3_000_000) throw new Fault('too long');
    const i = spec.insns[pc] as Insn | undefined;
    if (i === undefined) throw new Fault('ran off the end');
    const at = pc++;
    const jump = (by: number): void => {
      const to = indexOf.get((slotOf[at] as number) + 1 + by);
      if (to === undefined) throw new Fault(`jump to nowhere at ${at}`);
      pc = to;
    };
    const cls = i.op & 7;
    switch (cls) {
      case 4:
      case 7:
        regs[i.dst] = alu(
          i,
          (i.op & 0xf0) === 0xb0 ? 0n : get(i.dst),
          (i.op & 8) !== 0 && (i.op & 0xf0) !== 0xd0 ? get(i.src) : BigInt(i.imm),
        );
        break;
      case 5:
      case 6: {
        const code = i.op & 0xf0;
        if (i.op === 0x05) jump(i.off);
        else if (i.op === 0x06) jump(i.imm);
        else if (i.op === 0x95) return { value: regs[0], steps };
        else if (i.op === 0x85) {
          const a = regs.slice(1, 6);
          const ref = refs.get(at);
          let result: bigint | undefined;
          if (ref?.kind === 'call') {
            const callee = world.functions.get(ref.function);
            if (!callee) throw new Fault(`no function ${ref.function}`);
            result = run(callee, a as bigint[], world).value;
          } else result = world.helper(i.imm, a);
          for (let r = 1; r <= 5; r++) regs[r] = undefined;
          regs[0] = result === undefined ? undefined : result & M64;
        } else {
          const narrow = cls === 6;
          const a = get(i.dst),
            b = (i.op & 8) !== 0 ? get(i.src) : BigInt(i.imm) & M64;
          if (taken(code, narrow ? a & 0xffff_ffffn : a, narrow ? b & 0xffff_ffffn : b, narrow ? 32 : 64)) jump(i.off);
        }
        break;
      }
      case 1: {
        const size = BYTES[(i.op >> 3) & 3] as number;
        const v = world.memory.read((get(i.src) + BigInt(i.off)) & M64, size);
        regs[i.dst] = (i.op & 0xe0) === 0x80 ? BigInt.asUintN(64, BigInt.asIntN(size * 8, v)) : v;
        break;
      }
      case 2:
        write(i, BigInt(i.imm));
        break;
      case 3: {
        if ((i.op & 0xe0) === 0x60) {
          write(i, get(i.src));
          break;
        }
        const size = BYTES[(i.op >> 3) & 3] as number;
        const mask = size === 4 ? 0xffff_ffffn : M64;
        const place = (get(i.dst) + BigInt(i.off)) & M64;
        const old = world.memory.read(place, size);
        const v = get(i.src) & mask;
        if (i.imm === 0xf1) {
          if ((get(0) & mask) === old) world.memory.write(place, size, v);
          regs[0] = old;
          break;
        }
        const ops: Readonly<Record<number, bigint>> = { 0x00: old + v, 0x40: old | v, 0x50: old & v, 0xa0: old ^ v, 0xe0: v };
        const next = ops[i.imm & 0xf0];
        if (next === undefined) throw new Fault(`atomic ${i.imm}`);
        world.memory.write(place, size, next & mask);
        if ((i.imm & 1) !== 0) regs[i.src] = old;
        break;
      }
      default: {
        if (i.op === 0x18) {
          const ref = refs.get(at);
          if (ref === undefined) regs[i.dst] = i.imm64;
          else if (ref.kind === 'map') regs[i.dst] = world.address('map', ref.map);
          else if (ref.kind === 'mapValue') regs[i.dst] = world.address('section', ref.map) + BigInt(ref.offset);
          else throw new Fault(`reference ${ref.kind}`);
          break;
        }
        get(6);
        const size = BYTES[(i.op >> 3) & 3] as number;
        const where = i.imm + ((i.op & 0xe0) === 0x40 ? Number(BigInt.asIntN(32, get(i.src))) : 0);
        if (where < 0 || where + size > world.packet.length) throw new End();
        let v = 0n;
        for (let k = 0; k < size; k++) v = (v << 8n) | BigInt(world.packet[where + k] as number);
        for (let r = 1; r <= 5; r++) regs[r] = undefined;
        regs[0] = v;
      }
    }
  }

  function write(i: Insn, value: bigint): void {
    const size = BYTES[(i.op >> 3) & 3] as number;
    world.memory.write((get(i.dst) + BigInt(i.off)) & M64, size, value & M64);
  }
}

const BYTES: readonly number[] = [4, 2, 1, 8];

function alu(i: Insn, dst: bigint, src: bigint): bigint {
  const narrow = (i.op & 7) === 4;
  const width = narrow ? 32 : 64;
  const u = (v: bigint): bigint => BigInt.asUintN(width, v);
  const s = (v: bigint): bigint => BigInt.asIntN(width, v);
  const a = u(dst),
    b = u(src);
  const count = b & BigInt(width - 1);
  if ((i.op & 8) === 0 && ((i.op & 0xf0) === 0x60 || (i.op & 0xf0) === 0x70 || (i.op & 0xf0) === 0xc0) && (i.imm < 0 || i.imm >= width))
    throw new Fault('invalid shift');
  if ((i.op & 8) === 0 && ((i.op & 0xf0) === 0x30 || (i.op & 0xf0) === 0x90) && i.imm === 0)
    throw new Fault('division by a zero immediate');
  switch (i.op & 0xf0) {
    case 0x00:
      return u(a + b);
    case 0x10:
      return u(a - b);
    case 0x20:
      return u(a * b);
    case 0x30:
      return b === 0n ? 0n : i.off === 1 ? u(s(a) / s(b)) : a / b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return u(a << count);
    case 0x70:
      return a >> count;
    case 0x80:
      return u(-a);
    case 0x90:
      return b === 0n ? a : i.off === 1 ? u(s(a) % s(b)) : a % b;
    case 0xa0:
      return a ^ b;
    case 0xb0:
      return i.off === 0 ? b : u(BigInt.asIntN(i.off, b));
    case 0xc0:
      return u(s(a) >> count);
    case 0xd0: {
      const swap = (i.op & 7) === 7 || (i.op & 8) !== 0;
      const v = BigInt.asUintN(i.imm, dst);
      if (!swap) return v;
      let out = 0n;
      for (let k = 0; k < i.imm; k += 8) out = (out << 8n) | ((v >> BigInt(k)) & 0xffn);
      return out;
    }
    default:
      throw new Fault(`opcode ${i.op}`);
  }
}

function taken(code: number, a: bigint, b: bigint, width: number): boolean {
  const x = BigInt.asIntN(width, a),
    y = BigInt.asIntN(width, b);
  switch (code) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0n;
    case 0x50:
      return a !== b;
    case 0x60:
      return x > y;
    case 0x70:
      return x >= y;
    case 0xa0:
      return a < b;
    case 0xb0:
      return a <= b;
    case 0xc0:
      return x < y;
    case 0xd0:
      return x <= y;
    default:
      throw new Fault(`jump ${code}`);
  }
}
