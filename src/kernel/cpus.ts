/** CPUs by number: what could be there (per-CPU map values), what is there (events opened once per CPU). */
import { UserError } from './errors.ts';
import type { Kernel } from './port.ts';
import { readTextIfThere } from './text.ts';

interface Cpus {
  possible?: readonly number[] | undefined;
  online?: readonly number[];
}

const known = new WeakMap<Kernel, Cpus>();

/**
 * All CPUs that this kernel could ever run on; per-CPU values have one slot for each. Throws `UserError` where it cannot
 * be known: the kernel writes as many values as it has CPUs, whatever room a guess has made for them.
 */
export function possibleCpus(kernel: Kernel): readonly number[] {
  const cached = cacheOf(kernel);
  const possible = (cached.possible ??= readList(kernel, 'possible'));
  if (possible === undefined)
    throw new UserError(
      `how many CPUs the kernel has per-CPU values for is not known: ${pathOf('possible')} is not there, or is no list of CPUs`,
      'mount sysfs: mount -t sysfs sysfs /sys',
    );
  return possible;
}

/** CPUs that run now. Where that cannot be read, the first. */
export function onlineCpus(kernel: Kernel): readonly number[] {
  const cached = cacheOf(kernel);
  return (cached.online ??= readList(kernel, 'online') ?? [0]);
}

function cacheOf(kernel: Kernel): Cpus {
  let cached = known.get(kernel);
  if (cached === undefined) known.set(kernel, (cached = {}));
  return cached;
}

function pathOf(name: string): string {
  return `/sys/devices/system/cpu/${name}`;
}

function readList(kernel: Kernel, name: string): readonly number[] | undefined {
  const text = readTextIfThere(kernel, pathOf(name));
  const list = text === undefined ? undefined : parseCpuList(text);
  return list === undefined || list.length === 0 ? undefined : list;
}

/** '0-3,8' as numbers; undefined for text of another form. */
export function parseCpuList(text: string): number[] | undefined {
  const cpus: number[] = [];
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return undefined;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    // 8192 is the most that Linux can be configured for.
    if (to < from || to >= 8192) return undefined;
    for (let cpu = from; cpu <= to; cpu++) cpus.push(cpu);
  }
  return cpus;
}
