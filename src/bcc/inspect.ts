/**
 * BCC's methods about functions and maps of an object: load by hand, dump, disassemble, show the layout of a table.
 */
import { dumpTypes } from '../btf/dump.ts';
import { helperByNumber } from '../compiler/dialect/helpers.ts';
import { disassemble } from '../isa/disassemble.ts';
import { encode } from '../isa/encode.ts';
import type { Insn } from '../isa/insn.ts';
import { mapInfo } from '../kernel/obj-info.ts';
import type { LoadedProgram } from '../link/load.ts';
import type { ProgramTypeName } from '../object/program-types.ts';
import type { ObjectSpec } from '../object/spec.ts';
import { Naming } from './naming.ts';

export abstract class Inspect extends Naming {
  abstract readonly spec: ObjectSpec;

  /** Loads a function as a program of a type ('kprobe', 'xdp', 'sched_cls', …). Its `fd` is the object's and closes with it. */
  loadFunc(fn: string, type: ProgramTypeName): LoadedProgram {
    return this.program(fn, type);
  }

  /** Loads every function, as the type that its name or section says, else as `type`. */
  loadFuncs(type: ProgramTypeName = 'kprobe'): LoadedProgram[] {
    return this.spec.programs.map((program) => this.program(program.name, program.section === '' ? type : undefined));
  }

  /** The program's instructions as they were compiled, 8 bytes a slot, with the functions it calls; loads it if need be. */
  dumpFunc(fn: string): Uint8Array {
    return encode(this.program(fn).joined.insns);
  }

  /** The same as text, in the kernel's own words. */
  disassembleFunc(fn: string): string {
    const { joined } = this.program(fn);
    const names = new Map<Insn | undefined, string>();
    for (const { insn, to } of joined.refs) names.set(joined.insns[insn], 'name' in to ? to.name : 'map' in to ? to.map : to.function);
    return disassemble(joined.insns, { helperName, constant: (insn) => names.get(insn) });
  }

  /** The C declarations of a map's key and value, under a line with its type, descriptor and id. */
  decodeTable(name: string): string {
    const { spec, fd } = this.object.maps.get(name) ?? this.noMap(name);
    const { id } = mapInfo(this.kernel, fd);
    const head = `Layout of BPF map ${name} (type ${spec.type}, FD ${fd}, ID ${id}):`;
    const types = [spec.keyType, spec.valueType].filter((type) => type !== 0);
    if (this.spec.btf === undefined || types.length === 0)
      return `${head}\n  key: ${spec.keySize} bytes\n  value: ${spec.valueSize} bytes\n`;
    return `${head}\n${dumpTypes(this.spec.btf, types)}`;
  }
}

const helperName = (number: number): string | undefined => helperByNumber(number)?.name;
