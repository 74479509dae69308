/**
 * Programs that were loaded for one place in the kernel by type: `tp_btf`, `fentry`, `fexit`, `fmod_ret`, `lsm`.
 *
 * The place was fixed at load time (`link/attach-target.ts`); attaching only switches it on. fentry and the like hang on
 * the first instruction of a function through a trampoline and cost less than a kprobe; their arguments are typed.
 * Minimum kernel: 5.5 (fmod_ret and lsm 5.7; arm64 6.0), with BTF; cookies since 6.0. Needs CAP_PERFMON; lsm also needs
 * the BPF LSM to be active (`lsm=…,bpf` at boot). Errors: a function that cannot be attached to; another tracer on it.
 * BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_LSM.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { FeatureError } from '../kernel/errors.ts';
import { activeSecurityModules } from '../kernel/lockdown.ts';
import type { Kernel } from '../kernel/port.ts';
import { attachType } from '../object/attach-types.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach } from './attachment.ts';

export interface TracingProgram extends AttachableProgram {
  readonly spec: ProgramSpec;
}

export interface TracingOptions {
  readonly cookie?: bigint;
}

export function attachTracing(kernel: Kernel, program: TracingProgram, options: TracingOptions = {}): Attachment {
  const { spec } = program;
  const target = spec.target ?? '';
  const kind = KINDS[spec.attachType ?? ''] ?? spec.type;
  try {
    const fd =
      options.cookie === undefined
        ? bpf(kernel, 'RAW_TRACEPOINT_OPEN', { prog_fd: program.fd })
        : bpf(kernel, 'LINK_CREATE_TRACING', {
            prog_fd: program.fd,
            attach_type: attachType(spec.attachType ?? '')?.number ?? 0,
            cookie: options.cookie,
          });
    if (spec.type === 'lsm') requireBpfLsm(kernel, fd);
    return attachment(kernel, { kind, target, program, via: 'link', fds: [fd] });
  } catch (error) {
    throw explainAttach(kernel, error, {
      doing: `attaching '${program.name}' (${kind} ${target})`,
      capabilities: ['CAP_PERFMON'],
      lockedBy: 'confidentiality',
      feature: kind === 'lsm' ? 'BPF LSM programs' : 'BPF trampolines',
      minKernel: kind === 'lsm' || kind === 'fmod_ret' ? '5.7' : '5.5',
      meanings: {
        EBUSY: 'something else hangs on this function in a way that excludes trampolines (another tracer, live patching)',
        E2BIG: 'there are too many programs on this function',
        EINVAL: 'the program was not loaded for a place to attach to, or this kernel cannot attach there',
      },
    });
  }
}

const KINDS: Readonly<Record<string, string>> = {
  trace_raw_tp: 'tp_btf',
  trace_fentry: 'fentry',
  trace_fexit: 'fexit',
  modify_return: 'fmod_ret',
  lsm_mac: 'lsm',
  lsm_cgroup: 'lsm_cgroup',
};

/** Without `bpf` among the active LSMs the kernel attaches the program and never runs it: that must not go unsaid. */
function requireBpfLsm(kernel: Kernel, fd: number): void {
  const active = activeSecurityModules(kernel);
  if (active === undefined || active.includes('bpf')) return;
  kernel.close(fd);
  throw new FeatureError('active BPF LSM', {
    why: `the active security modules are ${active.join(', ')}`,
    hint: 'add bpf to lsm= on the kernel command line',
  });
}
