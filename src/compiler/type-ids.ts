/**
 * C types as types of the object's BTF, made as they are asked for.
 *
 * Records get their id at once and their members at the end: whole if somebody needs the layout (map keys and values,
 * globals, relocated accesses, parameters declared in the text), only name and size if they are just pointed to. So a
 * pointer to `task_struct` does not pull in half of the kernel's types.
 */
import { BtfBuilder } from '../btf/builder.ts';
import type { BtfMember, BtfParam } from '../btf/types.ts';
import type { FunctionDecl, VarDecl } from './c/ast.ts';
import { isHidden } from './c/linkage.ts';
import type { ArrayType, CType, EnumType, FunctionType, IntType, QualType, RecordType } from './c/types.ts';
import { QUAL } from './c/types.ts';
import type { TypeIds } from './ir/lower/state.ts';

export class CTypeIds implements TypeIds {
  readonly btf = new BtfBuilder();
  private readonly records = new Map<RecordType, { readonly id: number; whole: boolean; defined: boolean }>();
  private readonly enums = new Map<EnumType, number>();
  private readonly functions = new Map<FunctionDecl, number>();

  /** With the whole layout. */
  typeId(type: QualType): number {
    return this.qualified(type, true);
  }

  functionId(fn: FunctionDecl): number {
    let id = this.functions.get(fn);
    if (id === undefined) {
      const params: BtfParam[] = fn.params.map((p) => ({ name: p.name, type: this.qualified(p.type, false) }));
      const proto = this.btf.add({
        kind: 'funcProto',
        returns: this.qualified(fn.type.returns, false),
        params,
        variadic: fn.type.variadic,
      });
      id = this.btf.append({
        kind: 'func',
        name: fn.name,
        type: proto,
        // What is hidden is this object's own: the kernel verifies it where it is called, as static functions.
        linkage: fn.storage === 'static' || isHidden(fn) ? 'static' : fn.body ? 'global' : 'extern',
      });
      this.functions.set(fn, id);
      for (const a of fn.attributes)
        if (a.name === 'btf_decl_tag' && a.args[0]?.kind === 'string')
          this.btf.append({ kind: 'declTag', name: a.args[0].value, type: id, component: -1 });
      for (const [component, param] of fn.type.params.entries())
        for (const name of param.tags ?? []) this.btf.append({ kind: 'declTag', name, type: id, component });
    }
    return id;
  }

  /** A variable of the kernel: `extern … __ksym`. */
  externalVariable(v: VarDecl): number {
    return this.btf.append({ kind: 'var', name: v.name, type: this.qualified(v.type, false), linkage: 'extern' });
  }

  /** Gives all records their bodies. Nothing may be asked for afterwards. */
  finish(): BtfBuilder {
    for (let again = true; again; ) {
      again = false;
      for (const [record, entry] of this.records) {
        if (entry.defined || !entry.whole) continue;
        entry.defined = true;
        again = true;
        this.btf.define(entry.id, { kind: record.tag, name: record.name, size: record.size, members: this.members(record) });
        this.memberTags(record, entry.id);
      }
    }
    for (const [record, entry] of this.records) {
      if (entry.defined) continue;
      entry.defined = true;
      if (record.size === 0 && record.fields === undefined)
        this.btf.define(entry.id, { kind: 'fwd', name: record.name, union: record.tag === 'union' });
      else this.btf.define(entry.id, { kind: record.tag, name: record.name, size: record.size, members: [] });
    }
    return this.btf;
  }

  private qualified(q: QualType, whole: boolean): number {
    let id = this.plain(q.type, whole);
    if (q.alias !== undefined) id = this.btf.add({ kind: 'typedef', name: q.alias, type: id });
    if (q.quals & QUAL.VOLATILE) id = this.btf.add({ kind: 'volatile', type: id });
    if (q.quals & QUAL.CONST) id = this.btf.add({ kind: 'const', type: id });
    return id;
  }

  private plain(t: CType, whole: boolean): number {
    switch (t.kind) {
      case 'void':
        return 0;
      case 'int':
        return this.int(t);
      case 'float':
        return this.btf.add({ kind: 'float', name: t.name, size: t.size });
      case 'pointer': {
        // Tags belong between the pointer and what it points to; the kernel reads them there.
        let to = this.qualified({ ...t.to, tags: undefined }, false);
        for (const name of [...(t.to.tags ?? [])].reverse()) to = this.btf.add({ kind: 'typeTag', name, type: to });
        return this.btf.add({ kind: 'ptr', type: to });
      }
      case 'array':
        return this.array(t, whole);
      case 'function':
        return this.proto(t);
      case 'enum':
        return this.enum(t);
      case 'record':
        return this.record(t, whole);
      default:
        return never(t);
    }
  }

  private int(t: IntType): number {
    return this.btf.add({
      kind: 'int',
      name: t.name,
      size: t.size,
      bits: t.size * 8,
      encoding: t.rank === 0 ? 'bool' : t.signed ? 'signed' : 'unsigned',
    });
  }

  private array(t: ArrayType, whole: boolean): number {
    const index = this.btf.add({ kind: 'int', name: '__ARRAY_SIZE_TYPE__', size: 4, bits: 32, encoding: 'unsigned' });
    return this.btf.add({ kind: 'array', element: this.qualified(t.of, whole), index, length: t.length ?? 0 });
  }

  private proto(t: FunctionType): number {
    const params: BtfParam[] = t.params.map((p) => ({ name: p.name ?? '', type: this.qualified(p.type, false) }));
    return this.btf.add({ kind: 'funcProto', returns: this.qualified(t.returns, false), params, variadic: t.variadic });
  }

  private enum(t: EnumType): number {
    let id = this.enums.get(t);
    if (id === undefined) {
      const values = (t.values ?? []).map((v) => ({ name: v.name, value: v.value }));
      const { size, signed } = t.underlying;
      id = this.btf.append({ kind: size > 4 ? 'enum64' : 'enum', name: t.name, size, signed, values });
      this.enums.set(t, id);
    }
    return id;
  }

  private record(t: RecordType, whole: boolean): number {
    let entry = this.records.get(t);
    if (!entry) {
      entry = { id: this.btf.reserve(), whole: false, defined: false };
      this.records.set(t, entry);
    }
    // Anonymous ones can only be told by what is in them, and the user's own are small. Relocatable ones are the kernel's:
    // a whole vmlinux.h may be among the user's headers.
    const ofKernel = t.btfId !== undefined || t.preserveAccessIndex;
    if (whole || t.name === '' || !ofKernel) entry.whole ||= !(t.size === 0 && t.fields === undefined);
    return entry.id;
  }

  /** `btf_decl_tag` on members, by their place. */
  private memberTags(t: RecordType, type: number): void {
    let component = 0;
    for (const f of t.fields ?? []) {
      if (f.bit && f.name === '') continue;
      for (const name of f.tags ?? []) this.btf.append({ kind: 'declTag', name, type, component });
      component++;
    }
  }

  private members(t: RecordType): BtfMember[] {
    const out: BtfMember[] = [];
    for (const f of t.fields ?? []) {
      if (f.bit && f.name === '') continue;
      out.push({
        name: f.name,
        type: this.qualified(f.type, true),
        bitOffset: f.offset * 8 + (f.bit?.offset ?? 0),
        bitSize: f.bit?.width ?? 0,
      });
    }
    return out;
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
