/**
 * What a kernel holds of BPF and probes, to compare before and after a test file.
 */
import { readFileSync } from 'node:fs';
import { describeObject, takeInventory } from '../../src/kernel/inventory.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';

/** Lines such as 'program 12', 'kprobe_events p:foo'. */
export type Snapshot = ReadonlySet<string>;

export async function snapshot(): Promise<Snapshot> {
  const lines: string[] = [];
  const kernel = linuxKernel();
  const { program, map, link, btf } = takeInventory(kernel);
  for (const id of program) lines.push(`program ${id}`);
  for (const id of map) lines.push(`map ${id}`);
  for (const id of link) lines.push(`link ${id}`);
  // A kernel module that a test loads brings types of its own: those are not a program's.
  for (const id of btf) if (describeObject(kernel, 'btf', id)?.type === 'program') lines.push(`btf ${id}`);
  for (const file of ['kprobe_events', 'uprobe_events']) {
    try {
      for (const line of readFileSync(`/sys/kernel/tracing/${file}`, 'utf8').split('\n')) if (line) lines.push(`${file} ${line}`);
    } catch {
      // No tracefs, or a kernel without such probes.
    }
  }
  return new Set(lines);
}

/** What is there now and was not before. BPF objects are freed a moment after their last descriptor: it waits up to two seconds. */
export async function leftovers(before: Snapshot): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const left = [...(await snapshot())].filter((line) => !before.has(line));
    if (left.length === 0 || tries === 20) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
