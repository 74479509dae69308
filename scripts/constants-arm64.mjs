#!/usr/bin/env node
/**
 * Makes src/compiler/dialect/constants/arm64.ts: what of `table.ts` (which is x86_64's) is otherwise on arm64.
 *
 *   node scripts/constants-arm64.mjs X86_UAPI ARM64_UAPI SOURCE
 *
 * The first two are `usr/include` of a kernel tree after `make ARCH=x86 headers` and `make ARCH=arm64 headers`, the
 * third is the tree. Every header is evaluated by clang for both targets. What differs is written with arm64's text,
 * or with none where arm64 has no such macro. In-kernel names that arch/x86 defines have no text either: an arm64
 * kernel's own headers would have to say.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const room = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'compiler', 'dialect', 'constants');
const [x86Uapi, armUapi, source] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: constants-arm64.mjs X86_UAPI ARM64_UAPI SOURCE');
const table = new Map([...readFileSync(join(room, 'table.ts'), 'utf8').matchAll(/^(\w+)=(.+)$/gm)].map((m) => [m[1], m[2]]));
const folder = mkdtempSync(join(tmpdir(), 'skep-arm64-'));
const resources = execFileSync('clang-19', ['-print-resource-dir'], { encoding: 'utf8' }).trim();

const TARGETS = {
  arm64: ['--target=aarch64-linux-gnu', '-I', armUapi],
  x86: ['--target=x86_64-linux-gnu', '-I', x86Uapi],
};
const CLEAN = ['-nostdinc', '-isystem', `${resources}/include`, '-w'];

function clang(arch, args, input) {
  return spawnSync('clang-19', [...TARGETS[arch], ...CLEAN, ...args, '-x', 'c', '-'], { input, encoding: 'utf8', maxBuffer: 1 << 29 });
}

function names(arch, include) {
  const all = clang(arch, ['-E', '-dM'], include);
  if (all.status !== 0) return undefined;
  return [...all.stdout.matchAll(/^#define (\w+) /gm)].map((m) => m[1]).filter((name) => table.has(name));
}

function evaluate(arch, include, wanted) {
  let left = wanted;
  const object = join(folder, 'rows.o');
  for (;;) {
    if (left.length === 0) return new Map();
    const rows = left.map(
      (name) => `{ "${name}", (unsigned long long)(${name}), sizeof((${name}) + 0) * 2 + (((__typeof__((${name}) + 0))-1) > 0) },`,
    );
    const program = `${include}
struct skep_row { char name[64]; unsigned long long value; unsigned kind; };
__attribute__((section("skep_rows"), used)) static const struct skep_row rows[] = {
#line 1 "names"
${rows.join('\n')}
};
`;
    const run = clang(arch, ['-c', '-ferror-limit=0', '-o', object], program);
    if (run.status === 0) break;
    const bad = new Set([...run.stderr.matchAll(/^names:(\d+):\d+: error/gm)].map((m) => Number(m[1]) - 1));
    // A header that needs the C library's types.
    if (bad.size === 0) return new Map();
    left = left.filter((_, at) => !bad.has(at));
  }
  execFileSync('llvm-objcopy-19', ['-O', 'binary', '--only-section=skep_rows', object, join(folder, 'rows.bin')]);
  const bytes = readFileSync(join(folder, 'rows.bin'));
  const found = new Map();
  for (let at = 0; at + 80 <= bytes.length; at += 80) {
    const kind = bytes.readUInt32LE(at + 72);
    found.set(bytes.toString('latin1', at, bytes.indexOf(0, at)), spell(bytes.readBigUInt64LE(at + 64), kind >> 1, (kind & 1) === 1));
  }
  return found;
}

/** As C source with the same value and type; the spelling of `constants.mjs`. */
function spell(value, size, unsigned) {
  const signed = BigInt.asIntN(64, value);
  if (!unsigned) {
    const text = signed < 0n ? `(${signed})` : `${signed}`;
    return size === 8 ? (signed < 0n ? `(${signed}L)` : `${signed}L`) : text;
  }
  const bits = size === 8 ? value : value & 0xffffffffn;
  return `${bits < 1024n ? bits : `0x${bits.toString(16)}`}U${size === 8 ? 'L' : ''}`;
}

function headers() {
  const out = new Set();
  for (const root of [x86Uapi, armUapi]) {
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (/^(?:linux|asm|rdma)\/(?:(?:netfilter|tc_act|sched)\/)?[^/]+\.h$/.test(file)) out.add(file);
    }
  }
  return [...out].sort();
}

const arm = new Map();
const x86 = new Map();
for (const header of headers()) {
  const include = `#include <linux/types.h>\n#include <linux/stddef.h>\n#include <${header}>\n`;
  for (const [arch, into] of [
    ['arm64', arm],
    ['x86', x86],
  ]) {
    const wanted = names(arch, include)?.filter((name) => !into.has(name)) ?? [];
    if (wanted.length > 0) for (const [name, text] of evaluate(arch, include, wanted)) into.set(name, text);
  }
}

/** Of the C compiler and library, not of the kernel. */
const NOT_KERNEL = /^(W?CHAR_(MAX|MIN)|NSIG)$/;
for (const name of [...x86.keys()]) if (NOT_KERNEL.test(name)) x86.delete(name);
if (process.env.SKEP_SHOW)
  for (const [name, text] of x86)
    if (table.get(name) !== text) process.stderr.write(`${name}: ${table.get(name)} in table.ts, ${text} in the kernel's headers\n`);
const different = new Map();
for (const [name, text] of x86) {
  const there = arm.get(name);
  if (there === undefined) different.set(name, '');
  else if (there !== text) different.set(name, there);
}
// arm64's own system calls, which x86_64 does not have, and what it defines beyond it.
for (const line of clang('arm64', ['-E', '-dM'], '#include <asm/unistd.h>\n').stdout.matchAll(/^#define (__NR_\w+) (.+)$/gm)) {
  if (!table.has(line[1]) && /^\w+$/.test(line[2])) different.set(line[1], line[2]);
}
const include = '#include <asm/unistd.h>\n';
for (const [name, text] of evaluate(
  'arm64',
  include,
  [...different.keys()].filter((n) => n.startsWith('__NR_') && different.get(n) !== ''),
))
  different.set(name, text);
for (const name of table.keys()) if (name.startsWith('__NR_') && !arm.has(name)) different.set(name, '');
// In-kernel names that arch/x86 has: those of table.ts that a header there defines and no UAPI header does.
const asm = join(source, 'arch/x86/include/asm');
for (const file of readdirSync(asm).filter((f) => f.endsWith('.h'))) {
  for (const [, name] of readFileSync(join(asm, file), 'utf8').matchAll(/^\s*#\s*define\s+(\w+)\s/gm))
    if (table.has(name) && !arm.has(name) && !different.has(name)) different.set(name, '');
}

const sorted = [...different].sort(([a], [b]) => (a < b ? -1 : 1));
const makefile = readFileSync(join(source, 'Makefile'), 'utf8');
const version = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map((key) => new RegExp(`^${key} = ([0-9]+)`, 'm').exec(makefile)[1]).join('.');
writeFileSync(
  join(room, 'arm64.ts'),
  `/**
 * Integer macros of Linux headers that are otherwise on arm64 than in table.ts, as name=text pairs; without a text
 * where arm64 has no such macro. Made by scripts/constants-arm64.mjs from the headers of Linux ${version}.
 */
export const ARM64_CONSTANTS = \`
${sorted.map(([name, text]) => `${name}=${text}`).join('\n')}
\`;
`,
);
rmSync(folder, { recursive: true });
process.stdout.write(`${arm.size} of ${table.size} names seen on arm64, ${x86.size} on x86; ${different.size} differ\n`);
