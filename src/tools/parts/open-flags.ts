/** Flags of open(2) by name, as this architecture numbers them (include/uapi/asm-generic/fcntl.h; arm64 differs in four). */
import { similar } from '../../compiler/did-you-mean.ts';
import { UsageError } from '../../kernel/errors.ts';

const arm = process.arch === 'arm64';
const O_DIRECTORY = arm ? 0o40000 : 0o200000;

export const OPEN_FLAGS = {
  O_WRONLY: 0o1,
  O_RDWR: 0o2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_NDELAY: 0o4000,
  O_DSYNC: 0o10000,
  O_ASYNC: 0o20000,
  O_DIRECT: arm ? 0o200000 : 0o40000,
  O_LARGEFILE: arm ? 0o400000 : 0o100000,
  O_DIRECTORY,
  O_NOFOLLOW: arm ? 0o100000 : 0o400000,
  O_NOATIME: 0o1000000,
  O_CLOEXEC: 0o2000000,
  O_SYNC: 0o4010000,
  O_RSYNC: 0o4010000,
  O_PATH: 0o10000000,
  O_TMPFILE: 0o20000000 | O_DIRECTORY,
} as const;

/** The bits of some flags together. Throws `UsageError`. */
export function openFlagMask(names: readonly string[]): number {
  let mask = 0;
  for (const name of names) {
    if (name === 'O_RDONLY')
      throw new UsageError('--flag_filter: O_RDONLY is no bit, it is the lack of O_WRONLY and O_RDWR', [], 'look for other flags');
    if (!Object.hasOwn(OPEN_FLAGS, name))
      throw new UsageError(`--flag_filter: there is no flag '${name}'`, similar(name.toUpperCase(), Object.keys(OPEN_FLAGS)));
    mask |= OPEN_FLAGS[name as keyof typeof OPEN_FLAGS];
  }
  return mask;
}
