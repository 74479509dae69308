/** A CPU that is not there: a tool that looks at it alone would see nothing, for ever. */
import { onlineCpus } from '../kernel/cpus.ts';
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import type { Flags } from '../tools/tool.ts';

/** Throws `UsageError` for a flag of type `cpu` that names none of those that run. */
export function checkCpus(flags: Flags, options: Readonly<Record<string, unknown>>, kernel: Kernel): void {
  for (const [name, { type }] of Object.entries(flags)) {
    const cpu = options[name];
    if (type !== 'cpu' || typeof cpu !== 'number') continue;
    const online = onlineCpus(kernel);
    if (!online.includes(cpu))
      throw new UsageError(`--${name}: there is no CPU ${cpu}; ${rangesOf(online)} ${online.length === 1 ? 'is' : 'are'} online`);
  }
}

/** '0-3,6' */
function rangesOf(cpus: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const cpu of cpus) {
    const last = ranges.at(-1);
    if (last?.to === cpu - 1) last.to = cpu;
    else ranges.push({ from: cpu, to: cpu });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
