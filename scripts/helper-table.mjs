// Makes src/compiler/dialect/helper-data.ts: number, name, prototype, GPL-only flag and minimum kernel of every helper.
//
//   node scripts/helper-table.mjs <kernel source tree> > src/compiler/dialect/helper-data.ts
//
// Prototypes come from libbpf-dev's bpf_helper_defs.h (itself made from the kernel's uapi/linux/bpf.h), numbers are
// checked against the tree's uapi/linux/bpf.h, and GPL-only is what the tree's bpf_func_proto structures say.
// The kernel that brought a helper is in the list below: helpers were only ever appended.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const tree = process.argv[2];
if (tree === undefined) {
  console.error('usage: node scripts/helper-table.mjs <kernel source tree>');
  process.exit(2);
}

/** Kernel version: number of the last helper it added. */
const LAST = `3.19:3 4.1:11 4.2:16 4.3:22 4.4:25 4.5:26 4.6:30 4.8:36 4.9:41 4.10:44 4.11:45 4.12:47 4.13:50 4.14:53
  4.15:57 4.16:59 4.17:64 4.18:80 4.19:83 4.20:90 5.0:92 5.1:98 5.2:108 5.3:109 5.4:110 5.5:115 5.6:118 5.7:124 5.8:135
  5.9:141 5.10:155 5.11:162 5.12:163 5.13:165 5.14:168 5.15:175 5.16:179 5.17:185 5.18:193 5.19:203 6.0:207 6.1:209 6.2:211`
  .split(/\s+/)
  .map((pair) => pair.split(':'))
  .map(([version, last]) => ({ version, last: Number(last) }));

/** Their protos are handed out by functions that the search below does not follow. */
const GPL_BY_HAND = ['trace_printk', 'trace_vprintk', 'probe_write_user'];

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['tools', 'samples', 'Documentation'].includes(entry.name)) yield* sources(path);
    else if (entry.isFile() && entry.name.endsWith('.c')) yield path;
  }
}

const gplProtos = new Map();
const protosOf = new Map();
for (const path of sources(tree)) {
  const text = readFileSync(path, 'utf8');
  for (const [, name, body] of text.matchAll(/struct bpf_func_proto\s+(\w+)(?:\s+\w+)?\s*=\s*\{(.*?)\n\};/gs)) {
    gplProtos.set(name, /\.gpl_only\s*=\s*true/.test(body));
  }
  for (const [, labels, body] of text.matchAll(/((?:case BPF_FUNC_\w+:\s*)+)(.*?)(?=case |default:)/gs)) {
    const protos = [...body.matchAll(/&(\w+)/g)].map((m) => m[1]);
    for (const [, helper] of labels.matchAll(/BPF_FUNC_(\w+)/g)) protosOf.set(helper, [...(protosOf.get(helper) ?? []), ...protos]);
  }
}
const isGpl = (name) => GPL_BY_HAND.includes(name) || (protosOf.get(name) ?? []).some((proto) => gplProtos.get(proto) === true);

const numbers = new Map(
  [...readFileSync(join(tree, 'include/uapi/linux/bpf.h'), 'utf8').matchAll(/FN\((\w+), (\d+)/g)].map((m) => [m[1], Number(m[2])]),
);
const rows = [];
for (const [, returns, name, params, number] of readFileSync('/usr/include/bpf/bpf_helper_defs.h', 'utf8').matchAll(
  /^static (.*?)\(\*(?:\s*const\s+)?bpf_(\w+)\)\((.*?)\) = \(void \*\) (\d+);$/gm,
)) {
  if (numbers.get(name) !== Number(number)) throw new Error(`${name}: number ${number} here, ${numbers.get(name)} in the tree`);
  rows[Number(number)] = `${isGpl(name) ? '!' : ''}${name}|${returns.trim()}|${params}`;
}
for (let i = 1; i < numbers.size; i++) if (rows[i] === undefined) throw new Error(`helper ${i} is missing`);

console.log(`// Made by scripts/helper-table.mjs; do not edit.

/** One helper a line, in the order of their numbers from 1: \`[!]name|return type|parameters\`, ! for GPL-only. */
export const HELPER_ROWS = \`
${rows.slice(1).join('\n')}
\`;

/** Kernel version and the last helper it added. */
export const HELPER_VERSIONS: readonly (readonly [version: string, last: number])[] = [
${LAST.map(({ version, last }) => `  ['${version}', ${last}],`).join('\n')}
];`);
