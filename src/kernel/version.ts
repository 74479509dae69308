/**
 * The kernel's version as its headers have it (LINUX_VERSION_CODE).
 *
 * uname's release is not always that: Debian's says 6.1.0-21 for a 6.1.90, Ubuntu's 5.15.0-105 for a 5.15.148. Both say
 * elsewhere what they are built from.
 */
import type { Kernel } from './port.ts';
import { readTextIfThere } from './text.ts';

export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** KERNEL_VERSION(major, minor, patch). */
  readonly code: number;
  /** uname -r. */
  readonly release: string;
}

export function readKernelVersion(kernel: Kernel): KernelVersion {
  const release = (readTextIfThere(kernel, '/proc/sys/kernel/osrelease') ?? '').trim();
  const built = (readTextIfThere(kernel, '/proc/sys/kernel/version') ?? '').trim();
  const ubuntu = readTextIfThere(kernel, '/proc/version_signature');
  return { ...parseVersion(release, built, ubuntu), release };
}

/** From uname -r, uname -v and the text of /proc/version_signature (Ubuntu only). */
export function parseVersion(release: string, built: string, ubuntu: string | undefined): Omit<KernelVersion, 'release'> {
  const text = /^Ubuntu \S+ (\d+\.\d+(?:\.\d+)?)/.exec(ubuntu ?? '')?.[1] ?? /\bDebian (\d+\.\d+(?:\.\d+)?)/.exec(built)?.[1] ?? release;
  const [, a = '0', b = '0', c = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  const major = Number(a);
  const minor = Number(b);
  const patch = Number(c);
  return { major, minor, patch, code: kernelVersion(major, minor, patch) };
}

export function kernelVersion(major: number, minor: number, patch: number): number {
  // The patch level has eight bits; long-lived kernels stay at 255.
  return major * 65536 + minor * 256 + Math.min(patch, 255);
}

/** Whether `version` is at least `minimum` ('5.15'). */
export function atLeast(version: { readonly code: number }, minimum: string): boolean {
  const [major = 0, minor = 0, patch = 0] = minimum.split('.').map(Number);
  return version.code >= kernelVersion(major, minor, patch);
}
