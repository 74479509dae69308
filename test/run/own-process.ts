/** Test files that are not run beside others in one process (`group.ts`), and why not. */
const OWN_PROCESS: readonly (readonly [name: string, why: string])[] = [
  ['host/kernel/worker', 'ends worker threads that read, whose koffi stays as it is until the process ends'],
  ['host/vm/objects', 'has a bpf file system of its own'],
  ['host/isa/xlated', 'has a bpf file system of its own'],
  ['host/corpora/', 'have a bpf file system of their own'],
  ['host/lab/leaks', 'looks at what the runner sees of processes like its own'],
  ['host/bcc/killed', 'counts what killed processes leave'],
  ['host/tools/killed', 'counts what killed processes leave'],
  ['pure/torture/', 'is long'],
  ['pure/fuzz/', 'is long'],
  ['guest/lab/', 'panics and hangs the guest'],
];

export function needsOwnProcess(file: string): boolean {
  return OWN_PROCESS.some(([name]) => file.startsWith(name));
}
