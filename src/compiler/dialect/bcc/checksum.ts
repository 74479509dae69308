/**
 * `incr_cksum_l3(offset, old, new)` and `incr_cksum_l4(offset, old, new, pseudo)`: a checksum of the packet, mended after
 * a field of it has changed from one value to another. The values are in host order, as packet fields are read; how wide
 * they are is that of the new one.
 */
import type { Expr } from '../../c/ast.ts';
import { ref } from '../../c/sema/nodes.ts';
import type { Loc } from '../../diagnostics.ts';
import type { DialectContext } from '../dialect.ts';
import { builtinCall, callNamed, number } from '../tree.ts';
import { packetFieldWidth } from './packet.ts';

/** BPF_F_PSEUDO_HDR. */
const PSEUDO = 0x10;

export function incrementChecksum(name: 'incr_cksum_l3' | 'incr_cksum_l4', args: readonly Expr[], loc: Loc, context: DialectContext): Expr {
  const { actions, diagnostics, currentFunction } = context;
  const fail = (code: string, message: string): Expr => {
    diagnostics.error(code, loc, message);
    return actions.intLiteral('0', loc);
  };
  const count = name === 'incr_cksum_l3' ? 3 : 4;
  if (args.length !== count) return fail('bad-argument-count', `'${name}' takes ${count} arguments; found ${args.length}`);
  const [at, from, to, pseudo] = args as [Expr, Expr, Expr, Expr | undefined];
  const skb = currentFunction?.params[0];
  if (skb === undefined)
    return fail('no-packet', `'${name}' in a function without the packet: its first parameter must be the struct __sk_buff *`);
  const width = packetFieldWidth(to);
  const size = width === undefined ? sizeOf(to) : Math.ceil(width / 8);
  if (size !== 2 && size !== 4)
    return fail(
      'bad-checksum-width',
      `'${name}' mends a checksum for values of 2 or 4 bytes, and the new one has ${size}: cast it to u16 or u32`,
    );
  const wire = (value: Expr): Expr => builtinCall(actions, `__builtin_bswap${size * 8}`, [value], loc);
  const wide = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
  const offset = actions.cast(wide, at, loc);
  const flags = number(actions, size, loc);
  if (pseudo === undefined) return callNamed(actions, 'bpf_l3_csum_replace', [ref(skb, loc), offset, wire(from), wire(to), flags], loc);
  const pseudoFlag = actions.conditional(
    actions.binary('&', pseudo, number(actions, 1, loc), loc),
    number(actions, PSEUDO, loc),
    number(actions, 0, loc),
    loc,
  );
  const all = actions.binary('|', flags, pseudoFlag, loc);
  return callNamed(actions, 'bpf_l4_csum_replace', [ref(skb, loc), offset, wire(from), wire(to), all], loc);
}

function sizeOf({ type: { type } }: Expr): number {
  return type.kind === 'int' || type.kind === 'record' ? type.size : type.kind === 'enum' ? type.underlying.size : 8;
}
