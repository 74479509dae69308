/**
 * A tool's probe choices as `attach/choose` takes them: a row for each, with the program that the tool makes for it.
 *
 *   tool.probes, best first ─▶ alternatives ─▶ BPF.loadFirst: all places there? loads? attaches? ─▶ the first, or all reasons
 */
import { type ProbeAlternative, whyNot } from '../attach/choose.ts';
import type { LoadAlternative } from '../bcc/bpf.ts';
import { type Features, featuresOf } from '../kernel/features.ts';
import type { Kernel } from '../kernel/port.ts';
import { atLeast } from '../kernel/version.ts';
import type { Place, ProbeChoice, Tool, ToolContext } from './tool.ts';

/** Kinds whose targets are names that can be looked for before anything is loaded. */
const LOOKED_FOR: ReadonlySet<Place['kind']> = new Set(['tracepoint', 'raw_tracepoint', 'tp_btf', 'fentry', 'kprobe']);

export interface Chosen extends LoadAlternative {
  readonly choice: ProbeChoice;
}

export function alternatives(tool: Tool, options: ToolContext['options'], args: ToolContext['args']): Chosen[] {
  return tool.probes.map((choice) => ({
    ...alternative(choice),
    choice,
    load: { text: tool.program(options, args, choice) },
    attach: (bpf) => tool.attach?.(bpf, options, choice, args),
  }));
}

function alternative(choice: ProbeChoice): ProbeAlternative {
  const places = [choice, ...(choice.also ?? [])];
  const named = places.filter(({ kind }) => LOOKED_FOR.has(kind));
  return {
    probes: named.flatMap(({ kind, targets }) =>
      targets.map((target) => `${kind}:${kind === 'kprobe' ? target.replace(/^\w+:/, '') : target}`),
    ),
    label: places
      .map(({ kind, targets }) => (kind === 'none' ? targets : targets.map((target) => `${kind}:${target}`)).join(' + '))
      .join(' + '),
    when: (features) => others(features, choice, places),
  };
}

function others(features: Features, { minKernel }: ProbeChoice, places: readonly Place[]): true | string {
  if (minKernel !== undefined && !atLeast(features.version, minKernel)) return `it needs Linux ${minKernel}`;
  const inProcesses = places.some(({ kind }) => kind === 'uprobe' || kind === 'usdt');
  return inProcesses && !features.uprobes ? 'no uprobes' : true;
}

/** The first choice that seems to be there, for `--print-program`; without privilege to look, the first. */
export function likelyChoice(kernel: Kernel, probes: readonly ProbeChoice[]): ProbeChoice {
  const [first] = probes;
  if (first === undefined) throw new TypeError('a tool has at least one probe choice');
  const features = featuresOf(kernel);
  return probes.find((choice) => whyNot(features, alternative(choice)) === undefined) ?? first;
}
