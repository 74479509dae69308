/** A file system of ext4 on a loop device. Guests only. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ext4 {
  readonly folder: string;
  readonly remove: () => void;
}

export function ext4(mebibytes = 64): Ext4 {
  const at = mkdtempSync(join(tmpdir(), 'skep-ext4-'));
  const image = join(at, 'image');
  const folder = join(at, 'mnt');
  execFileSync('truncate', ['-s', `${mebibytes}M`, image]);
  execFileSync('mkfs.ext4', ['-q', '-O', '^has_journal', image]);
  execFileSync('mkdir', [folder]);
  execFileSync('mount', ['-o', 'loop,noatime', image, folder]);
  return {
    folder,
    remove: () => {
      execFileSync('umount', [folder]);
      rmSync(at, { recursive: true });
    },
  };
}
