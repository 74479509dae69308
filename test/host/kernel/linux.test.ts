/** The Linux port on the real kernel. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bpf } from '../../../src/kernel/bpf-attr.ts';
import { MAP_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { mapInfo } from '../../../src/kernel/obj-info.ts';
import { PERF_SOFTWARE, PERF_TYPE, perfEventOpen } from '../../../src/kernel/perf-attr.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { tracefsPath } from '../../../src/kernel/tracefs.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing } from './support.ts';

const F_GETFD = 1;
const FD_CLOEXEC = 1;

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof KernelError && error.code === code;
}

kernelTest('every descriptor closes on exec', {}, () =>
  leavesNothing(() => {
    const made: [string, number][] = [
      ['map', bpf(kernel, 'MAP_CREATE', { map_type: MAP_TYPE.array, key_size: 4, value_size: 4, max_entries: 1, map_name: 't_array' })],
      ['perf event', perfEventOpen(kernel, { type: PERF_TYPE.SOFTWARE, config: PERF_SOFTWARE.dummy }, { pid: 0 })],
      ['file', kernel.syscall('openat', -100, '/proc/self/stat', 0, 0)],
      ['socket', kernel.syscall('socket', 2, 2, 0)],
      ['eventfd', kernel.syscall('eventfd2', 0, 0)],
      ['epoll', kernel.syscall('epoll_create1', 0)],
      ['pidfd', kernel.syscall('pidfd_open', process.pid, 0)],
      ['memfd', kernel.syscall('memfd_create', 'skep-test', 0)],
    ];
    try {
      for (const [what, fd] of made) {
        assert.equal(kernel.syscall('fcntl', fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC, what);
        assert.ok(fd > 2, what);
      }
    } finally {
      for (const [, fd] of made) kernel.close(fd);
    }
  }),
);

kernelTest('descriptors 0 to 2 are never given out', {}, () => {
  // In a process of its own, with standard input closed, the next descriptor would be 0.
  const script = `
    const { linuxKernel } = await import(${JSON.stringify(fileURLToPath(new URL('../../../src/kernel/linux.js', import.meta.url)))});
    const fs = await import('node:fs');
    const kernel = linuxKernel();
    kernel.syscall('getpid');
    fs.closeSync(0);
    const fd = kernel.syscall('memfd_create', 'x', 0);
    process.stdout.write(String(fd));`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  assert.ok(Number(run.stdout) > 2, run.stdout);
});

kernelTest('a failed call is a KernelError with call, errno and name', {}, () => {
  assert.throws(
    () => bpf(kernel, 'MAP_CREATE', { map_type: 9999 }),
    (error: unknown) => error instanceof KernelError && error.call === 'bpf(MAP_CREATE)' && error.errno === 22 && error.code === 'EINVAL',
  );
  assert.throws(() => kernel.close(99999), isCode('EBADF'));
  assert.throws(() => kernel.ioctl(99999, 0, 0), isCode('EBADF'));
  assert.throws(
    () => kernel.syscall('openat', -100, '/no/such/file', 0, 0),
    (error: unknown) => error instanceof KernelError && /\/no\/such\/file/.test(error.message),
  );
  assert.throws(() => kernel.readFile('/no/such/file'), isCode('ENOENT'));
  assert.throws(() => kernel.readdir('/proc/version'), isCode('ENOTDIR'));
  assert.throws(() => kernel.mmap(4096, 1, 1, 99999, 0), isCode('EBADF'));
  assert.throws(() => kernel.perfEventOpen(new Uint8Array(112), 0, -1, -1, 0), KernelError);
});

kernelTest('a mapping is the memory itself, and harmless after it was unmapped', {}, () =>
  leavesNothing(() => {
    const fd = bpf(kernel, 'MAP_CREATE', {
      map_type: MAP_TYPE.array,
      key_size: 4,
      value_size: 64,
      max_entries: 1,
      map_flags: 1024,
      map_name: 't_array',
    });
    const mapping = kernel.mmap(4096, 3, 1, fd, 0);
    const words = new Uint32Array(mapping.buffer);
    bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: fd, key: new Uint8Array(4), value: new Uint8Array(64).fill(7) });
    assert.equal(Atomics.load(words, 0), 0x07070707);
    Atomics.store(words, 1, 42);
    const value = new Uint8Array(64);
    bpf(kernel, 'MAP_LOOKUP_ELEM', { map_fd: fd, key: new Uint8Array(4), value });
    assert.equal(new DataView(value.buffer).getUint32(4, true), 42);
    mapping.unmap();
    mapping.unmap();
    kernel.close(fd);
    assert.equal(words[0], 0, 'a view that is left reads zeros');
    words[0] = 1;
  }),
);

kernelTest('opening and closing mappings leaves memory as it was', {}, () => {
  const mapped = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;
  const before = mapped();
  for (let i = 0; i < 5000; i++) {
    const mapping = kernel.mmap(65536, 3, 0x22, -1, 0);
    new Uint8Array(mapping.buffer)[0] = 1;
    mapping.unmap();
  }
  assert.ok(mapped() - before < 100, `${mapped() - before} mappings more`);
});

kernelTest('waiting: ready, time limit, abort, closed meanwhile; the event loop goes on', {}, async () => {
  const a = kernel.syscall('eventfd2', 0, 0o4000);
  const b = kernel.syscall('eventfd2', 0, 0o4000);
  const ring = (fd: number): void => void kernel.syscall('write', fd, new Uint8Array(new BigUint64Array([1n]).buffer), 8);
  const quiet = (fd: number): void => void kernel.syscall('read', fd, new Uint8Array(8), 8);
  assert.deepEqual(await kernel.wait([a, b], 20), []);
  let ticks = 0;
  // Nothing rings before the event loop has turned three times.
  const ticker = setInterval(() => ++ticks === 3 && ring(b), 5);
  assert.deepEqual(await kernel.wait([a, b], 60_000), [b]);
  clearInterval(ticker);
  ring(a);
  assert.deepEqual(await kernel.wait([a, b], 5000), [a, b], 'both, in the order asked');
  quiet(a);
  quiet(b);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 20);
  assert.deepEqual(await kernel.wait([a], -1, abort.signal), []);
  assert.deepEqual(await kernel.wait([a], -1, AbortSignal.abort()), []);
  // Two waits on the same descriptors, and one that is closed under them.
  const both = [kernel.wait([a], -1), kernel.wait([a], -1)];
  setTimeout(ring, 20, a);
  assert.deepEqual(await Promise.all(both), [[a], [a]]);
  quiet(a);
  const orphan = kernel.wait([a, b], -1);
  kernel.close(a);
  assert.deepEqual(await orphan, []);
  kernel.close(b);
  await assert.rejects(kernel.wait([b], 10), isCode('EBADF'));
});

kernelTest('waiting costs no CPU', {}, async () => {
  const fd = kernel.syscall('eventfd2', 0, 0o4000);
  const before = process.cpuUsage();
  await kernel.wait([fd], 400);
  const used = process.cpuUsage(before);
  kernel.close(fd);
  // A spinning wait would use all of the 400 ms.
  assert.ok((used.user + used.system) / 1000 < 200, `${(used.user + used.system) / 1000} ms`);
});

kernelTest('facts of this kernel agree with other ways to ask', { btf: true, commands: ['uname'] }, () => {
  const release = spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim();
  assert.equal(facts.version.release, release);
  assert.equal(facts.kernelVersion >> 16, Number(release.split('.')[0]));
  assert.ok(facts.cpus <= facts.possibleCpus);
  assert.ok(facts.btf);
  assert.notEqual(facts.btf.find('task_struct', 'struct'), undefined);
  assert.equal(facts.kconfig('BPF_SYSCALL'), 'y');
  const format = facts.tracepointFormat('sched', 'sched_switch');
  assert.match(format ?? '', /field:char prev_comm/);
  assert.equal(facts.tracepointFormat('sched', 'no_such_event'), undefined);
  assert.equal(facts.similarTracepoints('sched', 'sched_swich')[0], 'sched:sched_switch');
});

kernelTest('tracefs: the one that is mounted, or a private one that is visible to no one else', {}, () => {
  const path = tracefsPath(kernel);
  const mounts = readFileSync('/proc/mounts', 'utf8');
  // Where it is mounted for all, that one is taken.
  if (path.startsWith('/proc/self/fd/')) assert.doesNotMatch(mounts, /tracefs/);
  else assert.ok(mounts.includes(` ${path} tracefs `), `${path}\n${mounts}`);
  assert.ok(kernel.exists(`${path}/events/sched/sched_switch/id`));
});

kernelTest('files: whole reads, appends', {}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-files-'));
  try {
    const path = join(folder, 'a');
    writeFileSync(path, 'x'.repeat(100_000));
    assert.equal(kernel.readFile(path).length, 100_000);
    kernel.writeFile(path, 'one');
    kernel.writeFile(path, ' two', true);
    assert.equal(readFileSync(path, 'utf8'), 'one two');
    assert.deepEqual(kernel.readdir(folder), ['a']);
    const fd = openSync(path, 'r');
    const bytes = new Uint8Array(3);
    assert.equal(kernel.syscall('pread64', fd, bytes, 3, 4), 3);
    assert.equal(new TextDecoder().decode(bytes), 'two');
    closeSync(fd);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

kernelTest('info of a map', {}, () =>
  leavesNothing(() => {
    const fd = bpf(kernel, 'MAP_CREATE', {
      map_type: MAP_TYPE.hash,
      key_size: 4,
      value_size: 24,
      max_entries: 77,
      map_flags: 1,
      map_name: 't_hash',
    });
    const info = mapInfo(kernel, fd);
    kernel.close(fd);
    assert.equal(info.name, 't_hash');
    assert.deepEqual([info.type, info.key_size, info.value_size, info.max_entries, info.map_flags], [1, 4, 24, 77, 1]);
  }),
);
