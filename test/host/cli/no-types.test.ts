/** A kernel without type information, as this one looks in a mount namespace of its own: the missing feature is named. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { inFolder } from '../../support/skep.ts';

const BTF = '/sys/kernel/btf';

kernelTest('no BTF, an empty and a damaged one', {}, () => {
  inFolder({ empty: '', noise: 'this is no type information, and long enough for a header of it' }, ({ path }) => {
    const under = (mount: string, ...words: string[]) =>
      spawnSync(
        'unshare',
        ['-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh', process.execPath, join(root, 'dist', 'cli', 'skep.js'), ...words],
        {
          encoding: 'utf8',
          // What an earlier start has compiled needs no types any more.
          env: { ...process.env, SKEP_NO_CACHE: '1' },
        },
      );
    const none = `mount -t tmpfs none ${BTF}`;
    for (const words of [
      ['sockex1', 'lo', '1'],
      ['opensnoop', '--pid', `${process.pid}`, '--duration', '1'],
    ]) {
      const { status, stderr } = under(none, ...words);
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        new RegExp(`^skep: this kernel has no type information .BTF.: there is no ${BTF}/vmlinux, and ${words[0]} reads`),
      );
    }
    for (const file of ['empty', 'noise']) {
      const { status, stderr } = under(`mount --bind ${path}/${file} ${BTF}/vmlinux`, 'sockex1', 'lo', '1');
      assert.equal(status, 1, stderr);
      assert.match(stderr, /^skep: this kernel has no usable type information \(BTF\): \/sys\/kernel\/btf\/vmlinux is damaged/);
    }
  });
});
