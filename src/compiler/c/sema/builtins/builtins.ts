/**
 * Builtins: functions that the compiler itself knows. Each call becomes a constant, an ordinary expression, or a
 * `Builtin` node for lowering. These are all the nodes that are made; `args` are values with conversions made, unless
 * said otherwise.
 *
 *   name                       args                            result, `types`, `info`
 *   memcpy, memmove            dst, src, size (unsigned long)  void *, is dst; the size may be no constant yet
 *   memset                     dst, byte (int), size           void *, is dst
 *   memcmp                     a, b, size                      int
 *   bswap16, bswap32, bswap64  value (unsigned, that width)    the same type
 *   clz32, clz64, ctz32, ctz64, popcount32, popcount64, ffs32, ffs64, parity32, parity64
 *                              value (unsigned, that width)    int; clz and ctz of 0 may give anything
 *   abs32, abs64               value (signed)                  the same type
 *   rotateLeft, rotateRight    value, count (unsigned, 8 to 64 bits, one type; count modulo width)  the same type
 *   addOverflow, subOverflow, mulOverflow
 *                              a, b (both `types[0]`), pointer to `types[1]`
 *                              _Bool. Computes in types[0]; true if that overflows or types[1] cannot hold the result,
 *                              which is stored, cut to types[1], in any case
 *   expect                     value (long), wanted (long)     long, is the value
 *   assume                     condition (number or pointer)   void
 *   unreachable, trap          -                               void
 *   frameAddress               -                               void *
 *   atomicFetchAdd, -And, -Or, -Xor, atomicAddFetch, atomicAndFetch, atomicOrFetch, atomicXorFetch
 *                              pointer, value                  4 or 8 bytes, old or new value; `info`: memory order (0 to 5)
 *   atomicExchange             pointer, value                  the old value; `info`: memory order
 *   atomicCompareSwap          pointer, expected, new          the old value
 *   atomicCompareSwapBool      pointer, expected, new          _Bool: swapped
 *   atomicCompareExchange      pointer, pointer to expected (gets the old value on failure), new   _Bool; `info`: order
 *   atomicLoad                 pointer                         the value, 1 to 8 bytes; `info`: order
 *   atomicStore                pointer, value                  void; `info`: order
 *   fence                      -                               void; `info`: order
 *   preserveAccessIndex        value                           is the value; accesses in it are relocatable
 *   preserveFieldInfo          a Member or Deref lvalue, not loaded   unsigned int; `info`: kind
 *   preserveTypeInfo           -                               unsigned int; `types[0]`, `info`: kind
 *   btfTypeId                  -                               unsigned long; `types[0]`, `info`: kind
 *   preserveEnumValue          kind (Int)                      unsigned long; `types[0]`: the enum, `info`: enumerator's name
 *   loadPacket                 skb, offset (unsigned long long)   unsigned long long; `info`: bits (8n, 16n, 32n)
 *   pseudoImmediate            source register, immediate      unsigned long long: an ld_imm64
 *
 * Calls of memcpy, memset, memmove, memcmp, bcmp, bzero, strlen, strcmp, strncmp, strcpy and strncpy without a definition are builtins too.
 */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr } from '../../ast.ts';
import type { BuiltinArg } from '../actions.ts';
import type { Context } from '../context.ts';
import { errorExpr } from '../nodes.ts';
import { didYouMean } from '../suggest.ts';
import { INT, LLONG, LONG } from '../types/basic.ts';
import type { BuiltinRow, BuiltinTable } from './arguments.ts';
import { runRow } from './arguments.ts';
import { ATOMICS } from './atomics.ts';
import { absolute, BITS } from './bits.ts';
import { CORE, LLVM_NAMES } from './core.ts';
import { LIBRARY, MEMORY } from './memory.ts';
import { QUERIES } from './queries.ts';

const TABLE = new Map<string, BuiltinRow>();
for (const part of [MEMORY, BITS, ATOMICS, QUERIES, CORE] satisfies readonly BuiltinTable[]) {
  for (const [name, entry] of Object.entries(part)) TABLE.set(name, entry);
}

const BY_CALL = new Map<string, BuiltinRow>(
  Object.entries({
    ...LIBRARY,
    ...LLVM_NAMES,
    abs: absolute(INT),
    labs: absolute(LONG),
    llabs: absolute(LLONG),
  }),
);

/** Builtins that exist elsewhere, and why not here. */
const REJECTED: readonly (readonly [RegExp, string, 'unsupported-builtin' | 'no-floating-point'])[] = [
  [
    /^__builtin_(alloca|alloca_with_align|alloca_uninitialized)$/,
    'is not supported: the stack of a BPF program has a fixed size',
    'unsupported-builtin',
  ],
  [/^__builtin_(va_|ms_va_|stdarg)/, 'is not supported: BPF functions cannot take a variable number of arguments', 'unsupported-builtin'],
  [/^__builtin_(setjmp|longjmp|eh_|unwind_)/, 'is not supported: BPF cannot jump out of functions', 'unsupported-builtin'],
  [
    /^__builtin_(printf|sprintf|snprintf|vsnprintf|puts|putchar)/,
    'is not supported; print with bpf_trace_printk or bpf_printk',
    'unsupported-builtin',
  ],
  [
    /^__builtin_(huge_val|inf|nan|fabs|sqrt|pow|exp|log|sin|cos|tan|floor|ceil|round|trunc|copysign|fmin|fmax|fma|isnan|isinf|isfinite|isnormal|signbit|isless|isgreater|isunordered|flt_rounds|fpclassify|ldexp|frexp)/,
    'works on floating point, which BPF does not have',
    'no-floating-point',
  ],
];

export function isBuiltin(name: string): boolean {
  return name.startsWith('__builtin_') || name.startsWith('__sync_') || name.startsWith('__atomic_') || name.startsWith('__c11_atomic_');
}

export function builtinCall(ctx: Context, name: string, args: readonly BuiltinArg[], loc: Loc): Expr {
  const entry = TABLE.get(name);
  if (entry) return runRow(ctx, name, entry, args, loc);
  for (const [pattern, why, code] of REJECTED) {
    if (pattern.test(name)) {
      ctx.error(code, loc, `'${name}' ${why}`);
      return errorExpr(loc);
    }
  }
  ctx.error('unknown-builtin', loc, `builtin '${name}' is not known${didYouMean(name, TABLE.keys())}`);
  return errorExpr(loc);
}

/** A call of a function without a body whose name the compiler knows; undefined for all others. */
export function libraryCall(ctx: Context, name: string, args: readonly Expr[], loc: Loc): Expr | undefined {
  if (name === 'alloca') return builtinCall(ctx, '__builtin_alloca', [], loc);
  const entry = BY_CALL.get(name);
  return (
    entry &&
    runRow(
      ctx,
      name,
      entry,
      args.map((expr): BuiltinArg => ({ kind: 'expr', expr })),
      loc,
    )
  );
}
