/**
 * Compiled texts, kept from run to run.
 *
 *   text, options ─▶ entry { asked: what the compiler asked about the kernel, with the answers; spec }
 *                    asked again, all the same? ─▶ the spec, and no compiler is loaded
 *
 * Compiling is a function of the text, the options and these answers (the same source and the same types give the same
 * bytes), so an entry never grows old: it fits or it does not. The kernel's types are known by the notes of its image,
 * which carry its build id. Texts with errors or warnings are not kept: these must be said each time.
 * A file begins with a CRC of the rest: one that a disk has damaged is not there.
 */
import type { TargetFacts } from '../compiler/target-facts.ts';
import { imageOf, RememberedBtf } from '../kernel/known-types.ts';
import type { Kernel } from '../kernel/port.ts';
import { sealed, unsealed } from '../kernel/sealed.ts';
import type { ObjectSpec } from '../object/spec.ts';
import { specFromJson, specToJson } from '../object/spec-json.ts';

/** Where entries are kept. Entries of another compiler must not be found there. */
export interface SpecStore {
  /** Those of the name that can be trusted, likeliest first. */
  read(name: string): Iterable<string>;
  /** Failing is no error. */
  write(name: string, text: string): void;
}

type Asked = readonly [fact: keyof TargetFacts, words: readonly string[], answer: string];

interface Entry {
  /** All of the input: names of entries are only hashes. */
  readonly key: string;
  readonly asked: readonly Asked[];
  /** JSON of its own, parsed only when the rest fits. */
  readonly spec: string;
}

export interface Compilation {
  readonly spec: ObjectSpec;
  /** Something was said that must be said again. */
  readonly spoke: boolean;
}

/** `input`: everything that `compile` depends on beside the facts. */
export async function remembered(
  store: SpecStore,
  input: readonly unknown[],
  facts: TargetFacts,
  kernel: Kernel,
  compile: (facts: TargetFacts) => Promise<Compilation>,
): Promise<ObjectSpec> {
  const key = JSON.stringify(input);
  const name = hash(key);
  for (const text of store.read(name)) {
    const known = fitting(text, key, facts, kernel);
    if (known !== undefined) return known;
  }
  const asked = new Map<string, Asked>();
  const { spec, spoke } = await compile(listening(facts, kernel, asked));
  const answers = [...asked.values()];
  if (!spoke && answers.every(([, , answer]) => answer !== UNKNOWN)) {
    const entry: Entry = { key, asked: answers, spec: specToJson(spec) };
    store.write(name, sealed(JSON.stringify(entry)));
  }
  return spec;
}

function fitting(text: string, key: string, facts: TargetFacts, kernel: Kernel): ObjectSpec | undefined {
  try {
    const content = unsealed(text);
    if (content === undefined) return undefined;
    const entry = JSON.parse(content) as Entry;
    const fits = entry.key === key && entry.asked.every(([fact, words, answer]) => answerOf(facts, kernel, fact, words) === answer);
    return fits ? specFromJson(entry.spec) : undefined;
  } catch {
    // Not what this compiler writes. What is wrong with the machine, compiling will say.
    return undefined;
  }
}

/** No answer is equal to it. */
const UNKNOWN = 'unknown';

function answerOf(facts: TargetFacts, kernel: Kernel, fact: keyof TargetFacts, words: readonly string[]): string {
  const [first = '', second = ''] = words;
  switch (fact) {
    case 'btf':
      return imageOf(kernel) ?? UNKNOWN;
    case 'kconfig':
      return JSON.stringify([facts.kconfig(first)]);
    case 'tracepointFormat':
      return JSON.stringify([facts.tracepointFormat(first, second)]);
    case 'similarTracepoints':
      return JSON.stringify([facts.similarTracepoints(first, second)]);
    default:
      return JSON.stringify([facts[fact]]);
  }
}

/** The same facts; what is asked of them is put down with the answer. */
function listening(facts: TargetFacts, kernel: Kernel, asked: Map<string, Asked>): TargetFacts {
  const hear = (fact: keyof TargetFacts, ...words: string[]): void => {
    const id = [fact, ...words].join(' ');
    if (!asked.has(id)) asked.set(id, [fact, words, answerOf(facts, kernel, fact, words)]);
  };
  return {
    get arch() {
      hear('arch');
      return facts.arch;
    },
    get kernelVersion() {
      hear('kernelVersion');
      return facts.kernelVersion;
    },
    get btf() {
      hear('btf');
      // A compiler asks for hundreds of types: these are not what is kept for the next start.
      return facts.btf instanceof RememberedBtf ? facts.btf.all : facts.btf;
    },
    get cpu() {
      hear('cpu');
      return facts.cpu;
    },
    kconfig(name) {
      hear('kconfig', name);
      return facts.kconfig(name);
    },
    tracepointFormat(category, event) {
      hear('tracepointFormat', category, event);
      return facts.tracepointFormat(category, event);
    },
    similarTracepoints(category, event) {
      hear('similarTracepoints', category, event);
      return facts.similarTracepoints(category, event);
    },
    get cpus() {
      hear('cpus');
      return facts.cpus;
    },
    get possibleCpus() {
      hear('possibleCpus');
      return facts.possibleCpus;
    },
  };
}

/** FNV-1a in two halves: a name, not a proof. */
function hash(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
