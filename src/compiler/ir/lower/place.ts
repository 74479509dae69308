/**
 * Lvalues: where an object is. Member offsets add up without code; only pointers and variable indices become
 * instructions. Members of relocatable records (`preserve_access_index`) collect their path instead of an offset.
 */
import type { Deref, Expr, Member, Ref, Str, VarDecl } from '../../c/ast.ts';
import type { Field, QualType, RecordType } from '../../c/types.ts';
import { constant, NULL } from '../builder.ts';
import type { Value } from '../ir.ts';
import { isRelocatable } from './core.ts';
import { effect } from './effect.ts';
import { globalFor, stringGlobal } from './globals.ts';
import { initialize } from './init.ts';
import { joinRecords, recordInto } from './record.ts';
import { scalar } from './scalar.ts';
import { type CorePath, coreRef, type FunctionState, type Place } from './state.ts';
import { alignOfType, isVolatile, sizeOfType, spaceOf } from './types.ts';

/** The smallest power of two that divides both. */
export function alignAt(align: number, offset: number): number {
  return offset === 0 ? align : Math.min(align, offset & -offset);
}

export function localPlace(ptr: Value, type: QualType, align: number): Place {
  return { ptr, offset: 0, align, volatile: isVolatile(type) };
}

/** A new stack object. Objects of eight bytes and more are aligned to eight, so that copies can be wide. */
export function newLocal(f: FunctionState, type: QualType, name: string | undefined, loc: number, declared = 1): Place {
  const size = sizeOfType(type.type);
  const align = Math.max(alignOfType(type), declared, size >= 8 ? 8 : 1);
  return localPlace(f.b.alloca(size, align, name, loc), type, align);
}

export function place(f: FunctionState, e: Expr): Place {
  f.b.loc = e.loc;
  switch (e.kind) {
    case 'ref':
      return refPlace(f, e);
    case 'deref': {
      const element = relocatableElement(f, e);
      if (element) return element;
      const pointer = scalar(f, e.pointer);
      f.b.loc = e.loc;
      return pointee(f, pointer, e.type);
    }
    case 'member':
      return memberPlace(f, e);
    case 'string':
      return stringPlace(f, e);
    case 'compoundLiteral': {
      if (e.decl.scope === 'file') return localPlace(f.b.globaladdr(globalFor(f.m, e.decl)), e.type, alignOfType(e.type));
      const p = newLocal(f, e.type, e.decl.name, e.loc, e.decl.align);
      f.locals.set(e.decl, p);
      initialize(f, p, e.type, e.init);
      return p;
    }
    case 'stmtExpr':
    case 'comma':
    case 'cond':
    case 'assign':
    case 'call':
    case 'cast':
    case 'builtin':
    case 'compoundAssign':
      // A record value: it gets a place of its own.
      return recordValue(f, e);
    case 'int':
    case 'unary':
    case 'binary':
    case 'pointerArith':
    case 'pointerDiff':
    case 'logical':
    case 'addressOf':
    case 'mapAddress': {
      f.error('not-an-lvalue', e, 'this expression has no address');
      return localPlace(NULL, e.type, 1);
    }
    default:
      return never(e);
  }
}

/** A record (or array) that is no object of its own: where it is, or a copy. */
export function recordValue(f: FunctionState, e: Expr): Place {
  if (e.kind === 'cast' && e.cast === 'load') return place(f, e.operand);
  if (e.kind === 'cast' && e.cast === 'noop') return recordValue(f, e.operand);
  if (e.kind === 'comma') {
    effect(f, e.left);
    return recordValue(f, e.right);
  }
  if (
    e.lvalue &&
    e.kind !== 'cond' &&
    e.kind !== 'stmtExpr' &&
    e.kind !== 'assign' &&
    e.kind !== 'call' &&
    e.kind !== 'builtin' &&
    e.kind !== 'cast' &&
    e.kind !== 'compoundAssign'
  )
    return place(f, e);
  if (e.kind === 'member') return memberPlace(f, e);
  if (e.kind === 'cond') return joinRecords(f, e);
  const p = newLocal(f, e.type, undefined, e.loc);
  recordInto(f, e, p);
  return p;
}

/** What a pointer leads to, as an object of this type. */
export function pointee(f: FunctionState, pointer: Value, type: QualType): Place {
  const space = spaceOf(type.quals);
  const ptr = space && !(pointer.op === 'spacecast' && pointer.space === space) ? f.b.spacecast(pointer, space) : pointer;
  return { ptr, offset: 0, align: alignOfType(type), volatile: isVolatile(type) };
}

function refPlace(f: FunctionState, e: Ref): Place {
  const d = e.decl;
  switch (d.kind) {
    case 'param':
    case 'var': {
      const local = f.locals.get(d);
      if (local) return local;
      if (d.kind === 'var') return globalPlace(f, d);
      throw new Error(`parameter ${d.name} has no place`);
    }
    case 'function':
      return { ptr: f.b.funcaddr(d.name), offset: 0, align: 1, volatile: false };
    default:
      return never(d);
  }
}

function globalPlace(f: FunctionState, d: VarDecl): Place {
  if (d.map) return { ptr: f.b.mapaddr(d.map.name), offset: 0, align: 8, volatile: false };
  if (d.scope === 'local' && d.storage !== 'static' && d.storage !== 'extern') {
    // Jumped over by goto or case: it exists all the same.
    const p = newLocal(f, d.type, d.name, d.loc, d.align);
    f.locals.set(d, p);
    return p;
  }
  const section = d.attributes.find((a) => a.name === 'section')?.args[0];
  if (d.storage === 'extern' && section?.kind === 'string' && section.value === '.ksyms') {
    const typed = d.type.type.kind !== 'void';
    return localPlace(
      f.b.ksymaddr(
        d.name,
        typed,
        d.attributes.some((a) => a.name === 'weak'),
      ),
      d.type,
      alignOfType(d.type),
    );
  }
  if (d.storage === 'extern' && !(section?.kind === 'string' && section.value === '.kconfig')) {
    f.m.error('undefined-variable', f.b.loc, `'${d.name}' is declared extern, and nothing here defines it: BPF objects are compiled whole`);
  }
  return localPlace(f.b.globaladdr(globalFor(f.m, d)), d.type, Math.max(alignOfType(d.type), d.align ?? 1));
}

function stringPlace(f: FunctionState, e: Str): Place {
  return { ptr: f.b.globaladdr(stringGlobal(f.m, e)), offset: 0, align: 1, volatile: false };
}

function memberPlace(f: FunctionState, e: Member): Place {
  const base = e.base.lvalue ? place(f, e.base) : recordValue(f, e.base);
  f.b.loc = e.loc;
  return memberOf(f, base, e.record, e);
}

function memberOf(f: FunctionState, base: Place, record: RecordType, e: Member): Place {
  const { field } = e;
  const volatile = base.volatile || isVolatile(e.type);
  const union = unionOnTheWay(base, record, field);
  if (base.core || isRelocatable(f, record)) return { ...relocatableMember(f, base, record, e, volatile), ...union };
  const offset = base.offset + field.offset;
  // An object that says so is aligned more than its type; packed ones less.
  const align = alignAt(base.align, field.offset);
  if (!field.bit) return { ptr: base.ptr, offset, align, volatile, ...union };
  return { ptr: base.ptr, offset, align, volatile, bit: field.bit, before: field.offset, after: record.size - field.offset };
}

function unionOnTheWay(base: Place, record: RecordType, field: Field): Pick<Place, 'union'> {
  if (base.union) return { union: { record: base.union.record, at: base.union.at + field.offset } };
  return record.tag === 'union' && (record.fields?.length ?? 0) > 1 ? { union: { record, at: field.offset } } : NO_UNION;
}
const NO_UNION = {};

function relocatableMember(f: FunctionState, base: Place, record: RecordType, e: Member, volatile: boolean): Place {
  const { field } = e;
  const index = memberIndex(record, field);
  const start: CorePath = base.core ?? { root: { type: record, quals: 0 }, path: [0], local: 0 };
  const core: CorePath = { root: start.root, path: [...start.path, index], local: start.local + field.offset };
  const align = alignAt(base.align, field.offset);
  const p: Place = { ptr: base.ptr, offset: base.offset, align, volatile, core, corePath: core };
  // The unit of a bit-field is where the path leads; the bits within it are only right for the types as declared.
  return field.bit ? { ...settle(f, p), corePath: core, bit: field.bit, before: 0, after: sizeOfType(field.type.type) } : p;
}

/** Position among the members that BTF has: unnamed bit-fields are not there. */
export function memberIndex(record: RecordType, field: Field): number {
  let index = 0;
  for (const x of record.fields ?? []) {
    if (x === field) return index;
    if (!(x.bit && x.name === '')) index++;
  }
  throw new Error(`no member ${field.name} in ${record.name}`);
}

/** `p->array[2]` of a relocatable array: the constant index belongs to the path. */
function relocatableElement(f: FunctionState, e: Deref): Place | undefined {
  const { pointer } = e;
  const arith = pointer.kind === 'pointerArith' && pointer.op === 'add' && pointer.index.kind === 'int' ? pointer : undefined;
  const decay = arith ? arith.pointer : pointer;
  if (decay.kind !== 'cast' || decay.cast !== 'decay' || decay.operand.kind !== 'member') return undefined;
  if (!pathIsRelocatable(f, decay.operand)) return undefined;
  const base = place(f, decay.operand);
  if (!base.core) throw new Error('relocatable member without a path');
  const index = arith && arith.index.kind === 'int' ? Number(arith.index.value) : 0;
  const by = index * sizeOfType(e.type.type);
  return {
    ...base,
    align: alignAt(base.align, by),
    ...samePath({ ...base.core, path: [...base.core.path, index], local: base.core.local + by }),
  };
}

const samePath = (core: CorePath): { core: CorePath; corePath: CorePath } => ({ core, corePath: core });

function pathIsRelocatable(f: FunctionState, e: Expr): boolean {
  for (let x = e; x.kind === 'member'; x = x.base) if (isRelocatable(f, x.record)) return true;
  return false;
}

/** Adds what `core` stands for, so that the place is a plain pointer. */
export function settle(f: FunctionState, p: Place): Place {
  if (!p.core) return p;
  const by = f.b.core(coreRef('fieldByteOffset', f.m, p.core));
  const { core: _core, corePath: _path, ...rest } = p;
  return { ...rest, ptr: f.b.ptradd(p.ptr, by) };
}

/** The address as a value. */
export function address(f: FunctionState, p: Place): Value {
  const s = settle(f, p);
  return f.b.ptradd(s.ptr, constant('i64', s.offset));
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
