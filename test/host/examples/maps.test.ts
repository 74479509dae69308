/** Every example of `examples/maps/` and `examples/events/`, one after the other in one process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { kernelTest } from '../../run/needs.ts';
import { checkQuoted, type Expected, runExample } from '../../support/examples.ts';

// Those that trace a system call are for guests: tracepoints are seen by the whole machine.
const GUEST = { guest: true } as const;

const MAPS: Readonly<Record<string, Expected>> = {
  hash: {
    needs: {},
    lines: [/^tcp 22: 1$/, /^tcp 80: 2$/, /^tcp 443: 5$/, /^503 entries, 1 of two deleted$/, /^502 drained, 0 left$/],
  },
  columns: { needs: {}, lines: [/^1000 entries, keys are a Uint32Array$/, /^749250000 bytes, 499500 packets$/, /^500 of if1$/] },
  array: { needs: { minKernel: '5.5' }, lines: [/^squares: 0 1 4 9 16 25 36 49$/, /^shared: 111$/] },
  'per-cpu': {
    needs: {},
    lines: [/^one value for each CPU: true$/, /^15 packets, 1140 bytes$/, /^64 bytes: 10$/, /^100 bytes: 5$/],
  },
  'lru-hash': { needs: {}, lines: [/^the last one is there: true; the first one is not: true$/, /^never more than 64: true$/] },
  'lpm-trie': {
    needs: {},
    lines: [/^10\.9\.9\.9: 1, and from here 1$/, /^10\.1\.2\.3: 2, and from here 2$/, /^192\.168\.0\.1: 0, and from here undefined$/],
  },
  'queue-stack': { needs: {}, lines: [/^next job: 1$/, /^jobs left: none; done, the last first: 3 2 1$/] },
  'bloom-filter': { needs: { minKernel: '5.16' }, lines: [/^a packet of 64 bytes: 1$/, /^from here: 64 is probably there$/] },
  'stack-trace': { needs: GUEST, lines: [/^1 call, with a stack, the innermost frame named$/] },
  'map-in-map': { needs: {}, lines: [/^an empty slot: 1000$/, /^filled: 7$/, /^in the slot: 7$/, /^taken out: 1000$/] },
  'prog-array': { needs: {}, lines: [/^step 1: 1$/, /^step 2: 2$/, /^step 3: 100$/] },
  'cgroup-array': { needs: GUEST, lines: [/^calls from below the cgroup: 1$/] },
  'xdp-redirect': {
    needs: { minKernel: '5.9' },
    lines: [/^nothing set: aborted \(0\)$/, /^to an interface: redirected; to a CPU: redirected$/, /^ports: 0 is interface 1$/],
  },
  'task-storage': { needs: { btf: true, minKernel: '5.11', ...GUEST }, lines: [/^calls of this process: 2$/] },
  globals: {
    needs: { minKernel: '5.5' },
    lines: [
      /^20 bytes: 0, 80 bytes: 1, 200 bytes: 0$/,
      /^200 bytes, with a higher limit: 1$/,
      /^2 packets, the last on eth; at least 64 bytes$/,
    ],
  },
  pinned: { needs: {}, lines: [/^1: 1152921504606846976 of the first$/, /^the name is gone: true$/] },
  'user-ringbuf': { needs: { minKernel: '6.1' }, lines: [/^read by the program: 4, sum 6$/, /^then it takes 170 until somebody reads$/] },
  public: { needs: {}, lines: [/^the other program reads 99$/] },
};

const EVENTS: Readonly<Record<string, Expected>> = {
  'ring-buffer': {
    needs: { minKernel: '5.8', ...GUEST },
    lines: [...new Array(3).fill(/: pid is right: true, time is bigint: true$/), /^3 received, 0 lost$/],
  },
  'perf-buffer': { needs: GUEST, lines: [/^1 event of \S+$/] },
  callback: {
    needs: { minKernel: '5.8' },
    lines: [/^5 records, sum 10$/, ...[0, 1, 2, 3, 4].map((n) => new RegExp(`^number ${n}, 64 bytes$`))],
  },
};

test('each example is in the table, and the docs quote each', () => {
  checkQuoted('maps', 'maps.md', MAPS);
  checkQuoted('events', 'events.md', EVENTS);
});

/** A bpf file system of this test's own, whose folder the example is told. */
async function withBpfFs(action: () => Promise<void>): Promise<void> {
  const kernel = linuxKernel();
  const folder = mkdtempSync(join(tmpdir(), 'skep-bpffs-'));
  kernel.syscall('mount', 'bpf', folder, 'bpf', 0, null);
  process.argv[2] = folder;
  try {
    await action();
  } finally {
    process.argv.length = 2;
    kernel.syscall('umount2', folder, 0);
    rmSync(folder, { recursive: true });
  }
}

for (const [name, { needs, lines }] of Object.entries(MAPS)) {
  const run = (): Promise<void> => runExample('maps', name, lines);
  kernelTest(`example maps/${name}`, needs, name === 'pinned' ? () => withBpfFs(run) : run);
}
for (const [name, { needs, lines }] of Object.entries(EVENTS))
  kernelTest(`example events/${name}`, needs, () => runExample('events', name, lines));
