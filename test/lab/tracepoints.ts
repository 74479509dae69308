/**
 * Formats of a guest's tracepoints: what only the booted kernel can say. One boot with busybox alone, kept in the cache.
 *
 *   head -n 99 events/ * / * /format  ─▶  '==> sched/sched_switch/format <==', text, …  ─▶  one file
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from '../run/paths.ts';
import { runGuest } from './guest.ts';
import { type GuestKernel, LabError } from './kernels.ts';

const END = '(end of formats)';

const fileOf = ({ release }: GuestKernel): string => join(cache, 'kernels', `tracepoints-${release}.txt`);

/** Puts them into the cache where they are not there yet. */
export async function fetchTracepoints(kernel: GuestKernel): Promise<void> {
  const path = fileOf(kernel);
  if (existsSync(path)) return;
  let text = '';
  const { end, console } = await runGuest({
    kernel,
    command: `cd /sys/kernel/tracing/events && head -v -n 1000 */*/format && echo '${END}'`,
    timeLimit: 5 * 60_000,
    onOutput: (part) => {
      text += part;
    },
  });
  if (end.kind !== 'exit' || end.status !== 0 || !text.trimEnd().endsWith(END))
    throw new LabError(`the guest ${kernel.release} did not tell the formats of its tracepoints (${end.kind}):\n${console.slice(-2000)}`);
  const part = `${path}.part-${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, path);
}

/** By 'category/event'; undefined before they were fetched. */
export function tracepointsOf(kernel: GuestKernel): ReadonlyMap<string, string> | undefined {
  const path = fileOf(kernel);
  if (!existsSync(path)) return undefined;
  const formats = new Map<string, string>();
  for (const piece of readFileSync(path, 'utf8').split(/^==> /m).slice(1)) {
    const [, name = '', text = ''] = /^(.*?)\/format <==\n(.*)$/s.exec(piece) ?? [];
    formats.set(name, `${text.replace(END, '').trimEnd()}\n`);
  }
  return formats;
}
