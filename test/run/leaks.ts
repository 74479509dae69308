/**
 * What a kernel holds of BPF and probes, to compare before and after a test file.
 */
import { readFileSync } from 'node:fs';
import { takeInventory } from '../../src/kernel/inventory.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';

/** Lines such as 'program 12', 'kprobe_events p:foo'. */
export type Snapshot = ReadonlySet<string>;

export async function snapshot(): Promise<Snapshot> {
  const lines: string[] = [];
  for (const [kind, ids] of Object.entries(takeInventory(linuxKernel()))) for (const id of ids) lines.push(`${kind} ${id}`);
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
