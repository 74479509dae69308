/**
 * Two questions about parts of one value are one question:
 *
 *   if ((x >> 4) != 4) goto out;                if (x != 0x45) goto out;
 *   if ((x & 15) != 5) goto out;          ─▶
 *
 * as headers are checked. The parts must be masks of the same value and both ways out lead to the same place with the
 * same values; what stands between the questions must be free of effects.
 */
import { constant } from '../builder.ts';
import { buildCfg } from '../cfg.ts';
import type { Block, Inst, IrFunction, Value } from '../ir.ts';
import { isPure } from '../uses.ts';
import { sameValue } from './cleanup-cfg.ts';
import { unsignedBits } from './known-bits.ts';

/** `value & mask == want` */
interface Part {
  readonly value: Value;
  readonly mask: bigint;
  readonly want: bigint;
}

export function mergeConditions(fn: IrFunction): boolean {
  let changed = false;
  for (let again = true; again; ) {
    again = false;
    const cfg = buildCfg(fn);
    for (const second of cfg.order) {
      const preds = cfg.preds[cfg.position[second.id] as number] as readonly Block[];
      const first = preds[0];
      if (preds.length !== 1 || !first || first === second) continue;
      if (merge(fn, first, second)) {
        changed = again = true;
        break;
      }
    }
  }
  return changed;
}

function merge(fn: IrFunction, first: Block, second: Block): boolean {
  const a = first.term;
  const b = second.term;
  if (a.op !== 'branch' || b.op !== 'branch') return false;
  const out = a.then === second ? a.else : a.then;
  if (out === second || (b.then !== out && b.else !== out) || b.then === b.else) return false;
  const on = b.then === out ? b.else : b.then;
  const p = partOf(a.cond, a.then === second);
  const q = p && partOf(b.cond, b.then === on);
  if (!p || !q || !sameValue(p.value, q.value)) return false;
  if (!second.insts.every((i) => isPure(i)) || !agree(out, first, second)) return false;
  // Contradicting parts are for others to find.
  if ((p.want & q.mask) !== (q.want & p.mask)) return false;
  const type = p.value.type === 'i32' ? 'i32' : 'i64';
  const mask = p.mask | q.mask;
  if (type === 'i64' && mask > 0x7fff_ffffn) return false;
  const whole = (1n << BigInt(unsignedBits(p.value))) - 1n;
  let subject = p.value;
  const base = { id: 0, loc: a.loc };
  const emit = (i: Inst): Inst => {
    i.id = fn.nextId++;
    first.insts.push(i);
    return i;
  };
  if ((whole & ~mask) !== 0n) subject = emit({ ...base, op: 'bin', type, bin: 'and', a: subject, b: constant(type, mask) });
  const cond = emit({ ...base, op: 'cmp', type: 'i32', pred: 'eq', a: subject, b: constant(type, p.want | q.want) });
  first.term = { op: 'branch', cond, then: second, else: out, loc: a.loc };
  second.term = { op: 'jump', to: on, loc: b.loc };
  for (const i of out.insts) {
    if (i.op !== 'phi') break;
    i.incoming = i.incoming.filter((x) => x.block !== second);
  }
  return true;
}

/** What must hold for the branch to go the way asked for, if it is one part having one value. */
function partOf(cond: Value, taken: boolean): Part | undefined {
  if (cond.op !== 'cmp' || cond.b.op !== 'const' || cond.pred !== (taken ? 'eq' : 'ne')) return undefined;
  if (cond.a.type !== 'i32' && cond.a.type !== 'i64') return undefined;
  const want = cond.b.value;
  const v = cond.a;
  if (v.op === 'bin' && v.b.op === 'const') {
    const k = v.b.value;
    if (v.bin === 'and') return (want & ~k) === 0n ? { value: v.a, mask: k, want } : undefined;
    const bits = BigInt(unsignedBits(v.a));
    if (v.bin === 'lshr' && k < bits) {
      const mask = ((1n << (bits - k)) - 1n) << k;
      return ((want << k) & ~mask) === 0n ? { value: v.a, mask, want: want << k } : undefined;
    }
  }
  return { value: v, mask: (1n << BigInt(unsignedBits(v))) - 1n, want };
}

function agree(out: Block, a: Block, b: Block): boolean {
  for (const i of out.insts) {
    if (i.op !== 'phi') return true;
    const x = i.incoming.find((y) => y.block === a)?.value;
    const y = i.incoming.find((z) => z.block === b)?.value;
    if (!x || !y || !sameValue(x, y)) return false;
  }
  return true;
}
