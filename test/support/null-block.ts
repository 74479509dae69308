/** A block device of a test's own, with a known time for every request: null_blk by configfs. Guests only. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';

const CONFIG = '/sys/kernel/config';

export interface NullBlock {
  readonly name: string;
  /** '/dev/nullb1' */
  readonly path: string;
  readonly remove: () => void;
}

/** 256 MiB in memory; requests complete `delayMs` after they were issued, and no scheduler holds them back. */
export function nullBlock(folder: string, delayMs: number): NullBlock {
  if (!existsSync(`${CONFIG}/nullb`)) execFileSync('mount', ['-t', 'configfs', 'none', CONFIG]);
  const before = new Set(readdirSync('/sys/block'));
  const at = `${CONFIG}/nullb/${folder}`;
  mkdirSync(at);
  const set = (attribute: string, value: string | number) => writeFileSync(`${at}/${attribute}`, String(value));
  set('size', 256);
  set('blocksize', 512);
  set('submit_queues', 1);
  set('memory_backed', 1);
  // Completed by a timer.
  set('irqmode', 2);
  set('completion_nsec', delayMs * 1_000_000);
  set('power', 1);
  // Named 'nullb1', or on newer kernels after the folder.
  const name = readdirSync('/sys/block').find((disk) => !before.has(disk));
  if (name === undefined) throw new Error(`no new null block device among ${readdirSync('/sys/block').join(' ')}`);
  writeFileSync(`/sys/block/${name}/queue/scheduler`, 'none');
  const path = `/dev/${name}`;
  if (!existsSync(path)) throw new Error(`${path} did not come`);
  return {
    name,
    path,
    remove: () => {
      set('power', 0);
      rmdirSync(at);
    },
  };
}
