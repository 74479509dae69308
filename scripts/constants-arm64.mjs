#!/usr/bin/env node
/**
 * Makes src/compiler/dialect/constants/arm64.ts: what of `table.ts` (which is x86_64's) is otherwise on arm64.
 *
 *   node scripts/constants-arm64.mjs <linux-headers …-common> <linux-headers …-amd64>
 *
 * Every UAPI header that both have is evaluated by clang for both targets with the kernel's own headers (where an
 * architecture has no asm/x.h of its own, it is asm-generic's, as in the kernel's build). What differs is written
 * with arm64's text, or with none where arm64 has no such macro. In-kernel names that arch/x86 defines have no text
 * either: an arm64 kernel's headers would have to say.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const room = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'compiler', 'dialect', 'constants');
const [common, own] = process.argv.slice(2);
if (common === undefined || own === undefined) throw new Error('usage: constants-arm64.mjs COMMON AMD64');
const table = new Map([...readFileSync(join(room, 'table.ts'), 'utf8').matchAll(/^(\w+)=(.+)$/gm)].map((m) => [m[1], m[2]]));
const folder = mkdtempSync(join(tmpdir(), 'skep-arm64-'));
const resources = execFileSync('clang-19', ['-print-resource-dir'], { encoding: 'utf8' }).trim();

/** asm/x.h for each asm-generic/x.h that the architecture leaves to it. */
function wrappers(arch) {
  const out = join(folder, arch, 'asm');
  mkdirSync(out, { recursive: true });
  for (const file of readdirSync(`${common}/include/uapi/asm-generic`)) {
    if (!existsSync(`${common}/arch/${arch}/include/uapi/asm/${file}`)) writeFileSync(join(out, file), `#include <asm-generic/${file}>\n`);
  }
  // Gone from installed headers, as is what they define.
  mkdirSync(join(folder, arch, 'linux'), { recursive: true });
  for (const file of ['compiler.h', 'compiler_types.h']) writeFileSync(join(folder, arch, 'linux', file), '');
  return join(folder, arch);
}

const TARGETS = {
  arm64: ['--target=aarch64-linux-gnu', '-I', `${common}/arch/arm64/include/uapi`, '-I', wrappers('arm64')],
  x86: [
    '--target=x86_64-linux-gnu',
    '-I',
    `${common}/arch/x86/include/uapi`,
    '-I',
    `${own}/arch/x86/include/generated/uapi`,
    '-I',
    wrappers('x86'),
  ],
};
// What installed headers lose: attributes and annotations of the kernel's own.
const CLEAN = [
  '-nostdinc',
  '-isystem',
  `${resources}/include`,
  '-I',
  `${common}/include/uapi`,
  '-D__user=',
  '-D__force=',
  '-D__iomem=',
  '-D__always_inline=inline',
  '-D__attribute_const__=',
  '-w',
];

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
  for (let round = 0; round < 20; round++) {
    const lines = left.map((name, i) => `enum { skep_${i} = !!(${name}) };`);
    const run = clang(arch, ['-fsyntax-only', '-ferror-limit=0'], `${include}\n#line 1 "names"\n${lines.join('\n')}\n`);
    const bad = new Set([...run.stderr.matchAll(/^names:(\d+):\d+: error/gm)].map((m) => Number(m[1]) - 1));
    if (bad.size === 0) break;
    left = left.filter((_, i) => !bad.has(i));
  }
  const rows = left.map(
    (name) => `{ "${name}", (unsigned long long)(${name}), sizeof((${name}) + 0) * 2 + (((__typeof__((${name}) + 0))-1) > 0) },`,
  );
  const program = `${include}
struct skep_row { char name[64]; unsigned long long value; unsigned kind; };
__attribute__((section("skep_rows"), used)) static const struct skep_row rows[] = {
${rows.join('\n')}
};
`;
  const object = join(folder, 'rows.o');
  const run = clang(arch, ['-c', '-o', object], program);
  // A header that needs the C library's types.
  if (run.status !== 0) return new Map();
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
  const out = [];
  for (const root of ['linux', 'linux/netfilter', 'linux/tc_act', 'linux/sched', 'rdma']) {
    for (const file of readdirSync(`${common}/include/uapi/${root}`)) if (file.endsWith('.h')) out.push(`${root}/${file}`);
  }
  for (const arch of ['x86', 'arm64'])
    for (const file of readdirSync(`${common}/arch/${arch}/include/uapi/asm`)) if (file.endsWith('.h')) out.push(`asm/${file}`);
  for (const file of readdirSync(`${common}/include/uapi/asm-generic`)) if (!/^int-|^unistd/.test(file)) out.push(`asm/${file}`);
  return [...new Set(out)].sort();
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
const asm = `${common}/arch/x86/include/asm`;
for (const file of readdirSync(asm).filter((f) => f.endsWith('.h'))) {
  for (const [, name] of readFileSync(join(asm, file), 'utf8').matchAll(/^\s*#\s*define\s+(\w+)\s/gm))
    if (table.has(name) && !arm.has(name) && !different.has(name)) different.set(name, '');
}

const sorted = [...different].sort(([a], [b]) => (a < b ? -1 : 1));
const version = /linux-headers-(.*)-common/.exec(common)?.[1] ?? common;
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
