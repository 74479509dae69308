/**
 * Global variables, static locals and string literals: bytes in sections. Each is made when it is first mentioned, so
 * what nobody uses takes no room.
 */
import type { FunctionDecl, InitItem, Initializer, Str, VarDecl } from '../../c/ast.ts';
import { type ConstValue, evaluate } from '../../c/sema/constants.ts';
import { findAttribute, stringArg, tagsOf } from '../../c/sema/decl/attributes.ts';
import type { QualType } from '../../c/types.ts';
import { QUAL } from '../../c/types.ts';
import type { IrGlobal } from '../ir.ts';
import type { ModuleState } from './state.ts';
import { alignOfType, integer, isVolatile, sizeOfType } from './types.ts';

type Reloc = NonNullable<IrGlobal['relocs']>[number];

/** Name of the global for a variable. */
export function globalFor(m: ModuleState, d: VarDecl): string {
  const known = m.globalNames.get(d);
  if (known !== undefined) return known;
  let name = d.name;
  for (let n = 1; m.module.globals.has(name); n++) name = `${d.name}.${n}`;
  m.globalNames.set(d, name);
  const size = sizeOfType(d.type.type) + flexible(d);
  const data = d.init ? new Uint8Array(size) : undefined;
  const relocs: Reloc[] = [];
  const global: IrGlobal = {
    name,
    section: '',
    size,
    align: Math.max(alignOfType(d.type), d.align ?? 1),
    data,
    relocs,
    readOnly: false,
    volatile: isVolatile(d.type),
    linkage: d.storage === 'extern' ? 'extern' : d.storage === 'static' || d.scope === 'local' ? 'static' : 'global',
    btfType: m.options.types.typeId(d.type),
    tags: tagsOf(d.attributes, 'btf_decl_tag') ?? [],
    loc: d.loc,
  };
  // Known before its initialiser is read: that may mention it.
  m.module.globals.set(name, global);
  if (d.init && data) fill(m, d.type, d.init, data, 0, relocs);
  m.module.globals.set(name, { ...global, ...sectionOf(d, data, relocs) });
  return name;
}

/** Bytes that an initialiser puts into a flexible array member. */
function flexible(d: VarDecl): number {
  const size = sizeOfType(d.type.type);
  if (d.init?.kind !== 'list' || d.type.type.kind !== 'record') return 0;
  let end = size;
  for (const i of d.init.items) {
    const length = i.value.kind === 'bytes' ? Math.max(i.value.bytes.length, sizeOfType(i.type.type)) : sizeOfType(i.type.type);
    end = Math.max(end, i.offset + length);
  }
  return end - size;
}

function sectionOf(
  d: VarDecl,
  data: Uint8Array | undefined,
  relocs: readonly Reloc[],
): { section: string; readOnly: boolean; data: Uint8Array | undefined } {
  const named = stringArg(findAttribute(d.attributes, 'section'));
  const isConst = (constness(d.type) & QUAL.CONST) !== 0;
  if (named !== undefined) return { section: named, readOnly: isConst || named.startsWith('.rodata') || named === '.kconfig', data };
  if (isConst) return { section: '.rodata', readOnly: true, data };
  if (!data || (relocs.length === 0 && data.every((x) => x === 0))) return { section: '.bss', readOnly: false, data: undefined };
  return { section: '.data', readOnly: false, data };
}

/** An array is const when its elements are. */
function constness(type: QualType): number {
  let t = type;
  let quals = t.quals;
  while (t.type.kind === 'array') {
    t = t.type.of;
    quals |= t.quals;
  }
  return quals;
}

export function stringGlobal(m: ModuleState, s: Str): string {
  // Equal literals share their bytes. The key is one character a byte.
  let key = '';
  for (const b of s.bytes) key += String.fromCharCode(b);
  const known = m.strings.get(key);
  if (known !== undefined) return known;
  const name = `.str.${m.strings.size}`;
  m.strings.set(key, name);
  m.module.globals.set(name, {
    name,
    section: '.rodata',
    size: s.bytes.length,
    align: 1,
    data: s.bytes,
    readOnly: true,
    volatile: false,
    linkage: 'static',
    btfType: 0,
    loc: s.loc,
  });
  return name;
}

function fill(m: ModuleState, type: QualType, init: Initializer, data: Uint8Array, at: number, relocs: Reloc[]): void {
  switch (init.kind) {
    case 'scalar': {
      const { value } = init;
      if (value.kind === 'compoundLiteral') return fill(m, type, value.init, data, at, relocs);
      if (value.kind === 'cast' && (value.cast === 'load' || value.cast === 'noop') && value.operand.kind === 'compoundLiteral')
        return fill(m, type, value.operand.init, data, at, relocs);
      const v = evaluate(value);
      if (!v) return m.error('not-constant', value.loc, 'the initializer of a static object must be constant');
      return put(m, type, v, undefined, data, at, relocs);
    }
    case 'string':
      data.set(init.bytes.subarray(0, Math.max(0, data.length - at)), at);
      return;
    case 'list':
      for (const item of init.items) fillItem(m, item, data, at, relocs);
      return;
    default:
      never(init);
  }
}

function fillItem(m: ModuleState, item: InitItem, data: Uint8Array, at: number, relocs: Reloc[]): void {
  const { value } = item;
  if (value.kind === 'bytes') {
    const room = item.type.type.kind === 'array' ? sizeOfType(item.type.type) || value.bytes.length : data.length;
    data.set(value.bytes.subarray(0, Math.min(room, data.length - at - item.offset)), at + item.offset);
    return;
  }
  if (item.type.type.kind === 'record' || item.type.type.kind === 'array')
    return fill(m, item.type, { kind: 'scalar', value }, data, at + item.offset, relocs);
  const v = evaluate(value);
  if (!v) return m.error('not-constant', value.loc, 'the initializer of a static object must be constant');
  put(m, item.type, v, item.bit, data, at + item.offset, relocs);
}

function put(m: ModuleState, type: QualType, v: ConstValue, bit: InitItem['bit'], data: Uint8Array, at: number, relocs: Reloc[]): void {
  if (v.base) {
    relocs.push({ offset: at, ...targetOf(m, v.base), addend: Number(v.value) });
    return;
  }
  if (bit) {
    for (let i = 0; i < bit.width; i++) {
      const n = bit.offset + i;
      const byte = at + (n >> 3);
      const mask = 1 << (n & 7);
      data[byte] = (v.value >> BigInt(i)) & 1n ? (data[byte] as number) | mask : (data[byte] as number) & ~mask;
    }
    return;
  }
  const size = integer(type.type)?.size ?? 8;
  for (let i = 0, x = v.value; i < size; i++, x >>= 8n) data[at + i] = Number(x & 0xffn);
}

function targetOf(m: ModuleState, base: VarDecl | FunctionDecl | Str): { kind: 'global' | 'function'; name: string } {
  if (base.kind === 'function') {
    m.need(base);
    return { kind: 'function', name: base.name };
  }
  if (base.kind === 'string') return { kind: 'global', name: stringGlobal(m, base) };
  return { kind: 'global', name: globalFor(m, base) };
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
