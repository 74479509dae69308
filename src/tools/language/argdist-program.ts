/**
 * The C of `argdist`: a program and a map for each probe, and where a return probe asks for `$entry(…)` or `$latency`,
 * a second program at the entry that keeps what was asked for by thread.
 *
 *   entry:  entries_N[thread] = { __time, parameters that are asked for }
 *   probe:  values ─▶ filter ─▶ counts_N[{ v0, v1, … }]++   or   counts_N[log2(value)]++
 */
import { type ArgdistSpec, isString } from './argdist-spec.ts';
import {
  COMMON_NAMES,
  inPlace,
  type Memory,
  NO_REGISTER_NAMES,
  parameters,
  readString,
  registerNames,
  stringCompare,
  usdtArguments,
} from './c-text.ts';
import { SpecError, type Words } from './cursor.ts';

export interface ArgdistProbe {
  readonly spec: ArgdistSpec;
  readonly use: 'count' | 'histogram';
  /** From 1: parts of the names in C. */
  readonly number: number;
  /** The function is a system call behind a wrapper: its arguments lie in registers that its own argument points to. */
  readonly syscall: boolean;
}

export const countsOf = (probe: ArgdistProbe): string => `counts_${probe.number}`;
export const programOf = (probe: ArgdistProbe): string => {
  const { kind, category, name } = probe.spec.probe;
  if (kind === 't') return `tracepoint__${category}__${name}`;
  return `${probe.syscall && kind === 'p' ? 'syscall__' : ''}probe_${probe.number}`;
};
export const entryProgramOf = (probe: ArgdistProbe): string => `${probe.syscall ? 'syscall__' : ''}entry_${probe.number}`;

/** What is collected where nothing is said. */
export function valuesOf({ spec, use }: ArgdistProbe): readonly { readonly type: Words; readonly value: Words; readonly shown: string }[] {
  if (spec.values.length > 0)
    return spec.values.map((value, i) => ({
      type: spec.types[i] ?? { text: 'u64', start: 0 },
      value,
      shown: value.text.replace(/\$entry\((\w+)\)/g, '$1'),
    }));
  if (spec.probe.kind === 'r') return [{ type: { text: 'int', start: 0 }, value: { text: '$retval', start: 0 }, shown: 'retval' }];
  return use === 'count' ? [{ type: { text: 'u64', start: 0 }, value: { text: '1', start: 0 }, shown: '' }] : [];
}

/** How many of the values of each program are texts. */
export function textsOf(probes: readonly ArgdistProbe[]): Map<string, { readonly texts: number; readonly values: number }> {
  return new Map(
    probes.map((probe) => {
      const values = valuesOf(probe);
      return [programOf(probe), { texts: values.filter(({ type }) => isString(type.text)).length, values: values.length }];
    }),
  );
}

/** Words that ask for the entry of the function. */
export function needsEntry({ spec }: ArgdistProbe): boolean {
  return (
    spec.probe.kind === 'r' &&
    [...spec.values, ...(spec.filter ? [spec.filter] : [])].some(({ text }) => /\$(?:entry|latency)\b/.test(text))
  );
}

function memoryOf({ spec, syscall }: ArgdistProbe, value: Words): Memory {
  if (spec.probe.library !== '' || syscall) return 'user';
  return parameters(spec.signature.text).some(({ name, user }) => user && name === value.text) ? 'user' : 'either';
}

/** `prologue`: C that leaves the program for tasks that are not wanted. */
export function argdistProgram(probes: readonly ArgdistProbe[], stringSize: number, prologue: string): string {
  return [
    COMMON_NAMES,
    `struct __string_t { char s[${stringSize}]; };`,
    ...probes.map((probe) => [needsEntry(probe) ? entryText(probe, prologue) : '', probeText(probe, prologue)].join('\n')),
  ].join('\n');
}

function nameOf(probe: ArgdistProbe): string {
  return `probe ${probe.number}`;
}

/** The parameters that `$entry(…)` asks for. */
function keptParameters(probe: ArgdistProbe): { name: string; type: string }[] {
  const { spec } = probe;
  const known = parameters(spec.signature.text);
  const kept = new Map<string, string>();
  for (const { text, start } of [...spec.values, ...(spec.filter ? [spec.filter] : [])]) {
    for (const match of text.matchAll(/\$entry\(\s*(\w+)\s*\)/g)) {
      const name = match[1] ?? '';
      const found = known.find((parameter) => parameter.name === name);
      if (!found)
        throw new SpecError(
          spec.text,
          start + match.index,
          `the signature has no parameter '${name}'`,
          known.map((parameter) => parameter.name),
        );
      kept.set(name, found.type);
    }
  }
  return [...kept].map(([name, type]) => ({ name, type }));
}

function entryText(probe: ArgdistProbe, prologue: string): string {
  const { number, spec } = probe;
  const kept = keptParameters(probe);
  return `
struct entry_${number} {
    u64 __time;
${kept.map(({ name, type }) => `    ${type} ${name};`).join('\n')}
};
BPF_HASH(entries_${number}, u32, struct entry_${number});

int ${entryProgramOf(probe)}(struct pt_regs *ctx${signature(spec, nameOf(probe))})
{
${prologue}
    u32 __tid = bpf_get_current_pid_tgid();
    struct entry_${number} __e = {};
${kept.map(({ name }) => `    __e.${name} = ${name};`).join('\n')}
    __e.__time = bpf_ktime_get_ns();
    entries_${number}.update(&__tid, &__e);
    return 0;
}
`;
}

function signature(spec: ArgdistSpec, name: string): string {
  return spec.signature.text === '' ? '' : `,${inPlace(spec.signature, name)}`;
}

function probeText(probe: ArgdistProbe, prologue: string): string {
  const { spec, use, number, syscall } = probe;
  const { kind, category, name, library } = spec.probe;
  const values = valuesOf(probe);
  const where = nameOf(probe);
  const entry = needsEntry(probe);
  const head =
    kind === 't'
      ? `TRACEPOINT_PROBE(${category}, ${name})`
      : `int ${programOf(probe)}(struct pt_regs *ctx${kind === 'p' ? signature(spec, where) : ''})`;
  const map =
    use === 'histogram'
      ? `BPF_HISTOGRAM(${countsOf(probe)});`
      : `struct key_${number} {
${values.map(({ type }, i) => `    ${isString(type.text) ? 'struct __string_t' : inPlace(type, where)} v${i};`).join('\n')}
};
BPF_HASH(${countsOf(probe)}, struct key_${number}, u64);`;
  const collect =
    use === 'histogram'
      ? values.map(
          ({ type, value }) =>
            `    ${inPlace(type, where)} __v =${inPlace(value, where)};\n    ${countsOf(probe)}.atomic_increment(bpf_log2l(__v));`,
        )
      : [
          `    struct key_${number} __key = {};`,
          ...values.map(({ type, value }, i) => `    ${assign(`__key.v${i}`, type.text, value, where, memoryOf(probe, value))}`),
          `    ${countsOf(probe)}.atomic_increment(__key);`,
        ];
  return `
${map}
${kind === 'p' || kind === 'r' ? registerNames(syscall) : ''}
${stringCompare(library !== '' || syscall ? 'user' : 'either')}
#define $entry(name) (__entry->name)
#define $latency (bpf_ktime_get_ns() - __entry->__time)
${head}
{
${prologue}
${entry ? `    u32 __tid = bpf_get_current_pid_tgid();\n    struct entry_${number} *__entry = entries_${number}.lookup(&__tid);\n    if (!__entry)\n        return 0;` : ''}
${kind === 'u' ? usdtArguments(spec.filter ? [...spec.values, spec.filter] : spec.values) : ''}
${spec.filter ? `    if (!(${inPlace(spec.filter, where)}))\n        return 0;` : ''}
${collect.join('\n')}
    return 0;
}
#undef STRCMP
#undef $entry
#undef $latency
${NO_REGISTER_NAMES}
`;
}

function assign(into: string, type: string, value: Words, where: string, memory: Memory): string {
  if (!isString(type)) return `${into} =${inPlace(value, where)};`;
  if (value.text === '$COMM') return `bpf_get_current_comm(&${into}.s, sizeof(${into}.s));`;
  return readString(`${into}.s`, inPlace(value, where), memory);
}
