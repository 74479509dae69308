/**
 * BCC's dialect of C.
 *
 *   BPF_HASH(counts, u32);                       macros leave attributes on a variable   map-macros.ts, maps.ts
 *   counts.increment(pid);                       methods become helper calls             methods.ts
 *   int kprobe__vfs_read(ctx, struct file *f)    names say what a function is, and       programs.ts, ../arguments.ts
 *                                                parameters come from registers
 *   TRACEPOINT_PROBE(sched, sched_switch)        structs from the kernel's formats       tracepoint.ts
 *   f->f_path.dentry->d_name                     reads of kernel memory: a matter of address spaces, in `ir/`
 *
 * Nothing is rewritten as text, so all of it works inside macros and keeps its positions. Source: BCC's reference
 * guide and what its programs do.
 */
import type { Expr } from '../../c/ast.ts';
import { hasSyscallWrapper } from '../arguments.ts';
import { constantsLike } from '../constants/constants.ts';
import type { Dialect, DialectContext } from '../dialect.ts';
import { allHelpers, helperDeclaration } from '../helpers.ts';
import { kernelBuiltin, kernelBuiltinNames } from '../kernel/builtins.ts';
import { kernelFunction, kernelFunctionNames } from '../kernel/functions.ts';
import { kernelHeader } from '../kernel/headers.ts';
import { kernelType } from '../kernel/types.ts';
import { kernelMacro } from '../kernel/values.ts';
import { incrementChecksum } from './checksum.ts';
import { bccFunction, bccFunctionNames } from './functions.ts';
import { bccMap } from './maps.ts';
import { callMethod, tableOf } from './methods.ts';
import { assignPacketField, PROTO_H, packetField, packetFieldAddress } from './packet.ts';
import { BCC_FOOTER, BCC_PRELUDE } from './prelude.ts';
import { tracePrintk } from './printk.ts';
import { bccProgram } from './programs.ts';
import { tracepointStruct } from './tracepoint.ts';
import { usdtCall } from './usdt.ts';

const EVENT = /^tracepoint__(.+?)__(.+)$/;

export const bccDialect: Dialect = {
  name: 'bcc',
  prelude: BCC_PRELUDE,
  footer: BCC_FOOTER,
  inlineAll: true,

  header(path) {
    if (path === 'bcc/proto.h' || path === 'proto.h') return PROTO_H;
    if (path === 'bcc/helpers.h' || path === 'bcc/bpf.h' || path === 'helpers.h') return '';
    return kernelHeader(path);
  },

  macro(name, facts) {
    switch (name) {
      case '__x86_64__':
        return facts.arch === 'x86_64' ? '1' : undefined;
      case '__aarch64__':
        return facts.arch === 'arm64' ? '1' : undefined;
      case '__skep_syscall_regs':
        return hasSyscallWrapper(facts) ? '__skep_wrapped_regs' : '__skep_plain_regs';
      default:
        return kernelMacro(name, facts);
    }
  },

  ownsType: (tag, name) => tag === 'struct' && EVENT.test(name),

  typeText(tag, name, { facts, diagnostics }, loc = 0) {
    const match = tag === 'struct' ? EVENT.exec(name) : null;
    if (match === null) return kernelType(tag, name);
    const [, category = '', event = ''] = match;
    const format = facts.tracepointFormat(category, event);
    if (format === undefined) {
      const near = facts.similarTracepoints(category, event);
      diagnostics.error(
        'unknown-tracepoint',
        loc,
        `there is no tracepoint ${category}:${event}${near.length === 0 ? '' : `; did you mean ${near.slice(0, 3).join(' or ')}?`}`,
      );
      return undefined;
    }
    return tracepointStruct(name, format, category === 'syscalls');
  },

  functionText(name) {
    return bccFunction(name) ?? kernelFunction(name) ?? helperDeclaration(name);
  },

  constantNames: constantsLike,
  // Its structs are macros, too.
  macroHeaders: ['bcc/proto.h'],

  *functionNames() {
    yield* bccFunctionNames();
    yield* ['bpf_trace_printk', 'bpf_num_cpus', 'bpf_usdt_readarg', 'bpf_usdt_readarg_p', 'incr_cksum_l3', 'incr_cksum_l4'];
    yield* kernelFunctionNames();
    yield* kernelBuiltinNames();
    for (const helper of allHelpers()) yield helper.name;
  },

  memberWords(record, member) {
    const table = /^(.+)_table_t$/.exec(record)?.[1];
    if (table === undefined) return undefined;
    return member === 'key' ? `the key of table '${table}'` : member === 'leaf' ? `the value of table '${table}'` : undefined;
  },

  mapOf: bccMap,

  isMethod: (base) => tableOf(base) !== undefined,

  methodCall(base, name, args, loc, context) {
    const table = tableOf(base);
    if (table === undefined) throw new Error('methodCall: no table');
    return callMethod(table, name, args, loc, context);
  },

  member: packetField,
  assign: assignPacketField,
  addressOf: packetFieldAddress,

  builtinCall(name, args, loc, context) {
    return ownCall(name, args, loc, context) ?? kernelBuiltin(name, args, loc, context);
  },

  program: bccProgram,
};

function ownCall(name: string, args: readonly Expr[], loc: number, context: DialectContext): Expr | undefined {
  const { actions, facts } = context;
  if (name === 'bpf_trace_printk') return tracePrintk(args, loc, context);
  if (name === 'bpf_usdt_readarg' || name === 'bpf_usdt_readarg_p') return usdtCall(name, args, loc, context);
  if (name === 'bpf_num_cpus' && args.length === 0) return actions.intLiteral(`${facts.cpus}`, loc);
  if (name === 'incr_cksum_l3' || name === 'incr_cksum_l4') return incrementChecksum(name, args, loc, context);
  return undefined;
}
