/**
 * CO-RE builtins: questions about the target's types. A record that came from the target's BTF is the target's own, so
 * the answer is known; for one that the text declares it is a relocation, which `link/` answers for the running kernel.
 */

import type { CoreKind } from '../../../object/spec.ts';
import type { Builtin, Expr } from '../../c/ast.ts';
import type { CType, RecordType } from '../../c/types.ts';
import { constant, undef } from '../builder.ts';
import type { Value } from '../ir.ts';
import { place } from './place.ts';
import { type CorePath, coreRef, type FunctionState, type Place } from './state.ts';
import { integer, scalarType, sizeOfType } from './types.ts';

/** Evaluates with every member access relocatable. */
export function preserved<T>(f: FunctionState, what: () => T): T {
  f.preserve++;
  const v = what();
  f.preserve--;
  return v;
}

/**
 * Contexts: part of the kernel's interface, so their layout never changes; and the verifier translates accesses to them
 * by offset, which a relocation would hide from it.
 */
const FIXED = new Set([
  '__sk_buff',
  'xdp_md',
  'bpf_sock',
  'bpf_sock_ops',
  'bpf_sock_addr',
  'bpf_sock_tuple',
  'bpf_tcp_sock',
  'sk_msg_md',
  'sk_reuseport_md',
  'bpf_sk_lookup',
  'bpf_sockopt',
  'bpf_sysctl',
  'bpf_cgroup_dev_ctx',
  'bpf_perf_event_data',
  'bpf_raw_tracepoint_args',
  'bpf_flow_keys',
  'bpf_nf_ctx',
  'pt_regs',
]);

/** Whether the layout of this record must be asked of the target. */
export function isRelocatable(f: FunctionState, record: RecordType): boolean {
  if (record.btfId !== undefined && FIXED.has(record.name)) return false;
  return record.preserveAccessIndex || (f.preserve > 0 && record.btfId === undefined);
}

const FIELD_KINDS: readonly CoreKind[] = ['fieldByteOffset', 'fieldByteSize', 'fieldExists', 'fieldSigned', 'fieldLshift', 'fieldRshift'];

/** `__builtin_preserve_field_info(p->field, kind)` */
export function fieldInfo(f: FunctionState, e: Builtin): Value {
  const [target] = e.args;
  const kind = Number(e.info);
  const name = FIELD_KINDS[kind];
  if (!target || !name) {
    f.error('core-kind', e, `there is no field information of kind ${kind}`);
    return undef(scalarType(e.type.type) ?? 'i32');
  }
  const lvalue = skipLoads(target);
  const mark = { block: f.b.block, length: f.b.block.insts.length };
  const p = preserved(f, () => place(f, lvalue));
  // Only the path is asked for: the object is not touched.
  if (f.b.block === mark.block) f.b.block.insts.length = mark.length;
  const local = localAnswer(p, lvalue, name);
  const t = scalarType(e.type.type) === 'i64' ? 'i64' : 'i32';
  if (!p.corePath) return constant(t, local);
  const v = f.b.core({ ...coreRef(name, f.m, p.corePath), local });
  return t === 'i64' ? v : f.b.trunc(v);
}

function skipLoads(e: Expr): Expr {
  let x = e;
  while (x.kind === 'cast' && !x.lvalue) x = x.operand;
  return x;
}

/** For the record as it is declared; shifts as libbpf computes them (of a 64-bit value, little endian). */
function localAnswer(p: Place, e: Expr, kind: CoreKind): bigint {
  const size = sizeOfType(e.type.type);
  const bit = p.bit;
  const offset = (p.corePath as CorePath | undefined)?.local ?? p.offset;
  switch (kind) {
    case 'fieldByteOffset':
      return BigInt(offset);
    case 'fieldByteSize':
      return BigInt(size);
    case 'fieldExists':
      return 1n;
    case 'fieldSigned':
      return integer(e.type.type)?.signed ? 1n : 0n;
    case 'fieldLshift':
      return BigInt(bit ? 64 - (bit.offset + bit.width) : 64 - size * 8);
    case 'fieldRshift':
      return BigInt(bit ? 64 - bit.width : 64 - size * 8);
    default:
      throw new Error(`not a field question: ${kind}`);
  }
}

/** Questions about a type or an enumerator: the type is in `types`, the kind in `info` or an argument. */
export function typeInfo(f: FunctionState, e: Builtin): Value {
  const t = scalarType(e.type.type) === 'i64' ? 'i64' : 'i32';
  const type = e.types?.[0];
  const [asked] = e.args;
  const kind = asked?.kind === 'int' ? Number(asked.value) : Number(e.info);
  if (!type) {
    f.error('core-kind', e, `'${e.name}' names no type`);
    return undef(t);
  }
  const id = f.m.options.types.typeId(type);
  let name: CoreKind | undefined;
  let access = '0';
  let local = 1n;
  switch (e.name) {
    case 'btfTypeId':
      name = (['typeIdLocal', 'typeIdTarget'] as const)[kind];
      local = BigInt(id);
      break;
    case 'preserveTypeInfo':
      name = (['typeExists', 'typeSize', 'typeMatches'] as const)[kind];
      if (kind === 1) local = BigInt(sizeOfType(type.type));
      break;
    case 'preserveEnumValue': {
      name = (['enumvalExists', 'enumvalValue'] as const)[kind];
      const values = type.type.kind === 'enum' ? (type.type.values ?? []) : [];
      const at = values.findIndex((v) => v.name === e.info);
      if (at < 0) {
        f.error('core-kind', e, `no enumerator '${String(e.info)}' in this enum`);
        return undef(t);
      }
      access = String(at);
      if (kind === 1) local = values[at]?.value ?? 0n;
      break;
    }
    default:
      break;
  }
  if (!name) {
    f.error('core-kind', e, `'${e.name}' has no kind ${kind}`);
    return undef(t);
  }
  const known = isKnown(type.type);
  if (known && name !== 'typeIdLocal' && name !== 'typeIdTarget') return constant(t, local);
  const v = f.b.core({ kind: name, type: id, access, local });
  return t === 'i64' ? v : f.b.trunc(v);
}

/** The kernel's own type, as it is on the kernel that is compiled for. */
function isKnown(type: CType): boolean {
  switch (type.kind) {
    case 'record':
      return type.btfId !== undefined && !type.preserveAccessIndex;
    case 'enum':
      return type.btfId !== undefined && type.relocatable !== true;
    default:
      return false;
  }
}
