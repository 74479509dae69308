/**
 * Where architectures keep arguments at a function's entry and at a system call, as members of `struct pt_regs` in
 * the kernel's BTF. Source: the System V ABI for AMD64, AAPCS64, syscall(2).
 */
import type { Arch } from '../target-facts.ts';

export interface Registers {
  /** Access paths from `struct pt_regs`: 'di', 'regs[0]'. */
  readonly params: readonly string[];
  readonly syscall: readonly string[];
  readonly result: string;
  readonly ip: string;
  readonly sp: string;
  readonly fp: string;
  /** Where the return address is found at entry: the stack pointer that points at it, or the register that holds it. */
  readonly ret: string;
}

export const REGISTERS: Readonly<Record<Arch, Registers>> = {
  x86_64: {
    params: ['di', 'si', 'dx', 'cx', 'r8', 'r9'],
    syscall: ['di', 'si', 'dx', 'r10', 'r8', 'r9'],
    result: 'ax',
    ip: 'ip',
    sp: 'sp',
    fp: 'bp',
    ret: 'sp',
  },
  arm64: {
    params: ['regs[0]', 'regs[1]', 'regs[2]', 'regs[3]', 'regs[4]', 'regs[5]', 'regs[6]', 'regs[7]'],
    syscall: ['orig_x0', 'regs[1]', 'regs[2]', 'regs[3]', 'regs[4]', 'regs[5]'],
    result: 'regs[0]',
    ip: 'pc',
    sp: 'sp',
    fp: 'regs[29]',
    ret: 'regs[30]',
  },
};

/**
 * Names that the dialects' headers use for registers (`__skep_parm1`, `__skep_sysparm1`, `__skep_ip`, …), so that
 * the headers are the same for all architectures.
 */
export function registerMacro(name: string, arch: Arch): string | undefined {
  const r = REGISTERS[arch];
  const match = /^__skep_(parm|sysparm)([1-8])$/.exec(name);
  if (match !== null) {
    const index = Number(match[2]) - 1;
    // An argument that has no register must not become one that has.
    return (match[1] === 'parm' ? r.params[index] : r.syscall[index]) ?? `__no_register_for_argument_${index + 1}`;
  }
  switch (name) {
    case '__skep_rc':
      return r.result;
    case '__skep_ip':
      return r.ip;
    case '__skep_sp':
      return r.sp;
    case '__skep_fp':
      return r.fp;
    case '__skep_ret':
      return r.ret;
    default:
      return undefined;
  }
}
