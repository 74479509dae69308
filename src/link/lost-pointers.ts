/**
 * Registers that held a pointer until a call took it away: the packet moved, the record was given back. The log says only
 * that the register is a number now, and often not even when it became one; this remembers what it was before.
 *
 *   6: (85) call bpf_xdp_adjust_head#44   ; R0=scalar()
 *   8: (71) r0 = *(u8 *)(r6 +0)           R6, last seen as pkt(r=0), became a number in between: the call did it
 *
 * Slots of the stack count as registers do: a pointer may wait there over the call.
 */
interface Held {
  /** As the kernel last printed it. */
  readonly state: string;
  /** Calls since then, oldest first. */
  readonly calls: readonly PlacedCall[];
}

interface PlacedCall {
  readonly slot: number;
  readonly name: string;
}

/** What a register was, and the call that ended it. */
export interface LostPointer extends PlacedCall {
  readonly kind: 'packet' | 'reference';
  readonly state: string;
}

type Frame = Map<string, Held>;

/** Calls are remembered up to here: a loop may have a million. */
const CALLS_KEPT = 32;
const PACKET = /^pkt(?:_meta|_end)?\b/;
/** Of what is given back the kernel prints the reference. */
const REFERENCE = /^(?!\w*_or_null)(?:ringbuf_mem|alloc_mem|(?:tcp_)?sock\w*|(?:trusted_)?ptr_\w+|dynptr_ptr)\b.*ref_obj_id=[1-9]/;
const CHANGES_PACKET =
  /^bpf_(?:xdp_adjust_|skb_(?:change_|vlan_|adjust_room|pull_data|store_bytes|set_tunnel)|l[34]_csum_replace|clone_redirect|msg_(?:pull|push|pop)_data|lwt_|store_hdr_opt|reserve_hdr_opt)/;
const GIVES_BACK = /_(?:submit|discard|release|drop|put|destroy|xchg)(?:_impl|_dynptr)?$/;

export class PointerHistory {
  private frames: Frame[] = [new Map()];
  /** How things stood at each conditional jump: its other branch goes on from there. */
  private readonly atJump = new Map<number, Frame[]>();

  private get top(): Frame {
    return this.frames.at(-1) as Frame;
  }

  /** An instruction, and what the kernel printed of the registers after it. */
  instruction(slot: number, text: string, after: ReadonlyMap<string, string>): void {
    const call = /^call (\w+)#/.exec(text)?.[1];
    if (call !== undefined) this.call(slot, call);
    else if (/^(?:if |may_goto)/.test(text)) this.atJump.set(slot, this.copy());
    else this.assignment(text);
    for (const [name, state] of after) this.see(name, state);
  }

  /** The state of all registers: at a branch that is taken up `from` a jump, or where the kernel happens to print it. */
  state(registers: ReadonlyMap<string, string>, from: number | undefined): void {
    const then = from === undefined ? undefined : this.atJump.get(from);
    if (then !== undefined) this.frames = then.map((frame) => new Map(frame));
    for (const [name, state] of registers) this.see(name, state);
  }

  enter(): void {
    if (this.frames.length < 16) this.frames.push(new Map());
  }

  leave(): void {
    if (this.frames.length > 1) this.frames.pop();
  }

  /** Undefined where the log does not show that a call ended it. */
  lost(name: string): LostPointer | undefined {
    const held = this.top.get(name);
    if (held === undefined) return undefined;
    const kind = PACKET.test(held.state) ? 'packet' : 'reference';
    const able = kind === 'packet' ? CHANGES_PACKET : GIVES_BACK;
    const call = held.calls.find((one) => able.test(one.name)) ?? (held.calls.length === 1 ? held.calls[0] : undefined);
    return call && { ...call, kind, state: held.state };
  }

  private copy(): Frame[] {
    return this.frames.map((frame) => new Map(frame));
  }

  /** A helper, or a global function, which the kernel does not follow. */
  call(slot: number, name: string): void {
    for (let r = 0; r <= 5; r++) this.top.delete(`R${r}`);
    for (const frame of this.frames)
      for (const [register, held] of frame)
        if (held.calls.length < CALLS_KEPT) frame.set(register, { state: held.state, calls: [...held.calls, { slot, name }] });
  }

  private assignment(text: string): void {
    const [, target = '', value = ''] = /^([rw]\d+|\*\(u\d+ \*\)\(r10 -\d+\)) = (.*)$/.exec(text) ?? [];
    const to = placeOf(target.replace('w', 'r'));
    if (to === undefined) return;
    const from = placeOf(value);
    const held = from === undefined ? undefined : this.top.get(from);
    if (held === undefined) this.top.delete(to);
    else this.top.set(to, held);
  }

  private see(name: string, state: string): void {
    if (PACKET.test(state) || REFERENCE.test(state)) this.top.set(name, { state, calls: [] });
    // A number right after a pointer, without a call between, is a number that the program put there.
    else if (this.top.get(name)?.calls.length === 0) this.top.delete(name);
  }
}

/** 'r6' is R6, '*(u64 *)(r10 -8)' is fp-8; of half a pointer nothing is known. */
function placeOf(operand: string): string | undefined {
  const register = /^r(\d+)$/.exec(operand)?.[1];
  if (register !== undefined) return `R${register}`;
  const slot = /^\*\(u64 \*\)\(r10 -(\d+)\)$/.exec(operand)?.[1];
  return slot === undefined ? undefined : `fp-${slot}`;
}
