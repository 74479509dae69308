/**
 * Tests that need something of the kernel say so, and run where it is there.
 *
 *   kernelTest('counts opens', { kprobes: true, btf: true }, async (t) => …)
 *
 * On a kernel that lacks a need the test is skipped with the need as its reason; the runner fails when no kernel of
 * the matrix had it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { type TestContext, test } from 'node:test';

export interface Needs {
  readonly root?: boolean;
  readonly btf?: boolean;
  readonly kprobes?: boolean;
  readonly uprobes?: boolean;
  /** BPF trampolines that may be attached to kernel functions. */
  readonly fentry?: boolean;
  /** The BPF LSM is active. */
  readonly lsm?: boolean;
  /** `bpf_probe_read_kernel` is allowed (no lockdown in confidentiality mode). */
  readonly readKernel?: boolean;
  /** Changes things outside its own namespaces: only in a guest. */
  readonly guest?: boolean;
  /** Observes the whole machine's block devices, scheduler and the like: only in a guest. */
  readonly wholeSystem?: boolean;
  readonly minKernel?: string;
  /** Kernel modules, loaded with modprobe (in guests only) or built in. */
  readonly modules?: readonly string[];
  /** Commands that must be on the PATH. */
  readonly commands?: readonly string[];
  /** Why it cannot run here for a reason that is not the kernel's; undefined when it can. */
  readonly not?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number;
}

export const guestSeries: string | undefined = process.env['SKEP_GUEST'];

/** Of so many random inputs, how many to try here: an emulated processor does a tenth of them, and all with SKEP_LONG=1. */
export function tries(count: number): number {
  return guestSeries === undefined || process.env['SKEP_LONG'] === '1' ? count : Math.ceil(count / 10);
}

/** The first need that this kernel or machine does not meet, in words; undefined when all are met. */
export function unmet(needs: Needs): string | undefined {
  if (needs.not !== undefined) return needs.not;
  if (needs.root && process.getuid?.() !== 0) return 'needs root';
  if ((needs.guest || needs.wholeSystem) && guestSeries === undefined) return 'needs a guest kernel of its own';
  if (needs.btf && !existsSync('/sys/kernel/btf/vmlinux')) return 'needs kernel BTF';
  if (needs.kprobes && !existsSync('/sys/bus/event_source/devices/kprobe')) return 'needs kprobes';
  if (needs.uprobes && !existsSync('/sys/bus/event_source/devices/uprobe')) return 'needs uprobes';
  if (needs.fentry && !hasFentry()) return 'needs fentry';
  if (needs.readKernel && lockdown() === 'confidentiality') return 'needs bpf_probe_read_kernel (kernel lockdown forbids it)';
  if (needs.lsm && !lsms().includes('bpf')) return 'needs the BPF LSM';
  if (needs.minKernel !== undefined && older(release(), needs.minKernel)) return `needs Linux ${needs.minKernel}`;
  for (const module of needs.modules ?? []) if (!loaded(module)) return `needs the kernel module ${module}`;
  for (const command of needs.commands ?? []) if (!onPath(command)) return `needs the command ${command}`;
  return undefined;
}

export function kernelTest(name: string, needs: Needs, fn: (t: TestContext) => void | Promise<void>): void {
  const reason = unmet({ root: true, ...needs });
  void test(name, { skip: reason ?? false, timeout: (needs.timeout ?? 120_000) * (guestSeries === undefined ? 1 : 5) }, fn);
}

function hasFentry(): boolean {
  // Trampolines hang on ftrace's direct calls; kernels without kprobes may still have them.
  return existsSync('/sys/kernel/btf/vmlinux') && lockdown() !== 'confidentiality' && kallsyms().includes(' bpf_trampoline_link_prog');
}

let symbols: string | undefined;
function kallsyms(): string {
  symbols ??= readFileSync('/proc/kallsyms', 'utf8');
  return symbols;
}

function securityFile(name: string): string {
  const path = `/sys/kernel/security/${name}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

function lockdown(): string {
  return /\[(\w+)\]/.exec(securityFile('lockdown'))?.[1] ?? 'unknown';
}

function lsms(): string[] {
  if (guestSeries !== undefined && !existsSync('/sys/kernel/security/lsm')) {
    try {
      execFileSync('mount', ['-t', 'securityfs', 'securityfs', '/sys/kernel/security'], { stdio: 'ignore' });
    } catch {}
  }
  return securityFile('lsm').split(',');
}

function older(have: string, want: string): boolean {
  const numbers = (version: string) => version.split(/[.-]/).slice(0, 2).map(Number);
  const [a = 0, b = 0] = numbers(have);
  const [c = 0, d = 0] = numbers(want);
  return a < c || (a === c && b < d);
}

function loaded(module: string): boolean {
  if (existsSync(`/sys/module/${module}`)) return true;
  if (guestSeries === undefined) return false;
  try {
    execFileSync('modprobe', [module], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function onPath(command: string): boolean {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].some((folder) => existsSync(`${folder}/${command}`));
}
