import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { AssembleError, assemble } from '../../../src/isa/assemble.ts';
import * as build from '../../../src/isa/build.ts';
import { DecodeError, decode } from '../../../src/isa/decode.ts';
import { disassemble, disassembleInsn } from '../../../src/isa/disassemble.ts';
import { EncodeError, encode, indexOfSlot, slotOfIndex } from '../../../src/isa/encode.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { checkInsn } from '../../../src/isa/opcodes.ts';
import { randomInsn, randomSource, VALID } from './random-insns.ts';

const LLVM_MC = '/usr/bin/llvm-mc-19';
const OBJDUMP = '/usr/bin/llvm-objdump-19';
const needsLlvm = { skip: existsSync(LLVM_MC) && existsSync(OBJDUMP) ? false : 'llvm-19 is not installed' };

function inTemporary<T>(run: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'skep-isa-'));
  try {
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes of the .text section that llvm-mc makes. */
function llvmAssemble(text: string): Uint8Array {
  return inTemporary((folder) => {
    writeFileSync(join(folder, 'a.s'), text);
    execFileSync(LLVM_MC, ['-triple', 'bpfel', '-mcpu=v4', '-filetype=obj', 'a.s', '-o', 'a.o'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    execFileSync('llvm-objcopy-19', ['-O', 'binary', '--only-section=.text', 'a.o', 'a.bin'], { cwd: folder });
    return new Uint8Array(execFileSync('cat', [join(folder, 'a.bin')], { maxBuffer: 1 << 26 }));
  });
}

/** Instruction texts in LLVM's words, from an object with these bytes. */
function llvmDisassemble(bytes: Uint8Array): string[] {
  return inTemporary((folder) => {
    const lines = [...bytes].map((b) => `.byte ${b}`);
    writeFileSync(join(folder, 'a.s'), `.text\n${lines.join('\n')}\n`);
    execFileSync(LLVM_MC, ['-triple', 'bpfel', '-mcpu=v4', '-filetype=obj', 'a.s', '-o', 'a.o'], { cwd: folder });
    const out = execFileSync(OBJDUMP, ['-d', '--mcpu=v4', '--no-show-raw-insn', 'a.o'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    return out.split('\n').flatMap((line) => {
      const match = /^\s+\d+:\s(.*?)(?:\s+<\.text[^<>]*>)?$/.exec(line);
      return match === null ? [] : [(match[1] as string).replace('\t', ' ').trim()];
    });
  });
}

function randomProgram(seed: number, count: number, opcodes: readonly number[] = VALID): Insn[] {
  const random = randomSource(seed);
  return Array.from({ length: count }, () => randomInsn(random, opcodes));
}

test('every random valid instruction passes the check and survives encode and decode', () => {
  const insns = randomProgram(1, 20000);
  for (const insn of insns)
    assert.equal(
      checkInsn(insn),
      undefined,
      JSON.stringify(insn, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
    );
  assert.deepEqual(decode(encode(insns)), insns);
});

test('encoding follows the wire layout of RFC 9669', () => {
  // Bytes as llvm-mc prints them for the same text.
  assert.deepEqual([...encode([build.store(0x18, 1, -8, 2)])], [0x7b, 0x21, 0xf8, 0xff, 0, 0, 0, 0]);
  assert.deepEqual(
    [...encode([build.ldImm64(1, 0x1122334455667788n)])],
    [0x18, 1, 0, 0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11],
  );
  assert.deepEqual(decode(new Uint8Array([0x7b, 0x12, 0xff, 0xf8, 0, 0, 0, 0]), { bigEndian: true }), [build.store(0x18, 1, -8, 2)]);
});

test('fields that do not fit are errors, never cut off', () => {
  const bad: Insn[] = [
    build.jump(0x8000),
    build.mov64Imm(0, 2 ** 32),
    build.mov64(16, 0),
    build.mov64Imm(0, 0.5),
    { ...build.exit(), op: 300 },
    { ...build.ldImm64(0, 1n), imm64: 1n << 64n },
    { ...build.ldImm64(0, 1n), imm: 7 },
  ];
  for (const insn of bad)
    assert.throws(
      () => encode([build.exit(), insn]),
      (error) => error instanceof EncodeError && error.index === 1,
    );
});

test('decoding is strict', () => {
  const slot = (...bytes: number[]): number[] => [...bytes, ...new Array<number>(8 - bytes.length).fill(0)];
  const cases: [number[], RegExp][] = [
    [[0x95, 0, 0], /truncated/],
    [slot(0xff), /unknown opcode 0xff/],
    [slot(0x18), /without its second half/],
    [[...slot(0x18), ...slot(0x95)], /second half/],
    [slot(0x95, 1), /reserved field dst/],
    [slot(0x05, 0x10), /reserved field src/],
    [slot(0xb7, 0x0b), /r11 does not exist/],
    [slot(0xbf, 0xb0), /r11 does not exist/],
    [slot(0xbf, 0x10, 7), /off .* is 7/],
    [slot(0x37, 0x00, 2), /off .* is 2/],
    [slot(0xdc, 1, 0, 0, 17), /imm .* is 17/],
    [slot(0xdb, 0x21, 0, 0, 2), /imm .* is 2/],
    [slot(0x85, 0x30), /src .* is 3/],
    [slot(0x85, 0x10, 1), /reserved field off/],
    [[...slot(0x18, 0x70), ...slot(0)], /src .* is 7/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(
      () => decode(new Uint8Array([...slot(0xb7), ...bytes])),
      (error) => error instanceof DecodeError && message.test(error.message) && error.slot === 1,
      `${bytes}`,
    );
  }
  assert.equal(decode(new Uint8Array(slot(0xc2)), { translated: true }).length, 1);
});

test('slots and indices', () => {
  const insns = [build.mov64(0, 1), build.ldImm64(1, 5n), build.exit()];
  assert.deepEqual([...slotOfIndex(insns)], [0, 1, 3, 4]);
  assert.deepEqual([...indexOfSlot(insns)], [0, 1, -1, 2, 3]);
});

test('assemble(disassemble(x)) is x, with and without opcodes', () => {
  const insns = randomProgram(2, 20000);
  assert.deepEqual(assemble(disassemble(insns)).insns, insns);
  const bare = insns.map((insn) => disassembleInsn(insn, { opcode: false })).join('\n');
  assert.deepEqual(assemble(bare).insns, insns);
});

test("the text is the kernel's", () => {
  // Lines as the verifier of Linux 6.12 and bpftool print them (kernel/bpf/disasm.c).
  const lines = [
    '(b7) r1 = -5',
    '(bf) r6 = r1',
    '(b4) w1 = 7',
    '(07) r2 += -8',
    '(1c) w0 -= w3',
    '(3f) r1 s/= r2',
    '(94) w1 s%= 3',
    '(c7) r1 s>>= 63',
    '(bf) r1 = (s8)r2',
    '(bc) w1 = (s16)w2',
    '(87) r1 = -r1',
    '(84) w3 = -w3',
    '(dc) r1 = be16 r1',
    '(d4) r1 = le64 r1',
    '(d7) r1 = bswap32 r1',
    '(bf) r1 = addr_space_cast(r2, 0, 1)',
    '(79) r1 = *(u64 *)(r2 +8)',
    '(71) r3 = *(u8 *)(r10 -1)',
    '(89) r1 = *(s16 *)(r2 +0)',
    '(7b) *(u64 *)(r10 -8) = r1',
    '(62) *(u32 *)(r1 +4) = -7',
    '(db) lock *(u64 *)(r1 +0) += r2',
    '(c3) lock *(u32 *)(r1 +0) ^= r2',
    '(db) r2 = atomic64_fetch_or((u64 *)(r1 +8), r2)',
    '(c3) r2 = atomic_xchg((u32 *)(r1 +0), r2)',
    '(db) r0 = atomic64_cmpxchg((u64 *)(r1 -8), r0, r2)',
    '(30) r0 = *(u8 *)skb[23]',
    '(48) r0 = *(u16 *)skb[r7 + 2]',
    '(05) goto pc+3',
    '(06) gotol pc-4',
    '(e5) may_goto pc+2',
    '(95) exit',
    '(15) if r0 == 0x0 goto pc+5',
    '(c6) if w1 s< 0xfffffffc goto pc-2',
    '(4d) if r1 & r2 goto pc+1',
    '(85) call pc+7',
    '(d3) r1 = load_acquire((u8 *)(r2 +0))',
    '(db) store_release((u64 *)(r1 +8), r2)',
  ];
  for (const line of lines) assert.equal(disassembleInsn(assemble(line).insns[0] as Insn), line);
  assert.equal(
    disassembleInsn(build.callHelper(1), { helperName: (id) => (id === 1 ? 'bpf_map_lookup_elem' : undefined) }),
    '(85) call bpf_map_lookup_elem#1',
  );
  assert.equal(disassembleInsn(build.callHelper(-1)), '(85) call unknown#-1');
  assert.equal(disassembleInsn(build.ldMapFd(1, 5), { constant: (insn) => `map[id:${insn.imm}]` }), '(18) r1 = map[id:5]');
});

test('numbers, labels and symbols', () => {
  const { insns, labels, refs, positions } = assemble(
    `
    r1 = 'a'; r2 = 1 + 2 * 3       # comment
  start:
    r3 = 0x1122334455667788 ll     // comment
  1: if r1 > 0xffffffff goto 1b /* comment */
    *(u64 *)(r10 - 8 - 8) = r2
    goto 1f
    call start
    gotol end
    r4 = table + 8 ll
    call bpf_map_lookup_elem
    call kfunc_name
  1: exit
  end:`,
    { externals: true, helperId: (name) => (name === 'bpf_map_lookup_elem' ? 1 : undefined) },
  );
  assert.deepEqual(
    insns.map((insn) => disassembleInsn(insn, { opcode: false })),
    [
      'r1 = 97',
      'r2 = 7',
      'r3 = 0x1122334455667788 ll',
      'if r1 > 0xffffffff goto pc-1',
      '*(u64 *)(r10 -16) = r2',
      'goto pc+6',
      'call pc-6',
      'gotol pc+5',
      'r4 = 0x8 ll',
      'call unknown#1',
      'call unknown#-1',
      'exit',
    ],
  );
  assert.deepEqual(
    [...labels],
    [
      ['start', 2],
      ['end', 14],
    ],
  );
  assert.deepEqual(
    refs.map(({ insn, kind, symbol, addend }) => [insn, kind, symbol, addend]),
    [
      [8, 'constant', 'table', 8n],
      [10, 'call', 'kfunc_name', 0n],
    ],
  );
  assert.equal(positions.length, insns.length);
});

test('errors say what and where', () => {
  const cases: [string, number, number, RegExp][] = [
    ['r1 = r2\nr1 = w2', 2, 6, /do not mix/],
    ['foo r1', 1, 1, /unknown instruction 'foo'/],
    ['r11 = 5', 1, 1, /unknown instruction 'r11'/],
    ['r1 ?= 5', 1, 4, /unexpected character "\?"/],
    ['r1 = 5 5', 1, 8, /after the instruction/],
    ['r1 = 0x100000000', 1, 6, /'ll'/],
    ['r1 = *(u7 *)(r2 + 0)', 1, 8, /expected a type/],
    ['r1 = *(u8 *)(r2 + 40000)', 1, 17, /does not fit 16 bits/],
    ['goto nowhere', 1, 6, /'nowhere' is not defined/],
    ['goto 1b', 1, 6, /'1b' is not defined/],
    ['a:\na:', 2, 1, /defined twice/],
    ['lock *(u8 *)(r1 + 0) += r2', 1, 1, /imm of opcode 0xd3/],
    ['lock *(u64 *)(r1 + 0) -= r2', 1, 23, /no locked form/],
    ['r1 = -r2', 1, 7, /must be the same/],
    ['r1 = atomic_fetch_add((u64 *)(r1 + 0), r2)', 1, 40, /must be the same/],
    ['(b7) r1 = r2', 1, 1, /opcode says 0xb7/],
    ['r1 = "x"', 1, 6, /unexpected character/],
    ['r1 = /* x', 1, 6, /comment without end/],
    ['r1 = 09', 1, 6, /malformed number/],
    [`r1 = ${'('.repeat(500)}`, 1, 70, /nested too deeply/],
    ['r1 = 1 << 99999', 1, 8, /shift out of range/],
    ['r0 = cmpxchg_64(r1 + 0, r1, r2)', 1, 25, /works on r0/],
    ['if r1 ! 5 goto +1', 1, 7, /unexpected character/],
    ['if r1 == 5', 1, 11, /expected 'goto'/],
  ];
  for (const [text, line, column, message] of cases) {
    assert.throws(
      () => assemble(text),
      (error) => {
        assert.ok(error instanceof AssembleError, String(error));
        assert.match(error.message, message);
        assert.deepEqual([error.line, error.column], [line, column], `${text}: ${error.message}`);
        return true;
      },
    );
  }
});

test('damaged text gives an error at a position, or instructions; nothing else', () => {
  const random = randomSource(9);
  const base = disassemble(randomProgram(9, 400)).split('\n');
  const pieces = [
    'r1',
    'w0',
    '=',
    '+=',
    '(',
    ')',
    '*',
    'u32',
    's8',
    'if',
    'goto',
    '0x',
    '99999999999999999999',
    '-',
    ';',
    ':',
    '#',
    'll',
    '[',
    "'",
    '\u00e9',
    '1b',
    'lock',
    '/*',
    '<<',
    'atomic_fetch_add',
    'map',
    'id',
    '.8byte',
  ];
  let errors = 0;
  for (let i = 0; i < 6000; i++) {
    let line = base[random(base.length - 1)] as string;
    for (let k = 1 + random(3); k > 0; k--) {
      const at = random(line.length + 1);
      const cut = random(4);
      line = line.slice(0, at) + (random(2) === 0 ? (pieces[random(pieces.length)] as string) : '') + line.slice(at + cut);
    }
    try {
      encode(assemble(line).insns);
    } catch (error) {
      assert.ok(error instanceof AssembleError, `${line}: ${String(error)}`);
      assert.ok(error.offset >= 0 && error.offset <= line.length, line);
      errors++;
    }
  }
  assert.ok(errors > 3000, `${errors}`);
});

/** What LLVM 19 does not know, or writes with relocations. */
function knownToLlvm(insn: Insn): boolean {
  // llvm-mc drops the upper half of ld_pseudo's constant.
  if (insn.imm64 !== undefined) return insn.src === 0 || (insn.src === 1 && insn.imm64 >> 32n === 0n);
  if ((insn.op & 7) === 3 && (insn.op & 0xe0) === 0xc0) {
    // Release and acquire came with LLVM 20; 32-bit fetching forms need ALU32, which objdump's default lacks.
    return insn.imm < 0x100;
  }
  if (insn.op === 0x40 || insn.op === 0x48 || insn.op === 0x50) return insn.imm === 0;
  if (insn.op === 0x06) return insn.imm === (insn.imm << 16) >> 16;
  return insn.op !== 0x85 || insn.src < 1;
}

test('llvm-mc reads our text in its own dialect, to the same bytes', needsLlvm, () => {
  const insns = randomProgram(3, 6000).filter(knownToLlvm);
  // One rewriting per difference of dialect, each from the kernel's words to LLVM's.
  const text = insns.map((insn) => {
    const wide = (insn.op & 0x18) === 0x18;
    let line = disassembleInsn(insn, { opcode: false })
      .replace(/ pc([+-])/, ' $1')
      .replace(/^call unknown#/, 'call ')
      .replace(/atomic64_fetch/, 'atomic_fetch')
      .replace(
        /atomic(64)?_(xchg|cmpxchg)\(\(u\d+ \*\)\((r\d+ [+-]\d+)\)/,
        (_, _wide: string, name: string, place: string) => `${name}${wide ? '_64' : '32_32'}(${place}`,
      )
      .replace(/skb\[(r\d+) \+ 0\]/, 'skb[$1]')
      .replace(/(r\d+) ([+-])(\d+)\)/, '$1 $2 $3)')
      .replace(/^(r\d+) = map\[id:(-?\d+)(?:\|(\d+))?\]/, (_, r: string) => `ld_pseudo ${r}, 1, ${insn.imm64}`);
    if (!wide && /^r\d+ = (atomic|xchg|cmpxchg)/.test(line))
      line = line
        .replace(/^r/, 'w')
        .replace(/, r0, r(\d+)\)$/, ', w0, w$1)')
        .replace(/, r(\d+)\)$/, ', w$1)');
    if (!wide && line.startsWith('lock')) line = line.replace(/r(\d+)$/, 'w$1');
    return line;
  });
  const theirs = decode(llvmAssemble(text.join('\n')));
  assert.equal(theirs.length, insns.length);
  for (let i = 0; i < insns.length; i++) assert.deepEqual(theirs[i], insns[i], text[i]);
  // And what LLVM takes, we take.
  assert.deepEqual(assemble(text.join('\n')).insns, insns);
});

test("llvm-objdump's text of random bytes assembles back to them", needsLlvm, () => {
  const insns = randomProgram(4, 4000).filter(knownToLlvm);
  const lines = llvmDisassemble(encode(insns));
  assert.equal(lines.length, insns.length);
  let compared = 0;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line === '<unknown>') continue;
    compared++;
    assert.deepEqual(assemble(line).insns[0], insns[i], line);
  }
  assert.ok(compared > insns.length * 0.85, `${compared} of ${insns.length} were known to llvm-objdump`);
});
