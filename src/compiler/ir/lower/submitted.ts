/**
 * What records a program hands to user space: noted on the map, so that its reader need not be told.
 *
 *   events.perf_submit(ctx, &data, sizeof(data))        type of what the pointer points to
 *   bpf_ringbuf_output(&events, &data, sizeof(data), 0)
 *   struct event *e = bpf_ringbuf_reserve(&events, …)   type that the result is converted to
 *
 * It looks at the typed tree, where casts to `void *` are nodes of their own and the pointer before them still tells.
 * Pointers to void and to plain bytes tell nothing. A map that is given several types has several.
 */
import type { Call, Cast, Expr, MapDecl } from '../../c/ast.ts';
import type { QualType } from '../../c/types.ts';
import { calledHelper } from './callee.ts';

interface SubmitCall {
  readonly map: number;
  readonly data: number;
}

/** By helper number. */
const SUBMITS: ReadonlyMap<number, SubmitCall> = new Map([
  [25, { map: 1, data: 3 }], // perf_event_output(ctx, map, flags, data, size)
  [111, { map: 1, data: 3 }], // skb_output
  [121, { map: 1, data: 3 }], // xdp_output
  [130, { map: 0, data: 1 }], // ringbuf_output(map, data, size, flags)
]);
const RINGBUF_RESERVE = 131;

export function noteSubmitted(helper: number, args: readonly Expr[]): void {
  const places = SUBMITS.get(helper);
  if (places === undefined) return;
  const map = mapOf(args[places.map]);
  const data = args[places.data];
  if (map !== undefined && data !== undefined) note(map, pointedTo(data));
}

/** `e` converts a pointer: it may be what a reservation gave. */
export function noteReserved(e: Cast): void {
  const call = callIn(e.operand);
  const map = call !== undefined && calledHelper(call) === RINGBUF_RESERVE ? mapOf(call.args[0]) : undefined;
  if (map !== undefined && e.type.type.kind === 'pointer') note(map, e.type.type.to);
}

/** A dialect may have wrapped the call, to count failures: `({ void *result = call; …; result; })`. */
function callIn(e: Expr): Call | undefined {
  if (e.kind === 'call') return e;
  const [first] = e.kind === 'stmtExpr' ? e.body.body : [];
  const init = first?.kind === 'decl' ? first.vars[0]?.init : undefined;
  return init?.kind === 'scalar' ? callIn(init.value) : undefined;
}

function note(map: MapDecl, type: QualType | undefined): void {
  if (type === undefined || !tells(type)) return;
  map.recordTypes ??= [];
  if (!map.recordTypes.some((known) => known.type === type.type)) map.recordTypes.push(type);
}

function tells({ type }: QualType): boolean {
  switch (type.kind) {
    case 'int':
      return type.size > 1;
    case 'record':
      return type.fields !== undefined;
    case 'enum':
    case 'array':
      return true;
    default:
      return false;
  }
}

function mapOf(arg: Expr | undefined): MapDecl | undefined {
  let e = arg;
  while (e?.kind === 'cast') e = e.operand;
  if (e?.kind === 'mapAddress') return e.map.map;
  if (e?.kind === 'addressOf') e = e.operand;
  return e?.kind === 'ref' && e.decl.kind === 'var' ? e.decl.map : undefined;
}

/** The type behind the pointer, as it was before it became a `void *`; of an array its own, not its element's. */
function pointedTo(data: Expr): QualType | undefined {
  let e = data;
  let found: QualType | undefined;
  for (;;) {
    if (e.kind !== 'cast') break;
    if (e.cast === 'decay') return e.operand.type;
    if (e.cast !== 'pointer' && e.cast !== 'noop') break;
    if (e.type.type.kind === 'pointer' && e.type.type.to.type.kind !== 'void') found ??= e.type.type.to;
    e = e.operand;
  }
  if (found !== undefined) return found;
  return e.type.type.kind === 'pointer' ? e.type.type.to : undefined;
}
