/**
 * Fills `.kconfig`: what a program declares `extern … __kconfig` takes its value from the kernel's configuration.
 *
 *   CONFIG_HZ=250         int                 LINUX_KERNEL_VERSION        KERNEL_VERSION() of the kernel
 *   CONFIG_BPF=y          bool, enum, char    LINUX_HAS_BPF_COOKIE        programs have attach cookies (5.15)
 *   CONFIG_LSM="a,b"      char[]              LINUX_HAS_SYSCALL_WRAPPER   syscalls take struct pt_regs (4.17)
 *
 * The kernel's verifier then sees constants and drops the branches that are not taken.
 */
import type { BtfSource } from '../btf/types.ts';
import { isChar, resolve } from '../btf/walk.ts';
import type { TargetFacts } from '../compiler/target-facts.ts';
import type { Reference, VariableSpec } from '../object/spec.ts';
import { LinkError } from './error.ts';

export const KCONFIG_MAP = '.kconfig';

export interface KconfigNeeds {
  readonly variables: ReadonlyMap<string, VariableSpec>;
  readonly btf: BtfSource | undefined;
  /** References to kconfig values; a weak one may stay zero. */
  readonly references: Iterable<Reference>;
}

/** The bytes of the section. */
export function kconfigData(size: number, needs: KconfigNeeds, facts: TargetFacts): Uint8Array {
  const bytes = new Uint8Array(size);
  const weak = new Map<string, boolean>();
  for (const ref of needs.references) if (ref.kind === 'kconfig') weak.set(ref.name, ref.weak && (weak.get(ref.name) ?? true));
  for (const variable of needs.variables.values()) {
    if (variable.map !== KCONFIG_MAP) continue;
    const text = valueOf(variable.name, facts);
    if (text === undefined) {
      if (weak.get(variable.name) !== true && weak.has(variable.name)) {
        throw new LinkError(`the kernel's configuration does not say '${variable.name}'`, 'declare it __weak to have 0 there');
      }
      continue;
    }
    if (variable.offset + variable.size > size) throw new LinkError(`'${variable.name}' lies outside the .kconfig section`);
    bytes.set(encodeValue(variable, text, needs.btf), variable.offset);
  }
  return bytes;
}

function valueOf(name: string, facts: TargetFacts): string | undefined {
  switch (name) {
    case 'LINUX_KERNEL_VERSION':
      return String(facts.kernelVersion);
    case 'LINUX_HAS_BPF_COOKIE':
      return facts.kernelVersion >= 0x050f00 ? 'y' : 'n';
    case 'LINUX_HAS_SYSCALL_WRAPPER':
      return facts.kernelVersion >= 0x041100 ? 'y' : 'n';
    default:
      return facts.kconfig(name);
  }
}

const TRISTATE: Readonly<Record<string, bigint>> = { n: 0n, y: 1n, m: 2n };

function encodeValue(variable: VariableSpec, text: string, btf: BtfSource | undefined): Uint8Array {
  const bytes = new Uint8Array(variable.size);
  const type = btf === undefined || variable.type === 0 ? undefined : resolve(btf, variable.type);
  const wrong = (): LinkError =>
    new LinkError(`'${variable.name}' is '${text}' in the kernel's configuration, which does not fit its type here`);
  if (type?.kind === 'array' && btf !== undefined && isChar(btf, type.element)) {
    const data = new TextEncoder().encode(text);
    if (data.length + 1 > variable.size) throw new LinkError(`'${variable.name}' is longer than the ${variable.size} bytes it has here`);
    bytes.set(data);
    return bytes;
  }
  let value: bigint;
  const tristate = TRISTATE[text];
  if (tristate !== undefined) {
    const isLetter = type?.kind === 'int' && btf !== undefined && isChar(btf, variable.type);
    value = isLetter ? BigInt(text.charCodeAt(0)) : type?.kind === 'int' && type.encoding === 'bool' ? (text === 'y' ? 1n : 0n) : tristate;
  } else if (/^-?(?:0x[0-9a-f]+|\d+)$/i.test(text)) {
    value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  } else {
    throw wrong();
  }
  const bits = variable.size * 8;
  const fits = BigInt.asUintN(bits, value) === value || BigInt.asIntN(bits, value) === value;
  if (!fits || variable.size > 8) throw wrong();
  for (let i = 0; i < variable.size; i++) bytes[i] = Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 0xffn);
  return bytes;
}
