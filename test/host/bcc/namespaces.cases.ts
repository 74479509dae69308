/** A process that sees other files, under another number: its binaries, its perf map, probes by the paths that it sees. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BPF } from '../../../src/bcc/bpf.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { findBinary } from '../../../src/symbols/find-binary.ts';
import { Symbols } from '../../../src/symbols/symbols.ts';
import { kernelTest } from '../../run/needs.ts';
import { compileC, workFolder } from '../../support/symbol-victim.ts';

const SOURCE = `
#include <stdio.h>
#include <unistd.h>
volatile int sink;
__attribute__((noinline)) int inside_function(int x) { sink = x; return x + 1; }
int main(void) {
  char path[64]; snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
  FILE *f = fopen(path, "w"); if (!f) return 5;
  fprintf(f, "7000 100 JS:*inside /app/x.js:1\\n"); fclose(f);
  printf("inside_function %p\\npid %#x\\ndone 0\\n", (void *)inside_function, getpid()); fflush(stdout);
  char c; int sum = 0;
  while (read(0, &c, 1) > 0) sum = inside_function(sum);
  return 0;
}
`;

kernelTest('another mount and pid namespace', { uprobes: true, commands: ['gcc', 'unshare', 'mount'] }, async () => {
  const folder = workFolder();
  const program = compileC(folder.path, 'inside', SOURCE);
  const tmp = join(folder.path, 'tmp');
  mkdirSync(tmp);
  const script = `mount -t tmpfs none /mnt && cp ${program} /mnt/inside && mount --bind ${tmp} /tmp && exec /mnt/inside`;
  const child = spawn('unshare', ['--mount', '--pid', '--fork', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const symbols = new Symbols(linuxKernel());
  try {
    const said = new Map<string, bigint>();
    for await (const line of createInterface(child.stdout)) {
      const [name = '', value = '0'] = line.split(' ');
      if (name === 'done') break;
      said.set(name, BigInt(value));
    }
    const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').trim().split(' ')[0]);
    assert.equal(said.get('pid'), 1n);
    assert.notEqual(pid, 1);
    const frame = symbols.userFrame(said.get('inside_function') as bigint, pid);
    assert.deepEqual([frame.name, frame.module], ['inside_function', '/mnt/inside']);
    assert.deepEqual(
      { ...symbols.userFrame(0x7010n, pid) },
      { address: 0x7010n, name: 'JS:*inside /app/x.js:1', offset: 0x10, module: '/tmp/perf-1.map' },
    );
    assert.equal(findBinary('/mnt/inside', pid).path, `/proc/${pid}/root/mnt/inside`);
    assert.throws(() => findBinary('/mnt/inside'), /there is no file/);

    using b = await BPF.load({ text: 'BPF_ARRAY(counts, u64, 1); int hit(void *ctx) { u32 k = 0; counts.increment(k); return 0; }' });
    b.attachUprobe({ name: '/mnt/inside', sym: 'inside_function', pid }, 'hit');
    child.stdin.write('12345');
    const deadline = Date.now() + 60_000;
    while (b.map<number, bigint>('counts').get(0) !== 5n) {
      assert.ok(Date.now() < deadline, `${b.map<number, bigint>('counts').get(0)} hits`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    symbols.close();
    child.stdin.end();
    await exited;
    folder.remove();
  }
});
