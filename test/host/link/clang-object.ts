/**
 * A function of an object that clang made, as `ObjectSpec` has it: enough of an ELF reader for tests of the linker, so
 * that they do not depend on `object/read`. One program, no maps; calls between functions are resolved by clang within
 * `.text`-less objects.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExt } from '../../../src/btf/ext.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import { BtfBuilder } from '../../../src/btf/write.ts';
import { ElfFile } from '../../../src/elf/index.ts';
import { decode } from '../../../src/isa/decode.ts';
import { indexOfSlot } from '../../../src/isa/encode.ts';
import { CORE_KINDS, type FunctionSpec } from '../../../src/object/spec.ts';

export interface ClangObject {
  /** The compiled file, for other loaders. */
  readonly path: string;
  readonly btf: BtfBuilder;
  function(section: string): FunctionSpec;
  remove(): void;
}

export function compileWithClang(source: string): ClangObject {
  const folder = mkdtempSync(join(tmpdir(), 'skep-clang-'));
  writeFileSync(join(folder, 'a.c'), source);
  execFileSync('clang-19', ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-Wno-everything', '-c', 'a.c', '-o', 'a.o'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const path = join(folder, 'a.o');
  const elf = new ElfFile(new Uint8Array(readFileSync(path)));
  const bytes = (name: string): Uint8Array => {
    const section = elf.section(name);
    assert.ok(section, name);
    return elf.data(section);
  };
  const reader = new BtfReader(bytes('.BTF'));
  const ext = readExt(bytes('.BTF.ext'), (offset) => reader.text(offset));
  const btf = BtfBuilder.from(reader);
  // clang leaves the sizes of data sections to the loader, which knows them from the ELF.
  for (let id = 1; id < btf.size; id++) {
    const type = btf.type(id);
    if (type.kind === 'datasec') btf.replace(id, { ...type, size: elf.section(type.name)?.size ?? type.size });
  }
  return {
    path,
    btf,
    remove: () => rmSync(folder, { recursive: true }),
    function: (section) => {
      const insns = decode(bytes(section));
      const index = indexOfSlot(insns);
      const at = (offset: number): number => index[offset / 8] ?? -1;
      const lines = ext.lines.find((s) => s.section === section)?.records ?? [];
      const core = ext.core.find((s) => s.section === section)?.records ?? [];
      const type = ext.functions.find((s) => s.section === section)?.records[0]?.type;
      return {
        name: section,
        linkage: 'global',
        insns,
        refs: [],
        lines: lines.map((l) => ({ insn: at(l.offset), file: l.file, line: l.line, column: l.column })),
        core: core.map((c) => ({ insn: at(c.offset), kind: CORE_KINDS[c.kind] ?? 'typeMatches', type: c.type, access: c.access })),
        ...(type === undefined ? {} : { btfFunc: type }),
      };
    },
  };
}
