/**
 * Programs that hang on kernel functions by type, not by address: which type id they are loaded for.
 *
 *   tp_btf/sched_switch      ─▶ typedef 'btf_trace_sched_switch', in the kernel or in a module (Linux 5.11)
 *   fentry/vfs_read          ─▶ function 'vfs_read', in the kernel or, as 'module:function', in a module
 *   lsm/file_open            ─▶ function 'bpf_lsm_file_open'
 *   iter/task                ─▶ function 'bpf_iter_task'
 *   freplace/handler         ─▶ function 'handler' of another program, which the caller names by its descriptor
 */
import { BtfReader } from '../btf/read.ts';
import type { BtfKind, BtfSource } from '../btf/types.ts';
import { bpf } from '../kernel/bpf-attr.ts';
import { FeatureError, NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { btfData, progInfo } from '../kernel/obj-info.ts';
import type { Kernel } from '../kernel/port.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { LinkError } from './error.ts';
import type { KernelSymbols } from './ksyms.ts';

interface Row {
  readonly what: string;
  readonly prefix: string;
  readonly kind: BtfKind;
}

const ROWS: Readonly<Record<string, Row>> = {
  trace_raw_tp: { what: 'tracepoint', prefix: 'btf_trace_', kind: 'typedef' },
  trace_fentry: { what: 'function', prefix: '', kind: 'func' },
  trace_fexit: { what: 'function', prefix: '', kind: 'func' },
  modify_return: { what: 'function', prefix: '', kind: 'func' },
  lsm_mac: { what: 'LSM hook', prefix: 'bpf_lsm_', kind: 'func' },
  lsm_cgroup: { what: 'LSM hook', prefix: 'bpf_lsm_', kind: 'func' },
  trace_iter: { what: 'iterator', prefix: 'bpf_iter_', kind: 'func' },
};

export interface AttachTarget {
  readonly btfId: number;
  /** Descriptor of the module's types; 0 for the kernel's own. */
  readonly btfFd: number;
  /** For struct_ops: which member, in place of an attach type. */
  readonly member?: number;
}

/** undefined for programs that need none. */
export function attachTarget(program: ProgramSpec, vmlinux: () => BtfSource | undefined, symbols: KernelSymbols): AttachTarget | undefined {
  if (program.type === 'struct_ops') return structMember(program, vmlinux());
  if (program.type !== 'tracing' && program.type !== 'lsm') return undefined;
  const row = ROWS[program.attachType ?? ''];
  if (row === undefined) throw new LinkError(`program '${program.name}' is of type ${program.type}, but does not say how it attaches`);
  const { target } = program;
  if (target === undefined || target === '') throw new UsageError(`program '${program.name}' does not say which ${row.what} it is for`);
  const [module, name] = splitTarget(target);
  const wanted = row.prefix + name;
  const btf = vmlinux();
  if (btf === undefined)
    throw new FeatureError('type information (BTF)', {
      why: `program '${program.name}' needs it to find ${row.what} '${name}'`,
      hint: 'the kernel must be built with CONFIG_DEBUG_INFO_BTF',
    });
  if (module === undefined || module === 'vmlinux') {
    const id = btf.find(wanted, row.kind);
    if (id !== undefined) return { btfId: id, btfFd: 0 };
  }
  if (module !== 'vmlinux' && (row.kind === 'func' || row.kind === 'typedef')) {
    const found = symbols.typed(wanted, row.kind, module);
    if (found?.module !== undefined) {
      return { btfId: found.id, btfFd: symbols.moduleFd(found.module) };
    }
  }
  const similar = btf
    .similar(wanted, row.kind)
    .filter((s) => s.startsWith(row.prefix))
    .map((s) => s.slice(row.prefix.length));
  throw new NoSuchHookError(`this kernel has no ${row.what} '${name}' for program '${program.name}'`, similar);
}

/** 'tcp_congestion_ops.ssthresh': the struct, and the number of the member. */
function structMember(program: ProgramSpec, btf: BtfSource | undefined): AttachTarget {
  const [struct = '', name] = (program.target ?? '').split('.');
  if (name === undefined)
    throw new UsageError(
      `program '${program.name}' is a function of a struct_ops, and does not say of which`,
      [],
      "attachStructOps('tcp_congestion_ops', { ssthresh: 'function', … }) loads and registers it",
    );
  const id = btf?.find(struct, 'struct');
  const type = id === undefined ? undefined : btf?.type(id);
  const member = type?.kind === 'struct' ? type.members.findIndex((one) => one.name === name) : -1;
  if (id === undefined || member < 0)
    throw new NoSuchHookError(`this kernel has no '${name}' in struct ${struct} for program '${program.name}'`);
  return { btfId: id, btfFd: 0, member };
}

/** A function of a program that is loaded: for `ext` (replaces it) and for fentry and fexit on BPF programs. Since Linux 5.6. */
export function targetInProgram(program: ProgramSpec, kernel: Kernel, programFd: number): AttachTarget {
  const name = program.target ?? '';
  const info = progInfo(kernel, programFd);
  if (info.btf_id === 0) throw new LinkError(`program '${info.name}' has no types: '${program.name}' cannot attach to its functions`);
  const fd = bpf(kernel, 'BTF_GET_FD_BY_ID', { start_id: info.btf_id });
  try {
    const btf = new BtfReader(btfData(kernel, fd));
    const id = btf.find(name, 'func');
    if (id === undefined)
      throw new UsageError(`program '${info.name}' has no function '${name}' for program '${program.name}'`, btf.similar(name, 'func'));
    return { btfId: id, btfFd: 0 };
  } finally {
    kernel.close(fd);
  }
}

function splitTarget(target: string): [module: string | undefined, name: string] {
  const colon = target.indexOf(':');
  return colon < 0 ? [undefined, target] : [target.slice(0, colon), target.slice(colon + 1)];
}
