/**
 * Pointers that a program keeps on its stack. The verifier remembers what they are, also when a callback reads them
 * through the context that it was given:
 *
 *   struct c { int *out; } c = { &v };     slot 0 of `c` holds: address of v
 *   bpf_loop(4, step, &c, 0);              context of `step` is `c`
 *   step: *c->out += 1;                    so what is loaded here is address of v: memory of the program
 *
 * Flow does not matter: a slot holds any of what is ever stored to it. An object whose address goes where it cannot be
 * followed (another function, a helper that writes, memory) is not known at all, and neither is a slot that is written
 * as something else than a pointer. Numbers stored to an element of an array in the object are taken to stay in it.
 *
 * Source: kernel/bpf/verifier.c, `check_stack_read_fixed_off`, `set_loop_callback_state` and its like.
 */
import { helperFacts } from './helpers.ts';
import type { Alloca, Inst, IrFunction, IrModule, Load, Param, Value } from './ir.ts';
import { forEachOperand, isInst, termOperand } from './uses.ts';

export interface Stored {
  readonly fn: IrFunction;
  readonly value: Value;
}

/** Helpers that call back: which argument is the function, which its context, which parameter of it that becomes. */
const CALLERS: Readonly<Record<number, { readonly callback: number; readonly context: number; readonly param: number } | undefined>> = {
  164: { callback: 1, context: 2, param: 3 }, // for_each_map_elem
  180: { callback: 2, context: 3, param: 2 }, // find_vma
  181: { callback: 1, context: 2, param: 1 }, // loop
  209: { callback: 1, context: 2, param: 1 }, // user_ringbuf_drain
};

/** A stack object, with the parameters of callbacks that are its address. */
class StackObject {
  known = true;
  readonly slots = new Map<number, Stored[]>();
  /** Where something else than a pointer was written. */
  readonly written: { readonly from: number; readonly to: number }[] = [];
}

interface Place {
  readonly object: StackObject;
  readonly offset: number;
}

/** Offset that only the program knows: an element of an array in the object. NaN, so that adding keeps it. */
const SOMEWHERE = Number.NaN;

export class SpilledPointers {
  private readonly places = new Map<Alloca | Param | Inst, Place>();

  constructor(module: IrModule) {
    const functions = [...module.functions.values()];
    for (const fn of functions)
      for (const block of fn.blocks) for (const i of block.insts) if (i.op === 'alloca') this.put(i, new StackObject(), 0);
    for (const fn of functions) this.follow(fn);
    this.bindCallbacks(functions, module);
    for (const fn of functions) this.follow(fn);
    for (const fn of functions) this.readUses(fn);
  }

  /** All that the loaded pointer can be; undefined where that is not known. */
  at(load: Load): readonly Stored[] | undefined {
    const place = this.place(load.ptr, load.offset);
    if (place === undefined || Number.isNaN(place.offset) || load.bits !== 64 || !place.object.known) return undefined;
    const { object, offset } = place;
    const touched = (from: number, to: number): boolean => from < offset + 8 && offset < to;
    if (object.written.some(({ from, to }) => touched(from, to))) return undefined;
    for (const other of object.slots.keys()) if (other !== offset && touched(other, other + 8)) return undefined;
    return object.slots.get(offset);
  }

  private put(v: Alloca | Param | Inst, object: StackObject, offset: number): void {
    this.places.set(v, { object, offset });
  }

  private place(v: Value | undefined, offset = 0): Place | undefined {
    if (v === undefined) return undefined;
    const known = v.op === 'param' || isInst(v) ? this.places.get(v) : undefined;
    return known && { object: known.object, offset: known.offset + offset };
  }

  private follow(fn: IrFunction): void {
    // Blocks come in an order where what dominates is first, up to loops, whose phis are not followed anyway.
    for (const block of fn.blocks) {
      for (const i of block.insts) {
        if (i.op !== 'ptradd') continue;
        const from = this.place(i.base, i.offset.op === 'const' ? Number(i.offset.value) : SOMEWHERE);
        if (from !== undefined) this.put(i, from.object, from.offset);
      }
    }
  }

  /** A callback's context is the object that all who name the callback give it. */
  private bindCallbacks(functions: readonly IrFunction[], module: IrModule): void {
    const given = new Map<Param, (Place | undefined)[]>();
    const give = (callback: Value | undefined, param: number, place: Place | undefined): void => {
      const to = callback?.op === 'funcaddr' ? module.functions.get(callback.fn)?.params[param] : undefined;
      if (to === undefined) {
        if (place !== undefined) place.object.known = false;
        return;
      }
      const list = given.get(to);
      if (list) list.push(place);
      else given.set(to, [place]);
    };
    for (const fn of functions) {
      for (const block of fn.blocks) {
        for (const i of block.insts) {
          const how = callerOf(i);
          if (i.op === 'call' && how !== undefined) give(i.args[how.callback], how.param, this.place(i.args[how.context]));
        }
      }
    }
    for (const [param, places] of given) {
      const [first] = places;
      if (first !== undefined && places.every((p) => p?.object === first.object && p.offset === 0)) this.put(param, first.object, 0);
      else for (const p of places) if (p !== undefined) p.object.known = false;
    }
  }

  private readUses(fn: IrFunction): void {
    for (const block of fn.blocks) {
      for (const i of block.insts) forEachOperand(i, (v) => this.use(fn, i, v));
      const end = this.place(termOperand(block.term));
      if (end !== undefined) end.object.known = false;
    }
  }

  private use(fn: IrFunction, i: Inst, v: Value): void {
    const place = this.place(v);
    if (place === undefined) return;
    const { object } = place;
    switch (i.op) {
      case 'load':
      case 'cmp':
      case 'memcmp':
        return;
      case 'ptradd':
        return;
      case 'store': {
        if (i.value === v) object.known = false;
        if (i.ptr !== v) return;
        const from = place.offset + i.offset;
        if (i.bits === 64 && i.value.type === 'ptr') {
          const list = object.slots.get(from);
          if (Number.isNaN(from)) object.known = false;
          else if (list) list.push({ fn, value: i.value });
          else object.slots.set(from, [{ fn, value: i.value }]);
        } else if (!(i.value.op === 'const' && i.value.value === 0n)) object.written.push({ from, to: from + i.bits / 8 });
        return;
      }
      case 'memset':
        if (i.byte.op !== 'const' || i.byte.value !== 0n) object.written.push({ from: place.offset, to: place.offset + i.size });
        return;
      case 'memcpy':
        if (i.dst !== v) return;
        if (Number.isNaN(place.offset)) object.known = false;
        object.written.push({ from: place.offset, to: place.offset + i.size });
        return;
      case 'atomic':
        if (i.ptr === v) object.written.push({ from: place.offset + i.offset, to: place.offset + i.offset + i.bits / 8 });
        else object.known = false;
        return;
      case 'call': {
        const how = callerOf(i);
        const at = i.args.flatMap((arg, n) => (arg === v ? [n] : []));
        if (how !== undefined && at.every((n) => n === how.context)) return;
        const writes = i.callee.kind === 'helper' ? helperFacts(i).writes : undefined;
        if (writes === undefined || writes.some(({ arg }) => at.includes(arg))) object.known = false;
        return;
      }
      default:
        object.known = false;
    }
  }
}

function callerOf(i: Inst): (typeof CALLERS)[number] | undefined {
  return i.op === 'call' && i.callee.kind === 'helper' ? CALLERS[i.callee.id] : undefined;
}
