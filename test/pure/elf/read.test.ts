/** The ELF reader against llvm-readelf, over objects of several machines and real executables. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { type ByteSource, ElfError, ElfFile, type ElfSymbols, SHT, usdtProbes } from '../../../src/elf/index.ts';
import { CLANG, compile, compileBpf, onFile, run, toolTest } from '../object/clang.ts';

const READELF = 'llvm-readelf-19';
const TOOLS = { commands: [CLANG, READELF] };

interface Valued {
  readonly Name: string;
  readonly Value: number;
}
interface Sym {
  readonly Symbol: {
    readonly Name: Valued;
    readonly Value: number;
    readonly Size: number;
    readonly Binding: Valued;
    readonly Type: Valued;
    readonly Section: Valued;
  };
}
interface Readelf {
  readonly ElfHeader: {
    readonly Type: string;
    readonly Machine: Valued;
    readonly Entry: number;
    readonly Flags: { readonly Value: number };
  };
  readonly Sections: readonly {
    readonly Section: Readonly<Record<string, number>> & { readonly Name: Valued; readonly Type: Valued; readonly Flags: Valued };
  }[];
  readonly ProgramHeaders: readonly {
    readonly ProgramHeader: Readonly<Record<string, number>> & { readonly Type: Valued; readonly Flags: Valued };
  }[];
  readonly Symbols: readonly Sym[];
  readonly DynamicSymbols: readonly Sym[];
  readonly Relocations: readonly {
    readonly SectionIndex: number;
    readonly Relocs: readonly {
      readonly Relocation: { readonly Offset: number; readonly Type: Valued; readonly Symbol: Valued; readonly Addend?: number };
    }[];
  }[];
}

function readelf(path: string, ...flags: string[]): Readelf {
  return (JSON.parse(run(READELF, ['--elf-output-style=JSON', ...flags, path])) as Readelf[])[0];
}

/** Numbers of 64 bits are rounded in JSON; so they are compared rounded. */
function compare(elf: ElfFile, want: Readelf): void {
  assert.equal(elf.machine, want.ElfHeader.Machine.Value);
  assert.equal(Number(elf.entry), want.ElfHeader.Entry);
  assert.equal(elf.flags, want.ElfHeader.Flags.Value);
  assert.deepEqual(
    elf.sections.map((s) => [s.name, s.type, s.flags, Number(s.address), s.offset, s.size, s.link, s.info, s.align, s.entrySize]),
    want.Sections.map(({ Section: s }) => [
      s.Name.Name,
      s.Type.Value,
      s.Flags.Value,
      s['Address'],
      s['Offset'],
      s['Size'],
      s['Link'],
      s['Info'],
      s['AddressAlignment'],
      s['EntrySize'],
    ]),
  );
  assert.deepEqual(
    elf.segments.map((s) => [s.type, s.flags, s.offset, Number(s.address), s.fileSize, Number(s.memorySize), Number(s.align)]),
    want.ProgramHeaders.map(({ ProgramHeader: p }) => [
      p.Type.Value,
      p.Flags.Value,
      p['Offset'],
      p['VirtualAddress'],
      p['FileSize'],
      p['MemSize'],
      p['Alignment'],
    ]),
  );
  const tables = [elf.section('.symtab'), elf.section('.dynsym')].filter((s) => s !== undefined);
  assert.ok(tables.length > 0);
  for (const table of tables) compareSymbols(elf, elf.symbols(table), table.name === '.symtab' ? want.Symbols : want.DynamicSymbols);
  for (const { SectionIndex, Relocs } of want.Relocations) {
    const section = elf.sections[SectionIndex];
    // RELR, a packed list of places without symbols, is no concern of this reader.
    if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
    assert.deepEqual(
      elf
        .relocations(section)
        .map((r) => [
          r.offset,
          r.type,
          r.symbol === 0 ? '-' : nameOf(elf, r.symbol, section.link),
          r.addend === undefined ? undefined : Number(BigInt.asUintN(64, r.addend)),
        ]),
      Relocs.map(({ Relocation: r }) => [
        r.Offset,
        r.Type.Value,
        r.Symbol.Name.split('@')[0],
        r.Addend !== undefined && r.Addend < 0 ? r.Addend + 2 ** 64 : r.Addend,
      ]),
    );
  }
}

function compareSymbols(elf: ElfFile, symbols: ElfSymbols, want: readonly Sym[]): void {
  assert.equal(symbols.length, want.length);
  const columns = symbols.columns();
  for (const [i, { Symbol: w }] of want.entries()) {
    const got = symbols.at(i);
    assert.ok(got);
    // readelf calls section symbols by their section, and adds versions to names.
    const name = got.type === 3 ? (elf.sections[got.section]?.name ?? '') : got.name;
    assert.equal(name.split('@')[0], w.Name.Name.split('@')[0]);
    assert.deepEqual(
      [Number(got.value), Number(got.size), got.binding, got.type, got.section],
      [w.Value, w.Size, w.Binding.Value, w.Type.Value, w.Section.Value],
      w.Name.Name,
    );
    assert.deepEqual(
      [columns.values[i], columns.sizes[i], columns.types[i], columns.bindings[i], columns.sections[i]],
      [Number(got.value), Number(got.size), got.type, got.binding, got.section],
    );
    assert.equal(symbols.strings.at(columns.names[i]), got.name);
  }
}

function nameOf(elf: ElfFile, symbol: number, table: number): string {
  const found = elf.symbols(elf.sections[table]).at(symbol);
  assert.ok(found);
  return found.type === 3 ? elf.sections[found.section].name : found.name;
}

const SOURCE = `
int global = 3; static int local; extern int outside; int __attribute__((weak)) weak(int a) { return a + global + local; }
static char text[300] = "x"; __attribute__((section("my section"), used)) int odd[7];
int call(void) { local = outside; text[local]++; return weak(4); }`;

for (const target of ['i386', 'armv7-linux-gnueabi', 'aarch64', 'mips-linux', 'powerpc64', 's390x', 'riscv32', 'x86_64', 'bpf']) {
  toolTest(`object for ${target}`, TOOLS, () => {
    const bytes = compile(SOURCE, ['-target', target, '-O1']);
    onFile(bytes, (path) => {
      compare(new ElfFile(bytes), readelf(path, '-h', '-S', '-l', '-s', '--dyn-syms', '-r'));
      return '';
    });
  });
}

class FileSource implements ByteSource {
  readonly fd: number;
  readonly size: number;
  bytesRead = 0;

  constructor(path: string) {
    this.fd = openSync(path, 'r');
    this.size = fstatSync(this.fd).size;
  }

  read(offset: number, length: number): Uint8Array {
    const buffer = new Uint8Array(length);
    const count = readSync(this.fd, buffer, 0, length, offset);
    this.bytesRead += count;
    return buffer.subarray(0, count);
  }
}

for (const path of [process.execPath, '/lib/x86_64-linux-gnu/libc.so.6', '/usr/bin/clang-19'].filter((p) => existsSync(p))) {
  toolTest(`${path}, read by ranges`, TOOLS, () => {
    const source = new FileSource(path);
    try {
      const elf = new ElfFile(source);
      assert.ok(source.bytesRead < 64 * 1024, `headers alone took ${source.bytesRead} bytes`);
      compare(elf, readelf(path, '-h', '-S', '-l', '-s', '--dyn-syms', '-r'));
      const text = run(READELF, ['-n', path]);
      assert.equal(elf.buildId(), /Build ID: (\w+)/.exec(text)?.[1]);
      const code = elf.segments.find((s) => s.type === 1 && (s.flags & 1) !== 0);
      assert.ok(code);
      assert.equal(elf.fileOffset(code.address + 5n), BigInt(code.offset) + 5n);
      assert.equal(elf.fileOffset(0xffff_ffff_0000_0000n), undefined);
    } finally {
      closeSync(source.fd);
    }
  });
}

toolTest('USDT notes and a debug link', { commands: [CLANG, 'llvm-objcopy-19', 'readelf'] }, () => {
  // What <sys/sdt.h> leaves behind, with a marker that has moved by 16.
  const bytes = compile(
    `__asm__(".pushsection .note.stapsdt,\\"\\",\\"note\\"\\n.balign 4\\n.4byte 992f-991f,994f-993f,3\\n991: .asciz \\"stapsdt\\"\\n992: .balign 4\\n"
      "993: .8byte 0x1234\\n.8byte 0x10\\n.8byte 0x5678\\n.asciz \\"prov\\"\\n.asciz \\"probe\\"\\n.asciz \\"-4@%eax 8@-8(%rbp)\\"\\n994: .balign 4\\n.popsection");
     __asm__(".section .stapsdt.base,\\"aG\\",\\"progbits\\",.stapsdt.base,comdat\\n.space 1\\n");`,
    ['-target', 'x86_64'],
  );
  const elf = new ElfFile(bytes);
  assert.deepEqual(usdtProbes(elf), [
    { provider: 'prov', name: 'probe', arguments: '-4@%eax 8@-8(%rbp)', address: 0x1224n, semaphore: 0x5668n },
  ]);
  assert.match(
    onFile(bytes, (path) => run('readelf', ['-n', path])),
    /Provider: prov\s+Name: probe\s+Location: 0x0*1234, Base: 0x0*10, Semaphore: 0x0*5678\s+Arguments: -4@%eax 8@-8\(%rbp\)/,
  );
  onFile(bytes, (path) => {
    run('llvm-objcopy-19', [`--add-gnu-debuglink=${path}`, path, `${path}.2`]);
    const linked = new ElfFile(new Uint8Array(readFileSync(`${path}.2`)));
    // The CRC-32 of the file linked to.
    assert.deepEqual(linked.debugLink(), { file: 'file.o', crc: crc32(bytes) });
    return '';
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

test('what is no ELF is refused', () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(64),
    new TextEncoder().encode('\x7fELF but not really, no matter how long it is …'),
  ]) {
    assert.throws(() => new ElfFile(bytes), ElfError);
  }
});

toolTest('damaged files give errors, never crash or hang', TOOLS, () => {
  const original = compileBpf(SOURCE);
  let random = 12345;
  const next = (limit: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 8) % limit;
  };
  const started = performance.now();
  let read = 0;
  for (let round = 0; round < 3000; round++) {
    const bytes = original.slice(0, round % 10 === 0 ? next(original.length) : original.length);
    for (let i = next(6); i >= 0; i--) {
      // Half of the damage goes to headers, which say where everything is.
      const at = next(2) === 0 ? next(64) : bytes.length - 1 - next(Math.min(bytes.length, 1500));
      if (at >= 0 && at < bytes.length) bytes[at] = [0, 0xff, 0x7f, 0x80, next(256)][next(5)];
    }
    try {
      const elf = new ElfFile(bytes);
      for (const section of elf.sections) {
        if (section.type === SHT.SYMTAB) for (const symbol of elf.symbols(section)) read += symbol.name.length;
        else if (section.type === SHT.REL) read += elf.relocations(section).length;
        else read += elf.data(section).length;
      }
      elf.buildId();
      elf.debugLink();
      usdtProbes(elf);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
    }
  }
  assert.ok(read > 0);
  assert.ok(performance.now() - started < 20_000);
});
