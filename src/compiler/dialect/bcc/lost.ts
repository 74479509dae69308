/**
 * What a program could not put into a map is counted: `BPF.lost('counts')` reads the count.
 *
 *   counts.update(&key, &value)   ─▶ the kernel refuses: the map is full ─▶ skep_lost.counts += 1
 *
 * One global for each map that something was put into, made when it is first mentioned. The count costs nothing until
 * something is lost: it stands on the path that an error takes. Perf buffers are left out: the kernel counts for them.
 */

import { LOST_PREFIX } from '../../../object/lost.ts';
import type { Expr, VarDecl } from '../../c/ast.ts';
import type { Actions } from '../../c/sema/actions.ts';
import { ref } from '../../c/sema/nodes.ts';
import type { QualType } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import type { Block } from '../tree.ts';
import { builtinCall, number, statementExpression } from '../tree.ts';

const EEXIST = 17;
const counters = new WeakMap<VarDecl, VarDecl>();

function counterOf(table: VarDecl, type: QualType): VarDecl {
  let counter = counters.get(table);
  if (counter === undefined) {
    const { loc } = table;
    counter = {
      kind: 'var',
      name: `${LOST_PREFIX}${table.name}`,
      type,
      storage: 'global',
      scope: 'file',
      attributes: [],
      loc,
      align: undefined,
    };
    counters.set(table, counter);
  }
  return counter;
}

/** `__sync_fetch_and_add(&lost, 1)` */
export function countLost(b: Block, table: VarDecl): void {
  const { actions, loc } = b;
  const type: QualType = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  const pointer = actions.unary('&', ref(counterOf(table, type), loc), loc);
  b.do(builtinCall(actions, '__sync_fetch_and_add', [pointer, number(actions, 1, loc)], loc));
}

/** The call's result, after its failure was counted. `unless`: a key that is there already is none. */
export function countingFailure(actions: Actions, table: VarDecl, call: Expr, loc: Loc, unless?: 'exists'): Expr {
  return statementExpression(actions, loc, (b) => {
    const result = b.local('result', call.type, call);
    let failed = result();
    if (unless === 'exists') {
      // Before Linux 6.4 the kernel's function gives an int, and the upper half of the register is not its sign.
      const code = b.local('code', { type: actions.basicType(['int'], loc), quals: 0 }, result());
      failed = actions.binary('&&', code(), actions.binary('!=', code(), actions.unary('-', number(actions, EEXIST, loc), loc), loc), loc);
    }
    b.if(failed, (then) => countLost(then, table));
    return result();
  });
}

/** A pointer, after its absence was counted. */
export function countingNull(actions: Actions, table: VarDecl, call: Expr, loc: Loc): Expr {
  return statementExpression(actions, loc, (b) => {
    const result = b.local('result', call.type, call);
    b.if(actions.unary('!', result(), loc), (then) => {
      countLost(then, table);
      // Says again what is known, so that the caller's own check is not made a second time on this way: before Linux 6.2
      // the verifier takes a record for possibly absent even after a check, and misses it on a way that cannot be taken.
      then.do(actions.assign('=', result(), number(actions, 0, loc), loc));
    });
    return result();
  });
}
