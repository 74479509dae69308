/**
 * From a probe in words ('c:malloc', 'r::vfs_read', 't:sched:sched_switch') to a program that hangs there.
 */
import { BPF, type LoadOptions } from '../../bcc/bpf.ts';
import { USDT } from '../../bcc/usdt.ts';
import type { Probe } from '../language/probe.ts';
import type { ToolContext } from '../tool.ts';

const SYSCALL_WRAPPER = /^(?:__x64_|__arm64_|__s390x_|__riscv_|__se_)?sys_\w+$/;

/**
 * The function as this kernel calls it: a system call may be given with any architecture's prefix, or as 'sys_read'.
 * `syscall`: the function is a wrapper, and the call's arguments lie behind its own.
 */
export function resolveFunction(probe: Probe): { readonly probe: Probe; readonly syscall: boolean } {
  if (probe.library !== '' || (probe.kind !== 'p' && probe.kind !== 'r') || !SYSCALL_WRAPPER.test(probe.name))
    return { probe, syscall: false };
  const name = BPF.fixSyscallFnname(probe.name);
  return { probe: { ...probe, name }, syscall: BPF.getSyscallPrefix() !== 'sys_' };
}

/** Tracepoints attach by themselves: their programs are named so. */
export function attachProbe(bpf: BPF, probe: Probe, program: string, pid: number | undefined): void {
  const { kind, library, name, offset } = probe;
  switch (kind) {
    case 't':
    case 'u':
      return;
    case 'p':
      if (library !== '') bpf.attachUprobe({ name: library, sym: name, symOff: offset, ...(pid === undefined ? {} : { pid }) }, program);
      else bpf.attachKprobe(name, program, offset === 0 ? {} : { offset });
      return;
    case 'r':
      if (library !== '') bpf.attachUretprobe({ name: library, sym: name, ...(pid === undefined ? {} : { pid }) }, program);
      else bpf.attachKretprobe(name, program);
      return;
    default:
      kind satisfies never;
  }
}

/** USDT probes with the programs that they run: attached by `BPF.load`. */
export function usdtOf(probes: readonly (readonly [probe: Probe, program: string])[], pid: number | undefined): USDT[] {
  return probes
    .filter(([{ kind }]) => kind === 'u')
    .map(([{ library, provider, name }, program]) =>
      new USDT({ path: library, ...(pid === undefined ? {} : { pid }) }).enableProbe(
        provider === '' ? name : `${provider}:${name}`,
        program,
      ),
    );
}

/** Loads and attaches by hand: the tool counts as ready when both are done. */
export async function loadAttached(loadFirst: ToolContext['loadFirst'], load: LoadOptions, attach: (bpf: BPF) => void): Promise<BPF> {
  return (await loadFirst([{ probes: [], load, attach }])).bpf;
}
