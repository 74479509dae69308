/**
 * Loaded before a test file (`--import`): when the process ends, or the file where it is one of several in a process
 * (`group.ts`), descriptors and mappings that are still open are a failed test named `descriptors left open`.
 */
import fs, { readdirSync, readlinkSync, writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { observeSyscalls } from '../../src/kernel/linux-ffi.ts';
import { Descriptors } from './descriptors.ts';
import { LEFT_OPEN, MARK, type TestEvent } from './result.ts';

/** Kinds of descriptors that come only from what is tested: Node itself has none. */
const OURS = /^anon_inode:(bpf|\[perf_event\]|\[fscontext\]|btf)/;

Error.stackTraceLimit = 40;
const descriptors = new Descriptors();
const observer = descriptors.observer(process.arch);
if (observer !== undefined) observeSyscalls(observer);

const { openSync, closeSync } = fs;
fs.openSync = (...args) => {
  const fd = openSync(...args);
  descriptors.opened(fd, `file ${String(args[0])}`);
  return fd;
};
fs.closeSync = (fd) => {
  closeSync(fd);
  descriptors.closed(fd);
};
syncBuiltinESMExports();

/** Descriptors from before the test file: they came with the process, or were told of. */
let inherited = new Set(openNow().keys());

/** What is open that was not when it was last asked, or at the start: a text for each. */
export function leftOpen(): string[] {
  const now = openNow();
  const left = descriptors.left((fd) => now.has(fd));
  for (const [fd, target] of now)
    if (OURS.test(target) && !inherited.has(fd) && !descriptors.knows(fd)) left.push(`descriptor ${fd} (${target}), opened by other means`);
  descriptors.forget();
  inherited = new Set(now.keys());
  return left;
}

process.on('exit', () => {
  const left = leftOpen();
  if (left.length === 0) return;
  const event: TestEvent = { name: LEFT_OPEN, status: 'fail', ms: 0, error: left.join('\n') };
  writeSync(1, `${MARK}${JSON.stringify(event)}\n`);
});

function openNow(): Map<number, string> {
  const open = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      open.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return open;
}
