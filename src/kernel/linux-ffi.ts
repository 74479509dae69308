/**
 * The FFI library, loaded when the first call needs it.
 *
 * koffi's own entry module tries several layouts and wraps deprecated functions: about 10 ms, a sixth of an empty Node
 * process. Its binary alone takes 2, so that is looked for first where npm puts it, and checked for what is used here;
 * anything unusual (other package managers, musl, a bundle) goes the ordinary way.
 */
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of koffi that is used. */
export interface Ffi {
  /** libc's syscall(2): -1 on failure. Pointers go in as addresses. */
  readonly syscall: (nr: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word) => number;
  errno(): number;
  address(buffer: ArrayBufferView): bigint;
  view(address: number, length: number): ArrayBuffer;
  /** Watches a descriptor in the event loop. Call `stop` first thing in the callback: it is level-triggered. */
  poll(fd: number, callback: () => void): PollHandle;
}
export type Word = number | bigint;

export interface PollHandle {
  start(options: { readonly readable: boolean }, callback: () => void): void;
  stop(): void;
  close(): void;
}

/**
 * For dlopen(3); Node has no name for it, and it is the same number with every libc. Node unloads what a worker thread
 * loaded when the thread ends, and goes on to call what the library left in the event loop.
 */
const RTLD_NODELETE = 0x1000;

interface Koffi {
  load(path: null): { func(name: string, result: string, args: readonly string[]): Ffi['syscall'] };
  errno(): number;
  address(buffer: ArrayBufferView): bigint;
  view(address: number, length: number): ArrayBuffer;
  readonly node: { poll(fd: number, options: { readonly readable: boolean }, callback: () => void): PollHandle };
}

interface Dlopen {
  load(path: null): { func(name: 'dlopen', result: string, args: readonly string[]): (path: string, flags: number) => unknown };
}

let ffi: Ffi | undefined;

/** Told of every system call that did not fail, with its number. */
export type SyscallObserver = (nr: number, args: readonly Word[], result: number) => void;

/** For tests that look for what stays open: from the first call on, `observe` sees them all. Loads the library. */
export function observeSyscalls(observe: SyscallObserver): void {
  const plain = loadFfi();
  ffi = {
    ...plain,
    syscall: (nr, ...args) => {
      const result = plain.syscall(nr, ...args);
      // errno of a failed call is still to be read: nothing may come between.
      if (result !== -1) observe(nr, args, result);
      return result;
    },
  };
}

export function loadFfi(): Ffi {
  if (ffi !== undefined) return ffi;
  const koffi = nativeKoffi() ?? packagedKoffi();
  const syscall = koffi
    .load(null)
    .func('syscall', 'long', ['long', 'intptr_t', 'intptr_t', 'intptr_t', 'intptr_t', 'intptr_t', 'intptr_t']);
  ffi = {
    syscall,
    errno: () => koffi.errno(),
    address: (buffer) => koffi.address(buffer),
    view: (address, length) => koffi.view(address, length),
    poll: (fd, callback) => koffi.node.poll(fd, { readable: true }, callback),
  };
  return ffi;
}

function nativeKoffi(): Koffi | undefined {
  const binary = join('node_modules', '@koromix', `koffi-linux-${process.arch}`, `linux_${process.arch}`, 'koffi.node');
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, binary);
    if (existsSync(path)) {
      const module: { exports: Partial<Koffi> } = { exports: {} };
      try {
        process.dlopen(module, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
      } catch {
        return undefined;
      }
      const { load, errno, address, view, node } = module.exports;
      return load && errno && address && view && node ? { load, errno, address, view, node } : undefined;
    }
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

function packagedKoffi(): Koffi {
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
  const koffi = require('koffi') as Koffi;
  const path = /\S+\/koffi\.node$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
  if (path !== undefined)
    (koffi as unknown as Dlopen).load(null).func('dlopen', 'void *', ['str', 'int'])(path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  return koffi;
}
