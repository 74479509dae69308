/**
 * What becomes of a source that somebody else wrote: compiled for this kernel, its maps made, and each of its programs
 * given to the verifier under its own type.
 *
 *   source ─▶ compile ─▶ maps ─▶ program, program, …      every failure: where, and what was said
 *
 * `unexpected` compares the failures with the table of exceptions. An exception holds on the kernels where its reason
 * is true, which is looked up and never assumed; there the failure must be the one it names. So a new failure, an
 * exception that no longer fails and a name that is nowhere are all told.
 */
import type { KernelFacts } from '../../../src/kernel/facts.ts';
import type { Kernel } from '../../../src/kernel/port.ts';
import { loadObject } from '../../../src/link/load.ts';
import { fillSlots } from '../../../src/link/load-maps.ts';
import type { MapSpec } from '../../../src/object/spec.ts';
import { specToJson } from '../../../src/object/spec-json.ts';
import { type CompiledSource, compileSource, keptCompiled, type Source } from '../../corpora/compiled.ts';
import { type Corpus, factsFor } from '../../corpora/sources.ts';
import { GUEST_OBJECTS } from '../../run/guest-objects.ts';

export interface Verdict {
  /** 'opensnoop.3' where the whole source failed, 'opensnoop.3/kprobe__do_open' where one program did. */
  readonly where: string;
  /** Undefined: accepted. */
  readonly failure: string | undefined;
}

export interface Exception {
  /** Names as `Verdict.where` has them, separated by blanks. */
  readonly at: string;
  /** What the failure must contain. */
  readonly says: string;
  readonly why: Reason;
}

export interface Reason {
  readonly text: string;
  /** Whether it is so on this kernel. */
  readonly holds: (host: Host) => boolean;
}

export interface Host {
  readonly kernel: Kernel;
  readonly facts: KernelFacts;
}

/** In a guest, where the machine below it put what it compiled for this kernel; undefined elsewhere. */
const compiledBelow: string | undefined = process.env[GUEST_OBJECTS];

export function compiledFor(host: Host, corpus: Corpus, source: Source): CompiledSource {
  const kept = compiledBelow === undefined ? undefined : keptCompiled(compiledBelow, corpus, source);
  return kept ?? compileSource(source, factsFor(corpus, host.facts));
}

/** What was compiled elsewhere for this kernel, and what it gives asked by the compiler itself; undefined where nothing was. */
export function compiledTwice(host: Host, corpus: Corpus, source: Source): readonly [below: string, here: string] | undefined {
  const kept = compiledBelow === undefined ? undefined : keptCompiled(compiledBelow, corpus, source);
  return kept && [asText(kept), asText(compileSource(source, host.facts))];
}

function asText(compiled: CompiledSource): string {
  if (!('spec' in compiled)) return compiled.failure;
  // In one order.
  const { btf, ...rest } = compiled.spec;
  return specToJson({ ...rest, btf });
}

/** The source as a whole first, then each of its programs. */
export function judge(host: Host, corpus: Corpus, source: Source): Verdict[] {
  const { kernel, facts } = host;
  const { name } = source;
  const failed = (failure: string): Verdict[] => [{ where: name, failure }];
  const compiled = compiledFor(host, corpus, source);
  if ('failure' in compiled) return failed(compiled.failure);
  const { spec } = compiled;
  let object: ReturnType<typeof loadObject>;
  try {
    // Slots that the source gives to programs can only be filled once these are loaded.
    const maps = new Map([...spec.maps].map(([key, map]) => [key, prepared(map, source.entries?.[map.name])]));
    object = loadObject({ ...spec, maps }, kernel, { facts, programs: () => false });
  } catch (error) {
    return failed(`maps: ${(error as Error).message}`);
  }
  let slots: string | undefined;
  const verdicts: Verdict[] = [];
  try {
    for (const program of spec.programs) {
      let failure: string | undefined;
      try {
        object.load(program);
      } catch (error) {
        failure = `${program.type}: ${(error as Error).message}`;
      }
      verdicts.push({ where: `${name}/${program.name}`, failure });
    }
    for (const map of object.maps.values()) {
      const wanted = spec.maps.get(map.name)?.values;
      if (map.spec.type !== 'prog_array' || wanted === undefined) continue;
      try {
        fillSlots({ ...map, spec: { ...map.spec, values: wanted } }, (program) => object.programs.get(program)?.fd, kernel);
      } catch (error) {
        slots = `slots: ${(error as Error).message}`;
      }
    }
  } finally {
    object.close();
  }
  return [{ where: name, failure: slots }, ...verdicts];
}

/** Programs are judged the same over small tables, and big ones take most of the time: their memory is filled with zeros. */
const SMALL = 64;
const TABLES: ReadonlySet<string> = new Set(['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash', 'stack_trace']);

function prepared(map: MapSpec, entries: number | undefined): MapSpec {
  if (entries !== undefined) return { ...map, maxEntries: entries };
  if (TABLES.has(map.type)) return { ...map, maxEntries: Math.min(map.maxEntries, SMALL) };
  if (map.type !== 'prog_array') return map;
  const { values: _, ...rest } = map;
  return rest;
}

/** Lines to tell; none when all is as it should be. */
export function unexpected(host: Host, verdicts: readonly Verdict[], exceptions: readonly Exception[]): string[] {
  const problems: string[] = [];
  const expected = new Map<string, Exception[]>();
  for (const exception of exceptions) {
    const holds = exception.why.holds(host);
    for (const name of exception.at.split(/\s+/)) {
      const known = expected.get(name) ?? [];
      expected.set(name, holds ? [...known, exception] : known);
    }
  }
  const wholes = new Map<string, boolean>();
  for (const { where, failure } of verdicts) {
    if (!where.includes('/')) wholes.set(where, failure === undefined);
    const reasons = expected.get(where) ?? [];
    expected.delete(where);
    if (failure === undefined && reasons.length > 0)
      problems.push(`${where}: accepted, though ${reasons.map(({ why }) => why.text).join(', ')}`);
    if (failure !== undefined && !reasons.some(({ says }) => failure.includes(says))) {
      problems.push(`${where}: ${failure}${reasons.length > 0 ? ` (expected: ${reasons.map(({ says }) => says).join(' or ')})` : ''}`);
    }
  }
  for (const name of expected.keys()) {
    const whole = wholes.get(name.split('/')[0] ?? '');
    // Programs of a source that did not compile have no verdict.
    if (whole !== false) problems.push(`${name} is in the table of exceptions and not in the corpus`);
  }
  return problems;
}

export function summary(verdicts: readonly Verdict[]): string {
  const of = (list: readonly Verdict[]) => `${list.filter(({ failure }) => failure === undefined).length} of ${list.length}`;
  return `${of(verdicts.filter(({ where }) => !where.includes('/')))} sources compile and make their maps, ${of(verdicts.filter(({ where }) => where.includes('/')))} programs are accepted`;
}
