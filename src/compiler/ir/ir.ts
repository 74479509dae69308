/**
 * The IR: functions of basic blocks in SSA form.
 *
 * Values have one of three types: `i32`, `i64`, `ptr` (64 bits, with provenance). Narrower integers exist only in
 * memory and in `ext`: C promotes before it computes, and BPF has registers of 64 bits with 32-bit forms, so nothing
 * narrower would survive to instructions. Truth values are `i32` 0 or 1; instruction selection fuses a comparison
 * with the branch that uses it.
 *
 *   function ── blocks[0] is the entry ── each block: phis, instructions, one terminator
 *
 * Operands are references to `Value`s themselves (constants, parameters, instructions), not ids; ids are only for
 * printing. Uses are computed when a pass needs them (`uses.ts`).
 *
 * Pointers and address spaces: a pointer's space is not part of its IR type. `spaces.ts` computes it for every pointer
 * value from where it came (alloca, context, map lookup, packet field, kernel argument, load through a kernel
 * pointer, `__user` type), after inlining and mem2reg, so it holds through variables, macros and helper functions.
 * Then accesses through kernel and user pointers become probe reads. Pointer arithmetic is `ptradd`, never `add`, so
 * that provenance and the verifier's view agree.
 *
 * This representation is also what a TypeScript front end lowers to: nothing here knows C.
 */
import type { CoreKind } from '../../object/spec.ts';
import type { Loc } from '../diagnostics.ts';

export type IrType = 'i32' | 'i64' | 'ptr';
export type MemBits = 8 | 16 | 32 | 64;

export type Space =
  | 'stack'
  | 'ctx'
  | 'map'
  | 'packet'
  | 'packetMeta'
  | 'packetEnd'
  /** Kernel memory behind a pointer the verifier does not track: only probe reads. */
  | 'kernel'
  /** User memory: only user probe reads. */
  | 'user'
  /** Kernel memory, but it is not known which of kernel and user. */
  | 'external'
  /** Kernel object that the verifier knows by BTF: direct loads. */
  | 'btf'
  /** Memory that a helper returned (ringbuf record, socket, dynptr slice, …): direct access. */
  | 'mem'
  /** A map itself: only good as a helper argument. */
  | 'mapHandle'
  | 'arena'
  | 'null'
  | 'unknown';

/** What a C pointer points to, where it came from outside: the verifier knows records by BTF, all others are numbers to it. */
export type Pointee = 'record' | 'other';

/* ---------- values ---------- */

export interface Const {
  readonly op: 'const';
  readonly type: IrType /** Two's complement, 0 <= value < 2^width. */;
  readonly value: bigint;
}
export interface Undef {
  readonly op: 'undef';
  readonly type: IrType;
}
export interface Param {
  readonly op: 'param';
  readonly type: IrType;
  readonly index: number;
  readonly name: string /** From the C type: 'ctx' for the context, 'user' for `__user`, … */;
  readonly space?: Space;
  readonly loc: Loc;
}

interface InstBase {
  /** Unique in the function, for printing and dense tables. */
  id: number;
  loc: Loc;
  /** C name of the variable this value is, for messages. */
  name?: string;
}

export type BinOp = 'add' | 'sub' | 'mul' | 'udiv' | 'sdiv' | 'umod' | 'smod' | 'and' | 'or' | 'xor' | 'shl' | 'lshr' | 'ashr';
export type Pred =
  | 'eq'
  | 'ne'
  | 'ult'
  | 'ule'
  | 'ugt'
  | 'uge'
  | 'slt'
  | 'sle'
  | 'sgt'
  | 'sge'
  /** (a & b) != 0 */
  | 'set';

/** Shift counts are taken modulo the width. Division by zero gives 0, modulo by zero the dividend, as in BPF. */
export interface Bin extends InstBase {
  op: 'bin';
  type: 'i32' | 'i64';
  bin: BinOp;
  a: Value;
  b: Value;
}
/** base + offset bytes (i64, may be negative). */
export interface PtrAdd extends InstBase {
  op: 'ptradd';
  type: 'ptr';
  base: Value;
  offset: Value;
}
/** i32 0 or 1. Operands both i32, both i64 or both ptr. */
export interface Cmp extends InstBase {
  op: 'cmp';
  type: 'i32';
  pred: Pred;
  a: Value;
  b: Value;
}
/** Extends the low `bits` of the operand (any integer type) to `type`. `ext` from 32 to i64; from 8 or 16 also within i32. */
export interface Ext extends InstBase {
  op: 'ext';
  type: 'i32' | 'i64';
  signed: boolean;
  bits: 8 | 16 | 32;
  a: Value;
}
/** i64 (or ptr) to i32: low half. */
export interface Trunc extends InstBase {
  op: 'trunc';
  type: 'i32';
  a: Value;
}
/** ptr to i64 and i64 to ptr: same bits. The space hint comes from the C type (`__user`). */
export interface PtrToInt extends InstBase {
  op: 'ptrtoint';
  type: 'i64';
  a: Value;
}
export interface IntToPtr extends InstBase {
  op: 'inttoptr';
  type: 'ptr';
  a: Value;
  space?: Space;
  pointee?: Pointee;
}
/** Same pointer, declared to be in a space (a cast to `T __user *`, a dialect's knowledge). */
export interface SpaceCast extends InstBase {
  op: 'spacecast';
  type: 'ptr';
  a: Value;
  space: Space;
}
/** Reverses the low `bits` bits' bytes; higher bits become 0. */
export interface Bswap extends InstBase {
  op: 'bswap';
  type: 'i32' | 'i64';
  bits: 16 | 32 | 64;
  a: Value;
}
export interface Select extends InstBase {
  op: 'select';
  type: IrType;
  cond: Value;
  a: Value;
  b: Value;
}
export interface Phi extends InstBase {
  op: 'phi';
  type: IrType;
  incoming: { block: Block; value: Value }[];
}
/** Stack object. Only in the entry block. `var` names the C variable for messages. */
export interface Alloca extends InstBase {
  op: 'alloca';
  type: 'ptr';
  size: number;
  align: number;
  var?: string;
}
/**
 * Loads `bits` and extends them to `type` by `signed` (ptr: 64 bits). `offset` is a constant byte offset.
 * `space`: a hint from the C type; the pass fills it in.
 */
export interface Load extends InstBase {
  op: 'load';
  type: IrType;
  ptr: Value;
  offset: number;
  bits: MemBits;
  signed: boolean;
  volatile: boolean;
  space?: Space /** A CO-RE offset is to be added (portable mode). */;
  core?: CoreRef /** The loaded value's C pointee is `__user` and the like. */;
  resultSpace?: Space;
  pointee?: Pointee /** Bytes the address is known to be aligned to, where that is less than the width. */;
  align?: number;
}
export interface Store extends InstBase {
  op: 'store';
  type: 'void';
  ptr: Value;
  offset: number;
  bits: MemBits;
  value: Value;
  volatile: boolean;
  core?: CoreRef /** As of a load. */;
  align?: number;
}
/** Constant size; regions may not overlap (move: may). Source or destination in kernel space becomes a probe read. */
export interface MemCopy extends InstBase {
  op: 'memcpy';
  type: 'void';
  dst: Value;
  src: Value;
  size: number;
  move: boolean /** Known alignment in bytes of both. */;
  align: number;
}
export interface MemSet extends InstBase {
  op: 'memset';
  type: 'void';
  dst: Value;
  byte: Value;
  size: number;
  align: number;
}
export interface MemCmp extends InstBase {
  op: 'memcmp';
  type: 'i32';
  a: Value;
  b: Value;
  size: number;
  align: number;
}
/** Address of a map (for helpers) or of a byte in a data section. */
export interface MapAddr extends InstBase {
  op: 'mapaddr';
  type: 'ptr';
  map: string;
}
export interface GlobalAddr extends InstBase {
  op: 'globaladdr';
  type: 'ptr';
  global: string;
  offset: number;
}
export interface FuncAddr extends InstBase {
  op: 'funcaddr';
  type: 'ptr';
  fn: string;
}
export interface KsymAddr extends InstBase {
  op: 'ksymaddr';
  type: 'ptr';
  symbol: string;
  typed: boolean;
  weak: boolean;
}

export type Callee =
  | { readonly kind: 'helper'; readonly id: number; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'kfunc'; readonly name: string; readonly weak: boolean }
  /** Through a pointer, the first of `args`. Must have become a known function when the passes end: BPF has no such call. */
  | { readonly kind: 'indirect' };
/** At most five arguments once functions are inlined; more is an error at the call. */
export interface CallInst extends InstBase {
  op: 'call';
  type: IrType | 'void';
  callee: Callee;
  args: Value[] /** Space of a returned pointer where the C type says it. */;
  resultSpace?: Space;
}

export type AtomicOp = 'add' | 'and' | 'or' | 'xor' | 'xchg' | 'cmpxchg';
/** Result is the old value when `fetch`. cmpxchg: compares with `expected`. */
export interface Atomic extends InstBase {
  op: 'atomic';
  type: 'i32' | 'i64' | 'void';
  atomic: AtomicOp;
  ptr: Value;
  offset: number;
  bits: 32 | 64;
  value: Value;
  expected?: Value;
  fetch: boolean;
}
/** LD_ABS and LD_IND: reads packet bytes in network order through the skb in the context; returns host order. */
export interface LdPacket extends InstBase {
  op: 'ldpacket';
  type: 'i32';
  ctx: Value;
  bits: 8 | 16 | 32 /** Constant part. */;
  offset: number;
  index: Value | undefined;
}
/** A number that depends on the target's types. Folded at once unless the compilation is portable. */
export interface CoreValue extends InstBase {
  op: 'core';
  type: 'i64';
  core: CoreRef;
}
export interface CoreRef {
  readonly kind: CoreKind /** Id in the object's BTF. */;
  readonly type: number;
  readonly access: string /** Value for the types as declared. */;
  readonly local: bigint;
}
/** Inline assembly: text with %0 … operands as the C front end read it. `outputs` are results in order (`asmout`). */
export interface AsmInst extends InstBase {
  op: 'asm';
  type: 'void';
  text: string;
  inputs: { constraint: string; value: Value }[];
  outputs: { constraint: string; type: IrType; tied?: number }[];
  clobbers: string[];
}
export interface AsmOut extends InstBase {
  op: 'asmout';
  type: IrType;
  asm: AsmInst;
  index: number;
}

export type Inst =
  | Bin
  | PtrAdd
  | Cmp
  | Ext
  | Trunc
  | PtrToInt
  | IntToPtr
  | SpaceCast
  | Bswap
  | Select
  | Phi
  | Alloca
  | Load
  | Store
  | MemCopy
  | MemSet
  | MemCmp
  | MapAddr
  | GlobalAddr
  | FuncAddr
  | KsymAddr
  | CallInst
  | Atomic
  | LdPacket
  | CoreValue
  | AsmInst
  | AsmOut;

export type Value = Const | Undef | Param | Inst;

/* ---------- control flow ---------- */

export type Terminator =
  | { op: 'jump'; to: Block; loc: Loc }
  /** Condition is i32 (or i64): nonzero takes `then`. `likely` from __builtin_expect. */
  | { op: 'branch'; cond: Value; then: Block; else: Block; loc: Loc; likely?: boolean }
  /** Bounds are numbers read by `signed`, both included: minus three is -3n when signed, 2^width - 3 when not. */
  | { op: 'switch'; value: Value; cases: { low: bigint; high: bigint; to: Block }[]; otherwise: Block; signed: boolean; loc: Loc }
  | { op: 'return'; value: Value | undefined; loc: Loc }
  | { op: 'unreachable'; loc: Loc };

export interface Block {
  id: number;
  /** Phis first. */
  insts: Inst[];
  term: Terminator;
  /** Loop header that the source asks to unroll. */
  unroll?: 'full' | 'none' | number;
}

export interface IrFunction {
  readonly name: string;
  readonly linkage: 'static' | 'global' | 'weak';
  readonly params: Param[];
  readonly returns: IrType | undefined;
  blocks: Block[];
  /** Next free instruction and block id. */
  nextId: number;
  readonly loc: Loc;
  readonly end: Loc;
  readonly inline: 'always' | 'never' | 'auto';
  /** The program this is the entry of. */
  readonly program?: { readonly type: string; readonly attachType?: string };
  /** FUNC type id in the module's BTF. */
  btfFunc?: number;
}

/** A global variable's place in a data section. */
export interface IrGlobal {
  readonly name: string;
  /** '.data', '.rodata', '.bss', '.kconfig', or a custom one. */
  readonly section: string;
  readonly size: number;
  readonly align: number;
  readonly data: Uint8Array | undefined;
  /** Addresses in the initialiser. Only constants that fold away may have them: no loader fills them in. */
  readonly relocs?: readonly {
    readonly offset: number;
    readonly kind: 'global' | 'function';
    readonly name: string;
    readonly addend: number;
  }[];
  readonly readOnly: boolean;
  readonly volatile: boolean;
  readonly linkage: 'static' | 'global' | 'extern';
  /** Type id in the module's BTF. */
  readonly btfType: number;
  /** `btf_decl_tag` strings, which the kernel reads ('contains:elem:node'). */
  readonly tags?: readonly string[];
  readonly loc: Loc;
}

export interface IrModule {
  readonly functions: Map<string, IrFunction>;
  readonly globals: Map<string, IrGlobal>;
}
