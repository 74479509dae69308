/** CPUs by number: what could be there (per-CPU map values), what is there (events opened once per CPU). */
import type { Kernel } from './port.ts';
import { readTextIfThere } from './text.ts';

const known = new WeakMap<Kernel, { possible?: readonly number[]; online?: readonly number[] }>();

/** All CPUs that this kernel could ever run on; per-CPU values have one slot for each. */
export function possibleCpus(kernel: Kernel): readonly number[] {
  const cached = cacheOf(kernel);
  return (cached.possible ??= readList(kernel, 'possible') ?? onlineCpus(kernel));
}

/** CPUs that run now. */
export function onlineCpus(kernel: Kernel): readonly number[] {
  const cached = cacheOf(kernel);
  return (cached.online ??= readList(kernel, 'online') ?? [0]);
}

function cacheOf(kernel: Kernel): { possible?: readonly number[]; online?: readonly number[] } {
  let cached = known.get(kernel);
  if (cached === undefined) known.set(kernel, (cached = {}));
  return cached;
}

function readList(kernel: Kernel, name: string): readonly number[] | undefined {
  const text = readTextIfThere(kernel, `/sys/devices/system/cpu/${name}`);
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
