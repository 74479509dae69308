/**
 * Names of block devices by their numbers, and the other way round: /proc/diskstats.
 *
 * The kernel packs a device number as major << 20 | minor (`MKDEV`); so do its tracepoints and `struct request`.
 */
import { UsageError } from '../../kernel/errors.ts';
import type { Kernel } from '../../kernel/port.ts';
import { readTextIfThere } from '../../kernel/text.ts';

const MINOR_BITS = 20;

export class Disks {
  private readonly kernel: Kernel;
  private names = new Map<number, string>();
  private readonly unknown = new Set<number>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.read();
  }

  /** 'sda', 'nvme0n1p1'; '?' for a device that is not there (any more). */
  name(dev: number): string {
    let name = this.names.get(dev);
    if (name === undefined && !this.unknown.has(dev)) {
      // It may have come while the tool was running.
      this.read();
      name = this.names.get(dev);
      if (name === undefined) this.unknown.add(dev);
    }
    return name ?? '?';
  }

  /** Number of the disk of a name. Throws `UsageError`. */
  number(name: string): number {
    const bare = name.replace(/^\/dev\//, '');
    for (const [dev, known] of this.names) if (known === bare) return dev;
    const known = [...this.names.values()];
    throw new UsageError(`there is no disk '${name}'`, [], known.length === 0 ? undefined : `disks here: ${known.slice(0, 12).join(' ')}`);
  }

  private read(): void {
    const text = readTextIfThere(this.kernel, '/proc/diskstats') ?? '';
    this.names = new Map();
    for (const [, major, minor, name = ''] of text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\S+)/gm))
      this.names.set(Number(major) * 2 ** MINOR_BITS + Number(minor), name);
  }
}
