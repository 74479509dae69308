/**
 * Object-like macros that depend on the kernel: its version, its configuration, its architecture; and the constants
 * of its headers.
 */
import type { TargetFacts } from '../../target-facts.ts';
import { constantText } from '../constants/constants.ts';
import { registerMacro } from '../registers.ts';

export function kernelMacro(name: string, facts: TargetFacts): string | undefined {
  if (name.startsWith('CONFIG_')) return configMacro(name, facts);
  if (name.startsWith('__skep_')) return registerMacro(name, facts.arch);
  switch (name) {
    case 'LINUX_VERSION_CODE':
      return `${facts.kernelVersion}`;
    case 'LINUX_VERSION_MAJOR':
      return `${facts.kernelVersion >> 16}`;
    case 'LINUX_VERSION_PATCHLEVEL':
      return `${(facts.kernelVersion >> 8) & 255}`;
    case 'LINUX_VERSION_SUBLEVEL':
      return `${facts.kernelVersion & 255}`;
    case '__TARGET_ARCH_x86':
    case 'bpf_target_x86':
      return facts.arch === 'x86_64' ? '1' : undefined;
    case '__TARGET_ARCH_arm64':
    case 'bpf_target_arm64':
      return facts.arch === 'arm64' ? '1' : undefined;
    case 'bpf_target_defined':
      return '1';
    case 'HZ':
      return facts.kconfig('CONFIG_HZ') ?? '250';
    default:
      return constantText(name, facts);
  }
}

/** As autoconf.h has it: y is 1, m defines CONFIG_X_MODULE instead, text is a string. */
function configMacro(name: string, facts: TargetFacts): string | undefined {
  const value = facts.kconfig(name);
  if (value === undefined) return name.endsWith('_MODULE') && facts.kconfig(name.slice(0, -7)) === 'm' ? '1' : undefined;
  if (value === 'y') return '1';
  if (value === 'm') return undefined;
  return /^(?:0[xX][0-9a-fA-F]+|-?\d+)$/.test(value) ? value : JSON.stringify(value);
}
