/** Names of addresses of processes: the process itself says what is where. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ElfFile } from '../../../src/elf/index.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { debugSymbols } from '../../../src/symbols/debug-files.ts';
import { FileSource } from '../../../src/symbols/file-source.ts';
import { type Frame, frameText } from '../../../src/symbols/frame.ts';
import { Image } from '../../../src/symbols/image.ts';
import { atOnce, inSlices } from '../../../src/symbols/sliced.ts';
import { Symbols } from '../../../src/symbols/symbols.ts';
import { compileC, type Running, start, workFolder } from '../../support/symbol-victim.ts';

const has = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
const skip = process.platform !== 'linux' ? 'needs Linux' : has('gcc', '--version') ? false : 'needs gcc';
const folder = workFolder();
let program: string;
before(() => {
  if (skip === false) program = compileC(folder.path, 'program');
});
after(() => folder.remove());

const OWN = ['visible_function', 'hidden_function', 'gives_up', 'main'];
const LIBC = ['getpid', 'qsort', 'puts', 'getpriority'];
/** libc has several names for some functions; any of them is right. */
const plain = (name: string | undefined) => name?.replace(/^_+(?:GI_+|libc_|IO_)?|^_IO_/, '');

async function withProcess(path: string, use: (running: Running, symbols: Symbols) => Promise<void> | void): Promise<void> {
  const running = await start(path);
  const symbols = new Symbols(linuxKernel());
  try {
    await use(running, symbols);
  } finally {
    symbols.close();
    await running.end();
  }
}

function frameOf(symbols: Symbols, { addresses, pid }: Running, name: string, offset = 0n): Frame {
  return symbols.userFrame((addresses.get(name) as bigint) + offset, pid);
}

for (const [what, flags] of [
  ['position independent', ['-pie', '-fPIE']],
  ['at fixed addresses', ['-no-pie']],
  ['with segments apart from their offsets', ['-pie', '-fPIE', '-Wl,-z,separate-code', '-Wl,-z,max-page-size=0x200000']],
] as const) {
  test(`a program ${what}: its functions and libc's`, { skip }, async () => {
    const path = compileC(folder.path, 'variant', undefined, flags);
    await withProcess(path, (running, symbols) => {
      for (const name of OWN) {
        const frame = frameOf(symbols, running, name, 3n);
        assert.deepEqual([frame.name, frame.offset, frame.module], [name, 3, path]);
      }
      for (const name of LIBC) {
        const frame = frameOf(symbols, running, name, 1n);
        assert.equal(plain(frame.name), name);
        assert.equal(frame.offset, 1);
        assert.match(frame.module ?? '', /libc/);
      }
      assert.equal(frameText(frameOf(symbols, running, 'main', 0x1an), { showModule: true, showOffset: true }), 'main+0x1a [variant]');
      assert.equal(frameText(symbols.userFrame(16n, running.pid), { showModule: true, showOffset: true }), '[unknown]');
    });
  });
}

test('the vdso has names, read from the process', { skip }, async () => {
  await withProcess(program, (running, symbols) => {
    const base = running.addresses.get('vdso') as bigint;
    const found = new Set<string>();
    for (let at = base; at < base + 0x1800n; at += 16n) {
      const frame = symbols.userFrame(at, running.pid);
      if (frame.name !== undefined) found.add(frame.name);
    }
    assert.ok(
      [...found].some((name) => /clock_gettime$/.test(name)),
      [...found].join(),
    );
  });
});

test('an address that a call returns to belongs to the caller, at the end of a function too', { skip }, async () => {
  await withProcess(program, (running, symbols) => {
    const start = running.addresses.get('gives_up') as bigint;
    const size = BigInt(`0x${/^[0-9a-f]+ ([0-9a-f]+) T gives_up$/m.exec(execFileSync('nm', ['-S', program]).toString())?.[1]}`);
    const frame = symbols.userFrame(start + size, running.pid, { caller: true });
    assert.deepEqual([frame.name, frame.offset], ['gives_up', Number(size)]);
    assert.notEqual(symbols.userFrame(start + size, running.pid).name, 'gives_up');
  });
});

test('stripped: exported names stay, with a debug link all come back; a wrong checksum does not count', { skip }, async () => {
  const stripped = join(folder.path, 'stripped');
  const debug = `${stripped}.debug`;
  const make = (link: boolean) => {
    rmSync(stripped, { force: true });
    copyFileSync(program, stripped);
    execFileSync('objcopy', ['--only-keep-debug', program, debug]);
    execFileSync('objcopy', [
      '--strip-all',
      '--remove-section=.note.gnu.build-id',
      ...(link ? [`--add-gnu-debuglink=${debug}`] : []),
      stripped,
    ]);
  };
  make(false);
  await withProcess(stripped, (running, symbols) => {
    const frame = frameOf(symbols, running, 'hidden_function');
    assert.deepEqual([frame.name, frame.module], [undefined, stripped]);
    assert.equal(frameText(frame, { showModule: true }), '[unknown] [stripped]');
  });
  make(true);
  await withProcess(stripped, (running, symbols) => {
    assert.equal(frameOf(symbols, running, 'hidden_function').name, 'hidden_function');
  });
  make(true);
  mkdirSync(join(folder.path, '.debug'), { recursive: true });
  renameSync(debug, join(folder.path, '.debug', 'stripped.debug'));
  await withProcess(stripped, async (running, symbols) => {
    await symbols.prepare(running.pid);
    assert.equal(frameOf(symbols, running, 'hidden_function').name, 'hidden_function');
  });
  writeFileSync(join(folder.path, '.debug', 'stripped.debug'), Buffer.concat([readFileSync(program), Buffer.from('!')]));
  await withProcess(stripped, (running, symbols) => {
    assert.equal(frameOf(symbols, running, 'hidden_function').name, undefined);
  });
  rmSync(join(folder.path, '.debug'), { recursive: true });
});

test('debug files by build id: found below a root, and only with the same id', { skip }, () => {
  const stripped = join(folder.path, 'by-id');
  const id = /Build ID: ([0-9a-f]+)/.exec(execFileSync('readelf', ['-n', program]).toString())?.[1] as string;
  execFileSync('objcopy', ['--strip-all', program, stripped]);
  const place = join(folder.path, 'root/usr/lib/debug/.build-id', id.slice(0, 2));
  mkdirSync(place, { recursive: true });
  execFileSync('objcopy', ['--only-keep-debug', program, join(place, `${id.slice(2)}.debug`)]);
  const load = () => atOnce(debugSymbols(new ElfFile(readFileSync(stripped)), stripped, [join(folder.path, 'root'), '']));
  const names = load().tables.flatMap((table) => [...table].map((s) => s.name));
  assert.ok(names.includes('hidden_function'));
  writeFileSync(join(place, `${id.slice(2)}.debug`), readFileSync('/bin/ls'));
  assert.deepEqual(load().tables, []);
});

test('mini debug info: there after preparing, not an error before; broken or cut off it is nothing', {
  skip: skip || (has('xz', '--version') ? false : 'needs xz'),
}, async () => {
  const mini = join(folder.path, 'mini');
  const data = join(folder.path, 'mini.debug');
  const make = (change: (packed: Buffer) => Buffer) => {
    execFileSync('objcopy', ['--strip-debug', program, data]);
    execFileSync('xz', ['-kf', data]);
    writeFileSync(`${data}.xz`, change(readFileSync(`${data}.xz`)));
    execFileSync('objcopy', ['--strip-all', `--add-section=.gnu_debugdata=${data}.xz`, program, mini]);
  };
  make((packed) => packed);
  await withProcess(mini, async (running, symbols) => {
    assert.equal(frameOf(symbols, running, 'hidden_function').name, undefined);
    await symbols.prepare(running.pid);
    assert.equal(frameOf(symbols, running, 'hidden_function').name, 'hidden_function');
    assert.equal(plain(frameOf(symbols, running, 'qsort').name), 'qsort');
  });
  for (const change of [
    (packed: Buffer) => packed.subarray(0, packed.length >> 1),
    (packed: Buffer) => packed.subarray(0, 20),
    () => Buffer.alloc(0),
    (packed: Buffer) => {
      packed.fill(0x5a, 40, 60);
      return packed;
    },
  ]) {
    make(change);
    const image = await inSlices(Image.load(new ElfFile(readFileSync(mini)), mini, []));
    assert.equal(image.partial, false);
  }
});

test('a program that was deleted or replaced while it runs', {
  skip: skip || (process.getuid?.() === 0 ? false : 'needs root'),
}, async () => {
  const path = join(folder.path, 'goes');
  copyFileSync(program, path);
  execFileSync('chmod', ['755', path]);
  await withProcess(path, (running, symbols) => {
    unlinkSync(path);
    // Another program under the same name must not be taken for it.
    copyFileSync('/bin/ls', path);
    assert.equal(frameOf(symbols, running, 'hidden_function').name, 'hidden_function');
  });
});

test('a process that ended before anybody looked: seen in time it has names, else not', { skip }, async () => {
  const symbols = new Symbols(linuxKernel());
  const [seen, unseen] = [await start(program), await start(program)];
  assert.equal(symbols.see(seen.pid), true);
  await seen.end();
  await unseen.end();
  assert.equal(frameOf(symbols, seen, 'hidden_function').name, 'hidden_function');
  assert.equal(plain(frameOf(symbols, seen, 'qsort').name), 'qsort');
  assert.equal(symbols.see(unseen.pid), false);
  assert.equal(frameText(frameOf(symbols, unseen, 'hidden_function'), { showModule: true, showOffset: true }), '[unknown]');
  symbols.close();
});

test('a process that runs another program now has its names, and those of the one before', { skip }, async () => {
  const other = compileC(
    folder.path,
    'other',
    `#include <stdio.h>\n#include <unistd.h>\nint after_exec(void) { return 1; }\nint main(void) { printf("after_exec %p\\ndone 0\\n", (void *)after_exec); fflush(stdout); char c; while (read(0, &c, 1) > 0) { } return 0; }`,
    ['-no-pie'],
  );
  const first = compileC(folder.path, 'first', undefined, ['-no-pie']);
  const running = await start(first, ['exec', other]);
  const symbols = new Symbols(linuxKernel());
  const address = (file: string, name: string) =>
    BigInt(`0x${new RegExp(`^([0-9a-f]+) [tT] ${name}$`, 'm').exec(execFileSync('nm', [file]).toString())?.[1]}`);
  assert.equal(symbols.userFrame(address(first, 'hidden_function'), running.pid).name, 'hidden_function');
  // Each program has a perf map of its own.
  const perfMap = `/tmp/perf-${running.pid}.map`;
  writeFileSync(perfMap, '7000 100 of_the_first\n9000 100 only_of_the_first\n');
  const before = new Symbols(linuxKernel());
  assert.equal(before.userFrame(0x7000n, running.pid).name, 'of_the_first');
  rmSync(perfMap);
  writeFileSync(perfMap, '7000 100 of_the_second\n');
  running.child.stdin?.write('\n');
  const deadline = Date.now() + 60_000;
  while (symbols.userFrame(address(other, 'after_exec'), running.pid).name !== 'after_exec') {
    assert.ok(Date.now() < deadline, 'the new program never got its names');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.deepEqual(
    [0x7000n, 0x9000n].map((at) => before.userFrame(at, running.pid).name),
    ['of_the_second', 'only_of_the_first'],
  );
  before.close();
  rmSync(perfMap);
  symbols.close();
  await running.end();
});

test('a library that was unloaded since keeps its names', { skip }, async () => {
  compileC(folder.path, 'libgone.so', 'int goes_away(int x) { return x + 1; }', ['-shared', '-fPIC']);
  const source = `#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
  void *lib = dlopen(argv[1], RTLD_NOW); if (!lib) return 1;
  printf("goes_away %p\\ndone 0\\n", dlsym(lib, "goes_away")); fflush(stdout);
  char c; if (read(0, &c, 1) < 0) return 1;
  dlclose(lib); puts("closed"); fflush(stdout);
  while (read(0, &c, 1) > 0) { } return argc == 7; }`;
  const running = await start(compileC(folder.path, 'loader', source), [join(folder.path, 'libgone.so')]);
  const symbols = new Symbols(linuxKernel());
  assert.equal(symbols.see(running.pid), true);
  running.child.stdin?.write('\n');
  const deadline = Date.now() + 60_000;
  while (readFileSync(`/proc/${running.pid}/maps`, 'latin1').includes('libgone')) {
    assert.ok(Date.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 150));
  // An address in nothing has the mappings read again.
  assert.equal(symbols.userFrame(16n, running.pid).name, undefined);
  assert.equal(frameOf(symbols, running, 'goes_away').name, 'goes_away');
  symbols.close();
  await running.end();
});

test('names of libc agree with nm, at every function that it exports', {
  skip: skip || (has('nm', '--version') ? false : 'needs nm'),
}, () => {
  const libc = /=> (\S*libc\.so\.6)/.exec(execFileSync('ldd', [program]).toString())?.[1] as string;
  const source = FileSource.tryOpen(libc) as FileSource;
  const image = atOnce(Image.load(new ElfFile(source), libc, ['']));
  source.close();
  const names = new Map<number, Set<string>>();
  for (const [, start = '', , type, name = ''] of execFileSync('nm', ['-D', '-S', '--defined-only', libc])
    .toString()
    .matchAll(/^([0-9a-f]+) ([0-9a-f]+) (\w) ([^@\n]+)/gm))
    if (/[TtWi]/.test(type ?? '')) names.set(Number.parseInt(start, 16), (names.get(Number.parseInt(start, 16)) ?? new Set()).add(name));
  assert.ok(names.size > 1000);
  for (const [start, all] of names) {
    const found = image.findAddress(start);
    assert.ok(found?.offset === 0, `${start.toString(16)}: ${[...all]} is called ${found?.name}`);
  }
  // Where nm knows one name only, and there is no separate debug file with more, it is that one.
  const single = [...names].filter(([, all]) => all.size === 1);
  const same = single.filter(([start, all]) => all.has(image.findAddress(start)?.name ?? '')).length;
  assert.ok(same / single.length > 0.9, `${same} of ${single.length}`);
  assert.equal(statSync(libc).isFile(), true);
});
