/** BTF of clang objects, bpftool's reading of BTF, and BTF made by hand. */
import { existsSync, readFileSync } from 'node:fs';
import { BtfReader } from '../../../src/btf/read.ts';
import type { BtfSource, BtfType } from '../../../src/btf/types.ts';
import { ElfFile } from '../../../src/elf/read.ts';
import { run } from '../object/clang.ts';

export const VMLINUX = '/sys/kernel/btf/vmlinux';

let kernel: BtfReader | undefined;
export function kernelBtf(): BtfReader {
  kernel ??= new BtfReader(new Uint8Array(readFileSync(VMLINUX)));
  return kernel;
}

export function haveKernelBtf(): boolean {
  return existsSync(VMLINUX);
}

export function sectionOf(object: Uint8Array, name: string): Uint8Array {
  const elf = new ElfFile(object);
  const section = elf.section(name);
  if (section === undefined) throw new Error(`the object has no section ${name}`);
  return elf.data(section);
}

export function btfOf(object: Uint8Array): BtfReader {
  return new BtfReader(sectionOf(object, '.BTF'));
}

/** What bpftool says of a type, in its own words and only what belongs to the kind. */
export type BpftoolType = Readonly<Record<string, unknown>> & { readonly id: number };

export function bpftoolTypes(path: string, ...args: string[]): BpftoolType[] {
  const dump = JSON.parse(run('bpftool', ['-j', ...args, 'btf', 'dump', 'file', path])) as { readonly types: BpftoolType[] };
  return dump.types;
}

const anon = (name: string): string => (name === '' ? '(anon)' : name);

/** A type as bpftool prints it. Values of 64 bits are rounded as JSON.parse rounds them. */
export function asBpftool(source: BtfSource, id: number): BpftoolType {
  const type: BtfType = source.type(id);
  switch (type.kind) {
    case 'int': {
      const encoding = { unsigned: '(none)', signed: 'SIGNED', char: 'CHAR', bool: 'BOOL' }[type.encoding];
      return { id, kind: 'INT', name: anon(type.name), size: type.size, bits_offset: 0, nr_bits: type.bits, encoding };
    }
    case 'ptr':
    case 'const':
    case 'volatile':
    case 'restrict':
      return { id, kind: type.kind.toUpperCase(), name: '(anon)', type_id: type.type };
    case 'typedef':
      return { id, kind: 'TYPEDEF', name: type.name, type_id: type.type };
    case 'typeTag':
      return { id, kind: 'TYPE_TAG', name: type.name, type_id: type.type };
    case 'declTag':
      return { id, kind: 'DECL_TAG', name: type.name, type_id: type.type, component_idx: type.component };
    case 'array':
      return { id, kind: 'ARRAY', name: '(anon)', type_id: type.element, index_type_id: type.index, nr_elems: type.length };
    case 'struct':
    case 'union': {
      const members = type.members.map((m) => ({
        name: anon(m.name),
        type_id: m.type,
        bits_offset: m.bitOffset,
        ...(m.bitSize > 0 ? { bitfield_size: m.bitSize } : {}),
      }));
      return { id, kind: type.kind.toUpperCase(), name: anon(type.name), size: type.size, vlen: members.length, members };
    }
    case 'enum':
    case 'enum64':
      return {
        id,
        kind: type.kind.toUpperCase(),
        name: anon(type.name),
        encoding: type.signed ? 'SIGNED' : 'UNSIGNED',
        size: type.size,
        vlen: type.values.length,
        values: type.values.map((v) => ({ name: v.name, val: printed(type.kind, v.value) })),
      };
    case 'fwd':
      return { id, kind: 'FWD', name: type.name, fwd_kind: type.union ? 'union' : 'struct' };
    case 'funcProto': {
      const params = type.params.map((p) => ({ name: anon(p.name), type_id: p.type }));
      if (type.variadic) params.push({ name: '(anon)', type_id: 0 });
      return { id, kind: 'FUNC_PROTO', name: '(anon)', ret_type_id: type.returns, vlen: params.length, params };
    }
    case 'func':
      return { id, kind: 'FUNC', name: type.name, type_id: type.type, linkage: type.linkage };
    case 'var':
      return { id, kind: 'VAR', name: type.name, type_id: type.type, linkage: type.linkage };
    case 'datasec': {
      const vars = type.entries.map((e) => ({ type_id: e.type, offset: e.offset, size: e.size }));
      return { id, kind: 'DATASEC', name: type.name, size: type.size, vlen: vars.length, vars };
    }
    case 'float':
      return { id, kind: 'FLOAT', name: type.name, size: type.size };
    default:
      return { id, kind: type.kind };
  }
}

/** bpftool prints unsigned enumerators of 32 bits with their sign extended. */
function printed(kind: 'enum' | 'enum64', value: bigint): number {
  return Number(kind === 'enum' && value >= 2n ** 31n ? BigInt.asUintN(64, value - 2n ** 32n) : value);
}

// ---- by hand

/** Words of types and a string table, put into a BTF blob. */
export class RawBtf {
  readonly words: number[] = [];
  #strings = '\0';

  name(text: string): number {
    const at = this.#strings.indexOf(`\0${text}\0`);
    if (at >= 0) return at + 1;
    const offset = this.#strings.length;
    this.#strings += `${text}\0`;
    return offset;
  }

  type(name: string, kind: number, vlen: number, third: number, ...rest: number[]): this {
    this.words.push(name === '' ? 0 : this.name(name), ((kind << 24) | vlen) >>> 0, third, ...rest);
    return this;
  }

  bytes(
    options: { readonly header?: number; readonly layout?: readonly (readonly [number, number])[]; readonly noStrings?: boolean } = {},
  ): Uint8Array {
    const header = options.header ?? (options.layout === undefined ? 24 : 32);
    const types = this.words.length * 4;
    const layout = (options.layout?.length ?? 0) * 4;
    const strings = new TextEncoder().encode(options.noStrings ? '' : this.#strings);
    const bytes = new Uint8Array(header + types + layout + strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    view.setUint32(4, header, true);
    view.setUint32(12, types, true);
    view.setUint32(16, types + layout, true);
    view.setUint32(20, strings.length, true);
    if (options.layout !== undefined) {
      view.setUint32(24, types, true);
      view.setUint32(28, layout, true);
      options.layout.forEach(([fixed, element], kind) => {
        bytes[header + types + kind * 4] = fixed;
        bytes[header + types + kind * 4 + 1] = element;
      });
    }
    for (const [i, word] of this.words.entries()) view.setUint32(header + i * 4, word, true);
    bytes.set(strings, header + types + layout);
    return bytes;
  }
}

/** Deterministic numbers below a limit. */
export function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
