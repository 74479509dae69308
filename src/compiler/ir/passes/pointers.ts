/** Where pointers come from, as far as it can be seen without data flow: through constant and variable offsets. */
import { helperFacts } from '../helpers.ts';
import type { Value } from '../ir.ts';

export interface Based {
  readonly base: Value;
  /** Bytes from the base; undefined where a variable takes part. */
  readonly offset: number | undefined;
}

/** Follows `ptradd` and `spacecast` to the origin. */
export function basedOn(pointer: Value): Based {
  let base = pointer;
  let offset: number | undefined = 0;
  for (;;) {
    if (base.op === 'ptradd') {
      if (base.offset.op === 'const' && offset !== undefined) offset += Number(BigInt.asIntN(64, base.offset.value));
      else offset = undefined;
      base = base.base;
    } else if (base.op === 'spacecast') base = base.a;
    else return { base, offset };
  }
}

/** Memory that the program may access directly whatever its type is: so never the target of a probe read. */
export function isPlainMemory(base: Value): boolean {
  switch (base.op) {
    case 'alloca':
    case 'globaladdr':
      return true;
    case 'param':
      return base.space !== undefined && base.space !== 'kernel' && base.space !== 'user' && base.space !== 'external';
    case 'call': {
      const space = helperFacts(base).returns;
      return space === 'map' || space === 'mem';
    }
    default:
      return false;
  }
}
