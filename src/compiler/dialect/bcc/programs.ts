/**
 * Which functions are programs, and of which kind: BCC says it by the function's name, or not at all until the program
 * is loaded; then the context's type tells.
 */
import type { FunctionDecl, ProgramDecl } from '../../c/ast.ts';
import type { ArgumentSource } from '../arguments.ts';
import { bindArguments } from '../arguments.ts';
import { contextRecord, typeOfContext } from '../contexts.ts';
import type { DialectContext } from '../dialect.ts';

interface Prefix {
  readonly prefix: string;
  readonly type: string;
  readonly attachType?: string;
  readonly autoAttach: boolean;
  readonly section: (target: string) => string;
  /** From what follows the prefix to what it attaches to. */
  readonly target: (rest: string) => string;
}

const same = (rest: string): string => rest;
/** 'block__block_rq_issue' */
const event = (rest: string): string => rest.replace('__', ':');
/** 'vmlinux__vfs_read': only a module other than the kernel itself is named. */
const moduleFunction = (rest: string): string => (rest.startsWith('vmlinux__') ? rest.slice(9) : rest.replace('__', ':'));

export const PREFIXES: readonly Prefix[] = [
  { prefix: 'kprobe__', type: 'kprobe', autoAttach: true, section: (t) => `kprobe/${t}`, target: same },
  { prefix: 'kretprobe__', type: 'kprobe', autoAttach: true, section: (t) => `kretprobe/${t}`, target: same },
  { prefix: 'tracepoint__', type: 'tracepoint', autoAttach: true, section: (t) => `tracepoint/${t.replace(':', '/')}`, target: event },
  // skep's own: a raw tracepoint whose arguments have types, so that nothing needs a probe read.
  {
    prefix: 'btf_tracepoint__',
    type: 'tracing',
    attachType: 'trace_raw_tp',
    autoAttach: true,
    section: (t) => `tp_btf/${t}`,
    target: same,
  },
  { prefix: 'raw_tracepoint__', type: 'raw_tracepoint', autoAttach: true, section: (t) => `raw_tracepoint/${t}`, target: same },
  {
    prefix: 'kfunc__',
    type: 'tracing',
    attachType: 'trace_fentry',
    autoAttach: true,
    section: (t) => `fentry/${t}`,
    target: moduleFunction,
  },
  {
    prefix: 'kretfunc__',
    type: 'tracing',
    attachType: 'trace_fexit',
    autoAttach: true,
    section: (t) => `fexit/${t}`,
    target: moduleFunction,
  },
  { prefix: 'kmod_ret__', type: 'tracing', attachType: 'modify_return', autoAttach: false, section: (t) => `fmod_ret/${t}`, target: same },
  { prefix: 'lsm__', type: 'lsm', attachType: 'lsm_mac', autoAttach: true, section: (t) => `lsm/${t}`, target: same },
  { prefix: 'bpf_iter__', type: 'tracing', attachType: 'trace_iter', autoAttach: false, section: (t) => `iter/${t}`, target: same },
];

export function bccProgram(fn: FunctionDecl, context: DialectContext): ProgramDecl | undefined {
  if (fn.storage === 'static' || fn.inline) return undefined;
  const { name } = fn;
  const record = contextRecord(fn);
  const prefix = PREFIXES.find((p) => name.startsWith(p.prefix) && name.length > p.prefix.length);
  bindArguments(fn, argumentsOf(fn, prefix), context);
  if (prefix !== undefined) {
    const target = prefix.target(name.slice(prefix.prefix.length));
    return {
      type: prefix.type,
      target,
      section: prefix.section(target),
      autoAttach: prefix.autoAttach,
      autoLoad: true,
      ...(prefix.attachType === undefined ? {} : { attachType: prefix.attachType }),
    };
  }
  if (record?.startsWith('tracepoint__') === true) return { type: 'tracepoint', section: 'tracepoint', autoAttach: false, autoLoad: true };
  const { type, section } = typeOfContext(record) ?? { type: 'kprobe', section: 'kprobe' };
  return { type, section, autoAttach: false, autoLoad: true };
}

function argumentsOf(fn: FunctionDecl, prefix: Prefix | undefined): ArgumentSource {
  const said = fn.attributes.find((a) => a.name === 'skep_args')?.args[0];
  if (said?.kind === 'string') return said.value as ArgumentSource;
  if (prefix?.prefix === 'kretprobe__') return 'result';
  return /^(?:syscall__|kprobe____(?:x64|arm64)_sys_)/.test(fn.name) ? 'syscall' : 'registers';
}
