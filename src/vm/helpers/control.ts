/** Helpers that call back: loops and timers. Tail calls are the machine's own, as they end their caller. */
import { Refusal } from '../fault.ts';
import type { VmMap } from '../maps/map.ts';
import { ERRNO } from '../maps/store.ts';
import type { Timer } from '../state.ts';
import { now } from '../state.ts';
import type { HelperCall, HelperRow } from './call.ts';

const MAX_LOOPS = 1 << 23;

/** Calls back with the index and the context until a 1 comes back; how many calls there were. */
function loop(call: HelperCall): number {
  const count = call.uint(1);
  const callback = call.callback(2);
  const context = call.long(3);
  if (call.long(4) !== 0n) return -ERRNO.EINVAL;
  if (count > MAX_LOOPS) return -ERRNO.E2BIG;
  for (let i = 0; i < count; i++) if (call.invoke(callback, [i, context]) !== 0n) return i + 1;
  return count;
}

/** A timer is known by its place in memory, which stays with its map value. */
function timerInit(call: HelperCall): number {
  const at = call.writable(1, 16);
  const map = call.map(2);
  if (call.state.timers.has(at)) return -ERRNO.EBUSY;
  call.state.timers.set(at, { map, callback: 0, due: undefined });
  return 0;
}

function timer(call: HelperCall): Timer | undefined {
  return call.state.timers.get(call.writable(1, 16));
}

function timerCallback(call: HelperCall): number {
  const known = timer(call);
  if (known === undefined) return -ERRNO.EINVAL;
  known.callback = call.callback(2);
  return 0;
}

function timerStart(call: HelperCall): number {
  const known = timer(call);
  if (known === undefined || known.callback === 0) return -ERRNO.EINVAL;
  const absolute = (call.long(3) & 1n) !== 0n;
  known.due = absolute ? call.long(2) : now(call.state) + call.long(2);
  return 0;
}

function timerCancel(call: HelperCall): number {
  const known = timer(call);
  if (known === undefined) return -ERRNO.EINVAL;
  const was = known.due !== undefined;
  known.due = undefined;
  return was ? 1 : 0;
}

/** The key that a value in a map belongs to. */
export function keyOfValue(map: VmMap, position: number): number {
  for (const key of map.store.keys()) {
    const value = map.store.valueOn(key, 0);
    if (position >= value && position < value + map.shape.valueSize) return key;
  }
  throw new Refusal('argument', `no value of map '${map.shape.name}' is there any more`);
}

export const CONTROL_HELPERS: readonly HelperRow[] = [
  { id: 169, name: 'bpf_timer_init', run: timerInit },
  { id: 170, name: 'bpf_timer_set_callback', run: timerCallback },
  { id: 171, name: 'bpf_timer_start', run: timerStart },
  { id: 172, name: 'bpf_timer_cancel', run: timerCancel },
  { id: 181, name: 'bpf_loop', run: loop },
];
