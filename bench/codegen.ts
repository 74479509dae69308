/**
 * Code beside the peers' for the same source: instructions (in slots of eight bytes, as the kernel counts), and as root
 * what this kernel's verifier makes of them: instructions after loading (`xlated`), instructions it walked through.
 * Prints every source, worst first, and geometric means; never fails.
 *
 *   node build/bench/codegen.js [own|bcc|samples …] [--no-load] [--programs] [--top N] [file.c …]
 *
 * Without a family: own. `--programs`: a line for each program instead of each source. What the families are and how
 * the peers are run: `codegen-peers.ts`.
 */
import { compile } from '../src/compiler/compile.ts';
import { slotCount } from '../src/isa/encode.ts';
import { readTargetFacts } from '../src/kernel/facts.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { progInfo } from '../src/kernel/obj-info.ts';
import { joinProgram } from '../src/link/join.ts';
import { type LoadedObject, loadObject } from '../src/link/load.ts';
import type { ObjectSpec } from '../src/object/spec.ts';
import { FAMILIES, type Family, own, type Subject, subjects } from './codegen-peers.ts';
import { geometricMean, median, printTable } from './measure.ts';

const args = process.argv.slice(2);
const files = args.filter((a) => a.endsWith('.c'));
const chosen = args.filter((a): a is Family => (FAMILIES as readonly string[]).includes(a));
const byProgram = args.includes('--programs');
const top = args.includes('--top') ? Number(args[args.indexOf('--top') + 1]) : Number.POSITIVE_INFINITY;
const loads = !args.includes('--no-load') && process.getuid?.() === 0;

const kernel = linuxKernel();
const here = readTargetFacts(kernel);

/** Slots as compiled, slots after loading, instructions walked by the verifier. */
interface Cost {
  readonly slots: number;
  readonly xlated: number;
  readonly walked: number;
}
interface Row {
  readonly name: string;
  readonly ours: Cost;
  readonly theirs: Cost;
  readonly ms: number;
}

function costs(spec: ObjectSpec, names: readonly string[]): Map<string, Cost> {
  const out = new Map<string, Cost>();
  let object: LoadedObject | undefined;
  try {
    if (loads) object = loadObject({ ...spec, maps: withoutPins(spec) }, kernel, { facts: here, programs: () => false });
  } catch {
    // Its maps cannot be made here: instructions as compiled are all there is to compare.
  }
  try {
    for (const program of spec.programs) {
      if (!names.includes(program.entry)) continue;
      const slots = slotCount(joinProgram(spec.functions, program.entry).insns);
      let [xlated, walked] = [Number.NaN, Number.NaN];
      try {
        if (object) {
          const info = progInfo(kernel, object.load(program).fd);
          [xlated, walked] = [info.xlated_prog_len / 8, info.verified_insns];
        }
      } catch {
        // Not for this kernel.
      }
      out.set(program.entry, { slots, xlated, walked });
    }
  } finally {
    object?.close();
  }
  return out;
}

function withoutPins(spec: ObjectSpec): ObjectSpec['maps'] {
  return new Map(
    [...spec.maps].map(([key, map]) => {
      const { pin: _, values: __, ...rest } = map;
      return [key, rest];
    }),
  );
}

function compileWarm({ text, options }: Subject): { spec: ObjectSpec; ms: number } | string {
  const times: number[] = [];
  for (;;) {
    const started = performance.now();
    const { spec, diagnostics } = compile(text, options);
    times.push(performance.now() - started);
    if (!spec) return diagnostics.find((d) => d.severity === 'error')?.message ?? 'not compiled';
    if (times.length === 3) return { spec, ms: median(times) };
  }
}

/** Sums over programs; what one side cannot load counts for neither. */
function sum(pairs: readonly (readonly [Cost, Cost])[], ms: number, name: string): Row {
  const total = (side: 0 | 1, key: keyof Cost): number =>
    pairs.filter(([a, b]) => Number.isFinite(a[key]) && Number.isFinite(b[key])).reduce((n, pair) => n + pair[side][key], 0);
  const side = (i: 0 | 1): Cost => ({ slots: total(i, 'slots'), xlated: total(i, 'xlated'), walked: total(i, 'walked') });
  return { name, ours: side(0), theirs: side(1), ms };
}

const rows: Row[] = [];
const unmatched: string[] = [];
function measure(subject: Subject): void {
  const ours = compileWarm(subject);
  if (typeof ours === 'string') {
    unmatched.push(`${subject.name}: ${ours}`);
    return;
  }
  const peer = subject.peer(ours.spec);
  if (peer === undefined) {
    unmatched.push(`${subject.name}: the peer does not compile it`);
    return;
  }
  const common = ours.spec.programs.map(({ entry }) => entry).filter((entry) => peer.programs.some((p) => p.entry === entry));
  const [mine, theirs] = [costs(ours.spec, common), costs(peer, common)];
  const pairs = common.map((entry) => [mine.get(entry) as Cost, theirs.get(entry) as Cost] as const);
  if (byProgram) for (const [i, pair] of pairs.entries()) rows.push(sum([pair], ours.ms, `${subject.name}/${common[i]}`));
  else if (pairs.length > 0) rows.push(sum(pairs, ours.ms, subject.name));
}

for (const subject of own(files, here)) measure(subject);
for (const family of chosen.length + files.length === 0 ? (['own'] as const) : chosen) for (const s of subjects(family, here)) measure(s);

const ratio = (row: Row, key: keyof Cost): number => (row.theirs[key] === 0 ? Number.NaN : row.ours[key] / row.theirs[key]);
const show = (n: number, digits = 0): string => (Number.isFinite(n) && n > 0 ? n.toFixed(digits) : '-');
const KEYS = ['slots', 'xlated', 'walked'] as const;
rows.sort((a, b) => ratio(b, 'slots') - ratio(a, 'slots'));
printTable([
  ['program', ...KEYS.flatMap((key) => [key, 'peer', 'ratio']), 'ms'],
  ...rows
    .slice(0, top)
    .map((r) => [r.name, ...KEYS.flatMap((key) => [show(r.ours[key]), show(r.theirs[key]), show(ratio(r, key), 3)]), show(r.ms, 1)]),
]);
for (const line of unmatched) console.log(line);
const mean = (key: keyof Cost): string => {
  const known = rows.map((r) => ratio(r, key)).filter((n) => Number.isFinite(n) && n > 0);
  return known.length === 0 ? '-' : `${geometricMean(known).toFixed(3)} (worst ${Math.max(...known).toFixed(3)}, of ${known.length})`;
};
console.log(`geometric mean: ${KEYS.map((key) => `${key} ${mean(key)}`).join(', ')}`);
