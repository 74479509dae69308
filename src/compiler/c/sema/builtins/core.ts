/** CO-RE: what depends on the types of the kernel that the program will run on, and the packet loads of classic BPF. */
import type { Expr } from '../../ast.ts';
import type { EnumType, QualType } from '../../types.ts';
import { builtin, int } from '../nodes.ts';
import { Q, qual, ULLONG, unqualified, VOID_POINTER } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import type { BuiltinCall, BuiltinTable } from './arguments.ts';
import { row } from './arguments.ts';

/** The access stays as it is written; that it is to be relocatable is for lowering to know. */
function preserveAccess(c: BuiltinCall): Expr {
  const v = c.raw(0).type.type.kind === 'void' ? c.raw(0) : c.value(0);
  return builtin('preserveAccessIndex', [v], v.type, c.loc);
}

function preserveField(c: BuiltinCall): Expr {
  let place = c.raw(0);
  while (place.kind === 'cast' && (place.cast === 'load' || place.cast === 'decay' || place.cast === 'noop')) place = place.operand;
  if (place.kind !== 'member' && place.kind !== 'deref') {
    c.fail(`the first argument of '${c.name}' must be an access to a member, such as 'p->m'`, place.loc);
  }
  return builtin('preserveFieldInfo', [place], Q.uint, c.loc, undefined, kindOf(c));
}

function kindOf(c: BuiltinCall): bigint {
  const kind = c.constant(1);
  if (kind < 0n || kind > 15n) c.fail(`'${c.name}' knows no kind ${kind}`);
  return kind;
}

/** `*(T *)0` names the type T. */
function namedType(c: BuiltinCall): QualType {
  return unqualified(c.raw(0).type);
}

function enumValue(c: BuiltinCall): Expr {
  const type = namedType(c);
  if (type.type.kind !== 'enum')
    c.fail(`the first argument of '${c.name}' must be '*(enum e *)ENUMERATOR'; its type is ${quoteType(type)}`);
  const name = enumeratorName(c.raw(0), type.type);
  if (name === undefined) c.fail(`the first argument of '${c.name}' does not name an enumerator of ${quoteType(type)}`);
  return builtin('preserveEnumValue', [int(kindOf(c), Q.int, c.loc)], Q.ulong, c.loc, [type], name);
}

function enumeratorName(e: Expr, type: EnumType): string | undefined {
  let at = e;
  for (;;) {
    if (at.kind === 'deref') at = at.pointer;
    else if (at.kind === 'cast') at = at.operand;
    else break;
  }
  if (at.kind !== 'int') return undefined;
  if (at.enumerator !== undefined) return at.enumerator;
  const { value } = at;
  return type.values?.find((v) => BigInt.asUintN(64, v.value) === BigInt.asUintN(64, value))?.name;
}

/* ---------- packets ---------- */

/** LD_ABS and LD_IND under the names that LLVM gives them. */
function loadPacket(bits: bigint): (c: BuiltinCall) => Expr {
  return (c) => builtin('loadPacket', [c.as(0, VOID_POINTER), c.integer(1, ULLONG)], qual(ULLONG), c.loc, undefined, bits);
}

export const CORE: BuiltinTable = {
  __builtin_preserve_access_index: row(1, preserveAccess),
  __builtin_preserve_field_info: row(2, preserveField),
  __builtin_preserve_type_info: row(2, (c) => builtin('preserveTypeInfo', [], Q.uint, c.loc, [namedType(c)], kindOf(c))),
  __builtin_btf_type_id: row(2, (c) => builtin('btfTypeId', [], Q.ulong, c.loc, [namedType(c)], kindOf(c))),
  __builtin_preserve_enum_value: row(2, enumValue),
  __builtin_bpf_load_byte: row(2, loadPacket(8n)),
  __builtin_bpf_load_half: row(2, loadPacket(16n)),
  __builtin_bpf_load_word: row(2, loadPacket(32n)),
};

/** By the name in `asm("…")` behind a declaration. */
export const LLVM_NAMES: BuiltinTable = {
  'llvm.bpf.load.byte': row(2, loadPacket(8n)),
  'llvm.bpf.load.half': row(2, loadPacket(16n)),
  'llvm.bpf.load.word': row(2, loadPacket(32n)),
  'llvm.bpf.pseudo': row(2, (c) => builtin('pseudoImmediate', [c.integer(0, ULLONG), c.integer(1, ULLONG)], qual(ULLONG), c.loc)),
};
