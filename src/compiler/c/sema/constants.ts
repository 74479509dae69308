/**
 * Constant expressions: numbers, and addresses as C allows them in static initialisers (an object or function plus a
 * number of bytes). Works on typed trees, so every conversion is there to see.
 *
 * More is constant than C asks for, as with gcc and clang: const variables with a constant initialiser, elements of
 * const arrays and of strings, `&((T *)0)->m`.
 */
import type { Cast, Expr, FunctionDecl, InitItem, Str, VarDecl } from '../ast.ts';
import type { QualType } from '../types.ts';
import { QUAL } from '../types.ts';
import { compare, exact, foldUnary } from './fold.ts';
import { wrap } from './types/arithmetic.ts';
import { integerOf, isInteger } from './types/predicates.ts';
import { sizeOf } from './types/size.ts';

export type ConstBase = VarDecl | FunctionDecl | Str;

/** A number, or the address of `base` plus `value` bytes. */
export interface ConstValue {
  readonly base: ConstBase | undefined;
  readonly value: bigint;
}

/** The value of an expression that is constant; undefined for all others. */
export function evaluate(e: Expr): ConstValue | undefined {
  switch (e.kind) {
    case 'int':
      return e.type.type.kind === 'float' ? undefined : number(e.value);
    case 'cast':
      return evaluateCast(e);
    case 'unary': {
      const v = evaluate(e.operand);
      if (!v) return undefined;
      if (e.op === 'lnot') return v.base ? number(0n) : number(v.value === 0n ? 1n : 0n);
      return v.base || !isInteger(e.type.type) ? undefined : number(foldUnary(e.op, v.value, integerOf(e.type.type)));
    }
    case 'binary':
      return evaluateBinary(e.op, e.left, e.right, e.type);
    case 'logical': {
      const left = truth(evaluate(e.left));
      if (left === undefined) return undefined;
      if (left === (e.op === 'or')) return number(left ? 1n : 0n);
      const right = truth(evaluate(e.right));
      return right === undefined ? undefined : number(right ? 1n : 0n);
    }
    case 'cond': {
      const value = evaluate(e.cond);
      const cond = truth(value);
      if (cond === undefined) return undefined;
      return cond ? (e.then ? evaluate(e.then) : value) : evaluate(e.else);
    }
    case 'pointerArith': {
      const base = evaluate(e.pointer);
      const index = base && evaluate(e.index);
      if (!base || !index || index.base) return undefined;
      const bytes = index.value * BigInt(e.elementSize);
      const value = e.op === 'add' ? base.value + bytes : base.value - bytes;
      return { base: base.base, value: base.base ? value : BigInt.asUintN(64, value) };
    }
    case 'pointerDiff': {
      const left = evaluate(e.left);
      const right = left && evaluate(e.right);
      if (!left || !right || left.base !== right.base || e.elementSize === 0) return undefined;
      return number(BigInt.asIntN(64, left.value - right.value) / BigInt(e.elementSize));
    }
    case 'addressOf':
      return evaluatePlace(e.operand);
    case 'mapAddress':
      return { base: e.map, value: 0n };
    case 'ref':
      return e.decl.kind === 'function' ? { base: e.decl, value: 0n } : undefined;
    case 'comma': {
      // Constant only where nothing is lost with the left side.
      return evaluate(e.left) && evaluate(e.right);
    }
    case 'string':
    case 'assign':
    case 'compoundAssign':
    case 'call':
    case 'deref':
    case 'member':
    case 'compoundLiteral':
    case 'stmtExpr':
    case 'builtin':
      return undefined;
    default:
      return e satisfies never;
  }
}

/** The value of an integer constant expression. */
export function integerValue(e: Expr): bigint | undefined {
  if (e.kind === 'int') return e.type.type.kind === 'float' ? undefined : e.value;
  if (!isInteger(e.type.type)) return undefined;
  // Where a constant has to stand, a variable's name comes as the place it is, not yet loaded.
  const v = e.lvalue ? evaluateLoad(e, e.type) : evaluate(e);
  return v && !v.base ? v.value : undefined;
}

function number(value: bigint): ConstValue {
  return { base: undefined, value };
}

function truth(v: ConstValue | undefined): boolean | undefined {
  return v && (v.base !== undefined || v.value !== 0n);
}

function evaluateCast(e: Cast): ConstValue | undefined {
  switch (e.cast) {
    case 'load':
      return evaluateLoad(e.operand, e.type);
    case 'decay':
    case 'functionDecay':
      return evaluatePlace(e.operand);
    case 'toVoid':
      return undefined;
    case 'integral':
    case 'noop':
    case 'toBool':
    case 'pointerToInt':
    case 'intToPointer':
    case 'pointer':
    case 'nullToPointer':
      break;
    default:
      return e.cast satisfies never;
  }
  const v = evaluate(e.operand);
  if (!v) return undefined;
  const t = e.type.type;
  if (e.cast === 'toBool') return number(truth(v) ? 1n : 0n);
  if (v.base) return (sizeOf(t) ?? 0) === 8 ? v : undefined;
  if (isInteger(t)) return number(wrap(v.value, integerOf(t)));
  return t.kind === 'pointer' ? number(BigInt.asUintN(64, v.value)) : undefined;
}

function evaluateBinary(op: Parameters<typeof compare>[0], l: Expr, r: Expr, type: QualType): ConstValue | undefined {
  const left = evaluate(l);
  const right = left && evaluate(r);
  if (!left || !right) return undefined;
  if (left.base || right.base) return evaluateAddresses(op, left, right);
  const t = type.type;
  const truthValue = compare(op, left.value, right.value);
  if (truthValue !== undefined) return number(truthValue ? 1n : 0n);
  if (!isInteger(t)) return undefined;
  const result = exact(op, left.value, right.value, integerOf(t));
  return result === undefined ? undefined : number(wrap(result, integerOf(t)));
}

function evaluateAddresses(op: Parameters<typeof compare>[0], left: ConstValue, right: ConstValue): ConstValue | undefined {
  if (left.base === right.base) {
    const result = compare(op, left.value, right.value);
    if (result !== undefined) return number(result ? 1n : 0n);
    return op === 'sub' ? number(left.value - right.value) : undefined;
  }
  // An object is not at address zero.
  const [address, other] = left.base ? [left, right] : [right, left];
  if (!other.base && other.value === 0n && address.value === 0n && (op === 'eq' || op === 'ne')) return number(op === 'ne' ? 1n : 0n);
  if (op === 'add' && !other.base) return { base: address.base, value: address.value + other.value };
  if (op === 'sub' && left.base && !right.base) return { base: left.base, value: left.value - right.value };
  return undefined;
}

/** The address of an lvalue. */
export function evaluatePlace(e: Expr): ConstValue | undefined {
  switch (e.kind) {
    case 'ref': {
      const d = e.decl;
      if (d.kind === 'function') return { base: d, value: 0n };
      return d.kind === 'var' && isStatic(d) ? { base: d, value: 0n } : undefined;
    }
    case 'string':
      return { base: e, value: 0n };
    case 'deref':
      return evaluate(e.pointer);
    case 'compoundLiteral':
      return e.decl.scope === 'file' ? { base: e.decl, value: 0n } : undefined;
    case 'member': {
      if (e.field.bit) return undefined;
      const base = evaluatePlace(e.base);
      return base && { base: base.base, value: base.value + BigInt(e.field.offset) };
    }
    default:
      return undefined;
  }
}

export function isStatic(d: VarDecl): boolean {
  return d.scope === 'file' || d.storage === 'static' || d.storage === 'extern';
}

function evaluateLoad(place: Expr, type: QualType): ConstValue | undefined {
  const size = sizeOf(type.type);
  const t = type.type;
  if (size === undefined || !(isInteger(t) || t.kind === 'pointer')) return undefined;
  if (place.kind === 'ref') return place.decl.kind === 'var' ? constantOf(place.decl) : undefined;
  if (place.kind !== 'deref' && place.kind !== 'member') return undefined;
  if (place.type.quals & QUAL.VOLATILE) return undefined;
  const at = evaluatePlace(place) ?? elementOfLocal(place);
  if (!at?.base || at.base.kind === 'function') return undefined;
  if (at.base.kind === 'string') return isInteger(t) ? fromBytes(at.base.bytes, Number(at.value), size, integerOf(t)) : undefined;
  const { base } = at;
  if (!isConstant(base, place.type) || !base.init) return undefined;
  if (base.init.kind === 'string')
    return isInteger(t) ? fromBytes(base.init.bytes, Number(at.value), size, integerOf(t), sizeOf(base.type.type)) : undefined;
  if (base.init.kind !== 'list' || at.value < 0n || at.value + BigInt(size) > BigInt(sizeOf(base.type.type) ?? 0)) return undefined;
  return fromItems(base.init.items, Number(at.value), size, type);
}

/** A const local array: its address is not constant, but its elements are. */
function elementOfLocal(place: Expr): ConstValue | undefined {
  if (place.kind === 'member') {
    const base = place.field.bit ? undefined : elementOfLocal(place.base);
    return base && { base: base.base, value: base.value + BigInt(place.field.offset) };
  }
  if (place.kind === 'ref') return place.decl.kind === 'var' ? { base: place.decl, value: 0n } : undefined;
  return place.kind === 'deref' ? pointerToLocal(place.pointer) : undefined;
}

function pointerToLocal(e: Expr): ConstValue | undefined {
  if (e.kind === 'addressOf' || (e.kind === 'cast' && e.cast === 'decay')) return elementOfLocal(e.operand);
  if (e.kind !== 'pointerArith' || e.op !== 'add') return undefined;
  const base = pointerToLocal(e.pointer);
  const i = base && evaluate(e.index);
  return base && i && !i.base ? { base: base.base, value: base.value + i.value * BigInt(e.elementSize) } : undefined;
}

/** The text that a constant pointer points to, without its NUL: in a literal, or in a const array that begins as one. */
export function constantText(e: Expr): Uint8Array | undefined {
  let pointer = e;
  while (pointer.kind === 'cast' && (pointer.cast === 'pointer' || pointer.cast === 'noop')) pointer = pointer.operand;
  const v = evaluate(pointer) ?? pointerToLocal(pointer);
  const bytes = v?.base && bytesOf(v.base);
  if (!v || !bytes || v.value < 0n) return undefined;
  const end = bytes.indexOf(0, Number(v.value));
  return end < 0 ? undefined : bytes.subarray(Number(v.value), end);
}

function bytesOf(base: ConstBase): Uint8Array | undefined {
  if (base.kind === 'string') return base.bytes;
  if (base.kind !== 'var' || base.type.type.kind !== 'array' || !isConstant(base, base.type.type.of)) return undefined;
  if (base.init?.kind !== 'string') return undefined;
  const bytes = new Uint8Array(sizeOf(base.type.type) ?? 0);
  bytes.set(base.init.bytes.subarray(0, bytes.length));
  return bytes;
}

function isConstant(d: VarDecl, place: QualType): boolean {
  return (
    (place.quals & QUAL.CONST) !== 0 &&
    (place.quals & QUAL.VOLATILE) === 0 &&
    (d.type.quals & QUAL.VOLATILE) === 0 &&
    d.storage !== 'extern'
  );
}

function constantOf(d: VarDecl): ConstValue | undefined {
  if (!isConstant(d, d.type) || d.init?.kind !== 'scalar') return undefined;
  // Initialisers of const variables are numbers already if they are constant.
  const { value } = d.init;
  return value.kind === 'int' ? number(value.value) : undefined;
}

function fromBytes(
  bytes: Uint8Array,
  offset: number,
  size: number,
  type: Parameters<typeof wrap>[1],
  objectSize = bytes.length,
): ConstValue | undefined {
  if (offset < 0 || offset + size > objectSize) return undefined;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[offset + i] ?? 0);
  return number(wrap(value, type));
}

function fromItems(items: readonly InitItem[], offset: number, size: number, type: QualType): ConstValue | undefined {
  let found: InitItem | undefined;
  for (const item of items) {
    const end = item.offset + (sizeOf(item.type.type) ?? 0);
    if (item.offset < offset + size && end > offset) {
      if (found) return undefined;
      found = item;
    }
  }
  if (!found) return number(0n);
  if (found.bit) return undefined;
  const { value } = found;
  const t = type.type;
  if (value.kind === 'bytes')
    return isInteger(t) ? fromBytes(value.bytes, offset - found.offset, size, integerOf(t), sizeOf(found.type.type)) : undefined;
  if (found.offset !== offset || sizeOf(found.type.type) !== size || value.kind !== 'int') return undefined;
  return number(isInteger(t) ? wrap(value.value, integerOf(t)) : value.value);
}
