/**
 * Functions and macros of kernel headers that work on any type or must stay constant expressions (`case htons(…):`):
 * built as trees where a program calls a name that nothing declares.
 */

import type { Expr } from '../../c/ast.ts';
import type { Actions } from '../../c/sema/actions.ts';
import type { Loc } from '../../diagnostics.ts';
import type { DialectContext } from '../dialect.ts';
import { builtinCall, statementExpression } from '../tree.ts';

interface Row {
  readonly count: number;
  readonly build: (actions: Actions, args: readonly Expr[], loc: Loc) => Expr;
}

const rows = new Map<string, Row>();

/* ---------- byte order: both architectures are little-endian ---------- */

const TYPES = { 16: '__u16', 32: '__u32', 64: '__u64' } as const;

function swap(bits: 16 | 32 | 64): Row {
  return { count: 1, build: (actions, args, loc) => builtinCall(actions, `__builtin_bswap${bits}`, args, loc) };
}
function keep(bits: 16 | 32 | 64): Row {
  return { count: 1, build: (actions, args, loc) => actions.cast(actions.typedefType(TYPES[bits], loc), args[0] as Expr, loc) };
}

for (const [letter, bits] of [
  ['s', 16],
  ['l', 32],
] as const) {
  for (const direction of ['hton', 'ntoh']) {
    for (const prefix of ['', '__constant_', '___constant_', 'bpf_', '__bpf_', '__bpf_constant_'])
      rows.set(`${prefix}${direction}${letter}`, swap(bits));
  }
}
for (const bits of [16, 32, 64] as const) {
  for (const prefix of ['', '__', '__constant_', 'bpf_', '__bpf_']) {
    rows.set(`${prefix}cpu_to_be${bits}`, swap(bits));
    rows.set(`${prefix}be${bits}_to_cpu`, swap(bits));
    rows.set(`${prefix}cpu_to_le${bits}`, keep(bits));
    rows.set(`${prefix}le${bits}_to_cpu`, keep(bits));
  }
  for (const prefix of ['', '__', '___constant_', 'bpf_']) rows.set(`${prefix}swab${bits}`, swap(bits));
}
for (const name of ['bpf_ntohll', 'bpf_htonll', 'ntohll', 'htonll']) rows.set(name, swap(64));

/* ---------- min, max ---------- */

function pick(actions: Actions, op: '<' | '>', a: Expr, b: Expr, loc: Loc): Expr {
  if (a.kind === 'int' && b.kind === 'int') return actions.conditional(actions.binary(op, a, b, loc), a, b, loc);
  const type = actions.typeofExpr(actions.conditional(actions.binary(op, a, b, loc), a, b, loc), loc);
  return statementExpression(actions, loc, (block) => {
    const x = block.local('a', type, a);
    const y = block.local('b', type, b);
    return actions.conditional(actions.binary(op, x(), y(), loc), x(), y(), loc);
  });
}

for (const [word, op] of [
  ['min', '<'],
  ['max', '>'],
] as const) {
  rows.set(word, { count: 2, build: (actions, [a, b], loc) => pick(actions, op, a as Expr, b as Expr, loc) });
  rows.set(`${word}3`, {
    count: 3,
    build: (actions, [a, b, c], loc) => pick(actions, op, pick(actions, op, a as Expr, b as Expr, loc), c as Expr, loc),
  });
}
rows.set('clamp', {
  count: 3,
  build: (actions, [x, low, high], loc) => pick(actions, '<', pick(actions, '>', x as Expr, low as Expr, loc), high as Expr, loc),
});

/** The call of a function that kernel headers would bring, or undefined. */
export function kernelBuiltin(name: string, args: readonly Expr[], loc: Loc, { actions, diagnostics }: DialectContext): Expr | undefined {
  const row = rows.get(name);
  if (row === undefined) return undefined;
  if (args.length !== row.count) {
    diagnostics.error(
      'bad-argument-count',
      loc,
      `'${name}' takes ${row.count} argument${row.count === 1 ? '' : 's'}; found ${args.length}`,
    );
    return actions.intLiteral('0', loc);
  }
  return row.build(actions, args, loc);
}

export function kernelBuiltinNames(): Iterable<string> {
  return rows.keys();
}
