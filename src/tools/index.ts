/**
 * The list of tools: name, topic and summary here, so that `skep --help` loads none of them; the rest on demand.
 * `test/pure/tools` holds that these lines and the descriptors agree.
 */
import type { Tool, Topic } from './tool.ts';

export interface ToolEntry {
  readonly name: string;
  readonly topic: Topic;
  readonly summary: string;
  readonly load: () => Promise<Tool>;
}

function entry(name: string, topic: Topic, summary: string, load: () => Promise<{ readonly tool: unknown }>): ToolEntry {
  return { name, topic, summary, load: async () => (await load()).tool as Tool };
}

export const TOOL_LIST: readonly ToolEntry[] = [
  entry('execsnoop', 'processes', 'Trace new processes via exec() syscalls', () => import('./execsnoop.ts')),
  entry('killsnoop', 'processes', 'Trace signals issued by the kill() syscall', () => import('./killsnoop.ts')),
  entry('opensnoop', 'files', 'Trace open() syscalls', () => import('./opensnoop.ts')),
  entry('statsnoop', 'files', 'Trace stat() syscalls', () => import('./statsnoop.ts')),
  entry('syncsnoop', 'files', 'Trace sync() and its kin', () => import('./syncsnoop.ts')),
  entry('bitesize', 'disk', 'Summarize block device I/O size as a histogram', () => import('./bitesize.ts')),
  entry('offcputime', 'scheduler', 'Summarize off-CPU time by stack trace', () => import('./offcputime.ts')),
  entry('profile', 'scheduler', 'Profile CPU usage by sampling stack traces', () => import('./profile.ts')),
  entry('sockex1', 'samples', "Count TCP, UDP and ICMP bytes on an interface (the kernel's first sample)", () => import('./sockex1.ts')),
];
