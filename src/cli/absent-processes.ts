/** Processes and threads that a tool is to look at and that are not there: a number mistyped is told from nothing to see. */
import type { Kernel } from '../kernel/port.ts';
import type { Flags } from '../tools/tool.ts';

/** The numbers as they were given. One flag may have several: 'PID[,PID…]'. */
export function absentProcesses(flags: Flags, options: Readonly<Record<string, unknown>>, kernel: Kernel): string[] {
  return Object.entries(flags).flatMap(([name, { type, value = '' }]) => {
    const given = options[name];
    if (given === undefined || (type !== 'pid' && !/^[PT]ID/.test(value))) return [];
    return String(given)
      .split(',')
      .filter((id) => /^\d+$/.test(id) && !kernel.exists(`/proc/${id}`));
  });
}
