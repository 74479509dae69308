/** Names and numbers of system calls on this architecture: the `__NR_` constants that kernel headers have. */
import { constantNames, tableText } from '../../compiler/dialect/constants/constants.ts';
import { suggest } from '../../compiler/did-you-mean.ts';
import type { Arch } from '../../compiler/target-facts.ts';
import { UsageError } from '../../kernel/errors.ts';

const PREFIX = '__NR_';

export class Syscalls {
  private readonly byNumber = new Map<number, string>();

  constructor(arch: Arch) {
    for (const constant of constantNames()) {
      if (!constant.startsWith(PREFIX)) continue;
      const number = Number(tableText(constant, arch));
      // Some have a second name for the same call (arm64's 3264 family): the first in the alphabet.
      if (Number.isInteger(number) && !this.byNumber.has(number)) this.byNumber.set(number, constant.slice(PREFIX.length));
    }
  }

  /** '[unknown: 999]' for a number that has no name. */
  name(number: number): string {
    return this.byNumber.get(number) ?? `[unknown: ${number}]`;
  }

  /** Throws `UsageError`. */
  number(name: string): number {
    for (const [number, known] of this.byNumber) if (known === name) return number;
    const near = suggest(name, this.names());
    throw new UsageError(
      `there is no system call '${name}'`,
      near === undefined ? [] : [near],
      near === undefined ? "'syscount -l' lists them" : undefined,
    );
  }

  /** Sorted by name. */
  names(): string[] {
    return [...this.byNumber.values()].sort();
  }
}
