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
  entry('argdist', 'functions', 'Show the distribution of the arguments or results of functions', () => import('./argdist.ts')),
  entry('biolatency', 'disk', 'Summarize block device I/O latency as a histogram', () => import('./biolatency.ts')),
  entry('biopattern', 'disk', 'Identify random/sequential disk access patterns', () => import('./biopattern.ts')),
  entry('biosnoop', 'disk', 'Trace block device I/O and print details including issuing PID', () => import('./biosnoop.ts')),
  entry('biotop', 'disk', 'Block device (disk) I/O by process', () => import('./biotop.ts')),
  entry('bitesize', 'disk', 'Summarize block device I/O size as a histogram', () => import('./bitesize.ts')),
  entry('cachestat', 'memory', 'Statistics for linux page cache hit/miss ratios', () => import('./cachestat.ts')),
  entry('capable', 'security', 'Trace security capability checks (cap_capable())', () => import('./capable.ts')),
  entry('execsnoop', 'processes', 'Trace new processes via exec() syscalls', () => import('./execsnoop.ts')),
  entry('exitsnoop', 'processes', 'Trace all process termination (exit, fatal signal)', () => import('./exitsnoop.ts')),
  entry('ext4dist', 'files', 'Summarize ext4 operation latency', () => import('./ext4dist.ts')),
  entry('ext4slower', 'files', 'Trace slow ext4 file operations, with per-event details', () => import('./ext4slower.ts')),
  entry('filelife', 'files', 'Trace the lifespan of short-lived files', () => import('./filelife.ts')),
  entry('fileslower', 'files', 'Trace slow synchronous file reads and writes', () => import('./fileslower.ts')),
  entry('filetop', 'files', 'File reads and writes by filename and process', () => import('./filetop.ts')),
  entry('funccount', 'functions', 'Count calls of functions, tracepoints and USDT probes by pattern', () => import('./funccount.ts')),
  entry('funclatency', 'functions', 'Time functions and print latency as a histogram', () => import('./funclatency.ts')),
  entry('gethostlatency', 'network', 'Trace latency for getaddrinfo/gethostbyname[2] calls', () => import('./gethostlatency.ts')),
  entry('hardirqs', 'scheduler', 'Measure hard IRQ (hard interrupt) event time', () => import('./hardirqs.ts')),
  entry('killsnoop', 'processes', 'Trace signals issued by the kill() syscall', () => import('./killsnoop.ts')),
  entry('llcstat', 'memory', 'Summarize CPU cache references and misses by process', () => import('./llcstat.ts')),
  entry('memleak', 'memory', 'Show outstanding memory allocations by stack', () => import('./memleak.ts')),
  entry('offcputime', 'scheduler', 'Summarize off-CPU time by stack trace', () => import('./offcputime.ts')),
  entry('opensnoop', 'files', 'Trace open() syscalls', () => import('./opensnoop.ts')),
  entry('profile', 'scheduler', 'Profile CPU usage by sampling stack traces', () => import('./profile.ts')),
  entry('runqlat', 'scheduler', 'Run queue (scheduler) latency as a histogram', () => import('./runqlat.ts')),
  entry('runqlen', 'scheduler', 'Scheduler run queue length as a histogram', () => import('./runqlen.ts')),
  entry('sockex1', 'samples', "Count TCP, UDP and ICMP bytes on an interface (the kernel's first sample)", () => import('./sockex1.ts')),
  entry('softirqs', 'scheduler', 'Measure soft IRQ (soft interrupt) event time', () => import('./softirqs.ts')),
  entry(
    'stackcount',
    'functions',
    'Count stack traces that lead to functions, tracepoints and USDT probes',
    () => import('./stackcount.ts'),
  ),
  entry('statsnoop', 'files', 'Trace stat() syscalls', () => import('./statsnoop.ts')),
  entry('syncsnoop', 'files', 'Trace sync() and its kin', () => import('./syncsnoop.ts')),
  entry('syscount', 'processes', 'Summarize syscall counts and latencies', () => import('./syscount.ts')),
  entry('tcpaccept', 'network', 'Trace TCP passive connections (accept())', () => import('./tcpaccept.ts')),
  entry('tcpconnect', 'network', 'Trace TCP active connections (connect())', () => import('./tcpconnect.ts')),
  entry('tcpconnlat', 'network', 'Trace TCP active connection latency', () => import('./tcpconnlat.ts')),
  entry('tcplife', 'network', 'Trace TCP sessions and summarize lifespan', () => import('./tcplife.ts')),
  entry('tcpretrans', 'network', 'Trace or count TCP retransmits and TLPs', () => import('./tcpretrans.ts')),
  entry('tcpstates', 'network', 'Trace TCP session state changes with durations', () => import('./tcpstates.ts')),
  entry('tcptop', 'network', 'Summarize TCP send/recv throughput by host. Top for TCP', () => import('./tcptop.ts')),
  entry('trace', 'functions', 'Trace functions and events, and print their arguments', () => import('./trace.ts')),
  entry('vfsstat', 'files', 'Statistics for some common VFS calls', () => import('./vfsstat.ts')),
];
