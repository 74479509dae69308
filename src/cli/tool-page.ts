/** The pages in `docs/tools/`, made from the descriptors by `scripts/tool-docs.mjs`; a test holds that they are current. */
import type { Flag, Place, ProbeChoice, Tool } from '../tools/tool.ts';
import { flagHead, flagText, TOPIC_TITLES, usageLine } from './help.ts';
import { allFlags } from './parse.ts';

/** `kernels` of a choice in words: where its places are. */
export function kernelsText({ minKernel }: ProbeChoice): string {
  return minKernel === undefined ? 'wherever these are' : `Linux ${minKernel} and later`;
}

export function placesText(choice: ProbeChoice): string {
  return [choice as Place, ...(choice.also ?? [])].map(({ kind, targets }) => `${kind} ${targets.join(', ')}`).join('; ');
}

/** A row for each choice; choices with the same places differ in the program only. */
function probeRows(tool: Tool): (readonly [string, string])[] {
  const rows = tool.probes.map((choice) => [placesText(choice), kernelsText(choice)] as const);
  return rows.filter(([places, kernels], at) => rows.findIndex((row) => row[0] === places && row[1] === kernels) === at);
}

export function toolPage(tool: Tool): string {
  const probes = probeRows(tool);
  const lines = [
    `# ${tool.name}`,
    '',
    `${tool.summary}.`,
    '',
    '```',
    usageLine(tool),
    '```',
    '',
    ...tool.about.split('\n').map((line) => line.trim()),
    '',
  ];
  if (tool.positionals.length > 0)
    lines.push(
      '## Arguments',
      '',
      ...table(
        ['argument', 'meaning'],
        tool.positionals.map(({ name, help }) => [`\`${name}\``, help]),
      ),
      '',
    );
  lines.push(
    '## Flags',
    '',
    ...table(
      ['flag', 'meaning'],
      Object.entries(allFlags(tool)).map(([name, flag]: [string, Flag]) => [`\`${flagHead(name, flag)}\``, flagText(flag)]),
    ),
    '',
    '## Examples',
    '',
    ...table(
      ['command', 'what it does'],
      tool.examples.map(({ command, help }) => [`\`skep ${command}\``, help]),
    ),
    '',
    '## Fields of `--json`',
    '',
    'One object a line.',
    '',
    ...table(
      ['field', 'type', 'meaning'],
      tool.fields.map(({ name, type, help }) => [`\`${name}\``, type, help]),
    ),
    '',
    '## Probes',
    '',
    probes.length > 1 ? 'In order of preference; the first that the kernel has is taken, and `-v` says which.' : 'What it hangs on.',
    '',
    ...table(['probes', 'kernels'], probes),
    '',
    ...(tool.noCgroup === undefined ? [] : [`There is no \`--cgroup\`: ${tool.noCgroup}.`, '']),
  );
  return lines.join('\n');
}

const WHICH_KERNELS =
  'The minimum is Linux 5.8 with BTF. The tables of probes on the pages say from which version on a way of seeing can be had; "wherever these are" is any kernel whose functions and tracepoints these still are.';

/** The page that lists them all. */
export function toolsIndex(tools: readonly Tool[]): string {
  const lines = ['# The tools', '', 'Made from the descriptors in `src/tools` by `node scripts/tool-docs.mjs`.', '', WHICH_KERNELS, ''];
  for (const [topic, title] of Object.entries(TOPIC_TITLES)) {
    const those = tools.filter((tool) => tool.topic === topic);
    if (those.length === 0) continue;
    lines.push(
      `## ${title}`,
      '',
      ...table(
        ['tool', 'what it shows'],
        those.map(({ name, summary }) => [`[${name}](${name}.md)`, summary]),
      ),
      '',
    );
  }
  return lines.join('\n');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  return [row(heads), row(heads.map(() => '---')), ...rows.map((cells) => row(cells.map(cell)))];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
