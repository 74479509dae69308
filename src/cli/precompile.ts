/**
 * What the build runs last, on the kernel that it runs on: the programs of the tools as they are without flags, and with
 * `--pid` where that is not in the text, compiled and kept beside the command, so that their first start on this machine
 * does not compile either.
 *
 *   tool, no words ─▶ its likeliest program ─▶ compile (nothing is loaded) ─▶ dist/cli/specs/<name>.json
 *
 * An entry says what it was compiled for (`bcc/remember.ts`) and is not taken elsewhere. What cannot be known here (who is
 * not root cannot read the formats of tracepoints; no kernel without types) is left to the first start, which says why.
 */
import { specFrom } from '../bcc/spec-from.ts';
import { readTargetFacts } from '../kernel/facts.ts';
import { rememberTypeIds } from '../kernel/kernel-btf.ts';
import { linuxKernel } from '../kernel/linux.ts';
import type { Kernel } from '../kernel/port.ts';
import { likelyChoice } from '../tools/choose.ts';
import { TOOL_LIST } from '../tools/index.ts';
import type { Tool, ToolContext } from '../tools/tool.ts';
import { parseTool } from './parse.ts';
import { builtSpecs, typeIdStore } from './spec-store.ts';

/** How many there are now. */
export async function precompile(): Promise<number> {
  const store = builtSpecs();
  if (store === undefined) return 0;
  const kernel = linuxKernel();
  const typeIds = rememberTypeIds(kernel, typeIdStore(store));
  let made = 0;
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    for (const text of programs(tool, kernel)) {
      try {
        // A warning is for who starts the tool.
        await specFrom({ name: tool.name, text, store, onWarning: () => {} }, kernel, readTargetFacts(kernel));
        made++;
      } catch {
        // Something that this kernel or this user has not.
      }
    }
  }
  typeIds.save();
  return made;
}

function programs(tool: Tool, kernel: Kernel): ReadonlySet<string> {
  const plain = program(tool, kernel, []);
  const [one, other] = 'pid' in tool.flags ? [program(tool, kernel, ['--pid=1']), program(tool, kernel, ['--pid=2'])] : [];
  return new Set([plain, one === other ? one : undefined].filter((text) => text !== undefined));
}

/** Undefined for words that the tool does not take: it needs some, or others. */
function program(tool: Tool, kernel: Kernel, words: readonly string[]): string | undefined {
  try {
    const { options, args } = parseTool(tool, words);
    const given = options as ToolContext['options'];
    const typed: ToolContext['options'] = { ...given, ...tool.prepare?.({ options: given, kernel }) };
    return tool.program(typed, args, likelyChoice(kernel, tool.probes));
  } catch {
    return undefined;
  }
}
