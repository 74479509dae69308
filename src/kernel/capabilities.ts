/**
 * Which capabilities this process has, and which of them something needs.
 *
 * Since Linux 5.8 CAP_BPF loads programs and makes maps, CAP_PERFMON adds tracing, CAP_NET_ADMIN networking; before,
 * CAP_SYS_ADMIN is all of them, and it still implies the first two. Only capabilities in the first user namespace count.
 *
 * Nothing is asked beforehand: a call is tried, and when the kernel refuses it, `explainDenied` finds out why.
 */
import { type CapabilityName, LockdownError, PrivilegeError } from './errors.ts';
import { lockdownMode } from './lockdown.ts';
import type { Kernel, KernelError } from './port.ts';
import { readTextIfThere } from './text.ts';
import { atLeast, readKernelVersion } from './version.ts';

// biome-ignore format: a table
const BIT: Readonly<Record<CapabilityName, number>> = {
  CAP_DAC_READ_SEARCH: 2, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24, CAP_PERFMON: 38, CAP_BPF: 39,
};

/** Not asked for: less is enough. */
const CAP_DAC_OVERRIDE = 1;

export interface Capabilities {
  has(name: CapabilityName): boolean;
  /** Of those needed, the ones that are missing, on this kernel. */
  missing(needed: readonly CapabilityName[]): CapabilityName[];
}

export function readCapabilities(kernel: Kernel): Capabilities {
  const status = readTextIfThere(kernel, '/proc/self/status') ?? '';
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const bit = (number: number): boolean => ((effective >> BigInt(number)) & 1n) === 1n;
  const has = (name: CapabilityName): boolean => bit(BIT[name]) || (name === 'CAP_DAC_READ_SEARCH' && bit(CAP_DAC_OVERRIDE));
  return {
    has,
    missing: (needed) => {
      const old = !atLeast(readKernelVersion(kernel), '5.8');
      const out: CapabilityName[] = [];
      for (const name of needed) {
        const split = name === 'CAP_BPF' || name === 'CAP_PERFMON';
        if (split && has('CAP_SYS_ADMIN')) continue;
        const wanted = split && old ? 'CAP_SYS_ADMIN' : name;
        if (!has(wanted) && !out.includes(wanted)) out.push(wanted);
      }
      return out;
    },
  };
}

function perfParanoid(kernel: Kernel): number {
  return Number.parseInt(readTextIfThere(kernel, '/proc/sys/kernel/perf_event_paranoid') ?? '0', 10) || 0;
}

/** True where the process runs in a user namespace of its own (a rootless container): its capabilities do not reach the kernel's BPF. */
function inUserNamespace(kernel: Kernel): boolean {
  const map = readTextIfThere(kernel, '/proc/self/uid_map');
  return map !== undefined && !/^\s*0\s+0\s+4294967295\s*$/.test(map);
}

/**
 * Says why the kernel refused with EPERM or EACCES: a capability that is missing, lockdown, a user namespace, or a
 * sysctl. `doing` is a verb phrase: 'loading a program'. What lockdown forbids depends on the mode: `lockedBy` is the
 * mode that forbids this.
 */
export function explainDenied(
  kernel: Kernel,
  error: KernelError,
  doing: string,
  needed: readonly CapabilityName[],
  lockedBy?: 'integrity' | 'confidentiality',
): Error {
  const missing = readCapabilities(kernel).missing(needed);
  if (missing.length > 0) return new PrivilegeError(doing, missing, undefined, error);
  const paranoid = error.call === 'perf_event_open' && !readCapabilities(kernel).has('CAP_SYS_ADMIN') ? perfParanoid(kernel) : 0;
  // A level that distributions add (Debian's default): perf events only for CAP_SYS_ADMIN, whatever CAP_PERFMON says.
  if (paranoid >= 3) {
    const hint = `kernel.perf_event_paranoid is ${paranoid}, which keeps perf events for CAP_SYS_ADMIN; with 2, CAP_PERFMON is enough`;
    return new PrivilegeError(doing, ['CAP_SYS_ADMIN'], hint, error);
  }
  if (inUserNamespace(kernel)) {
    return new PrivilegeError(
      doing,
      [],
      'the process runs in a user namespace, where its capabilities do not count for BPF; run it outside the container',
      error,
    );
  }
  const mode = lockdownMode(kernel);
  if (lockedBy !== undefined && (mode === lockedBy || mode === 'confidentiality')) return new LockdownError(doing, mode, error);
  const locked = mode === 'integrity' || mode === 'confidentiality' ? ` (kernel lockdown is in ${mode} mode)` : '';
  return new PrivilegeError(
    doing,
    [],
    `something on this machine forbids it: seccomp (a container?), an LSM policy, or a sysctl such as kernel.perf_event_paranoid${locked}`,
    error,
  );
}
