/**
 * Programs of tools, compiled for a guest's kernel on the machine that the guest runs on: compiling is a function of the
 * text and what is known of the kernel, and an emulated processor takes fifty times as long for it.
 *
 *   host   words of the tests, examples ─▶ text for each way of probing ─▶ compile ─▶ one file for each text
 *   guest                                  text ─▶ its file, as if this tool had run before ─▶ the kernel
 *
 * A text that is not there (a process's number is in it) is compiled in the guest.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCflags } from '../../src/bcc/cflags.ts';
import { compileText } from '../../src/bcc/compile-text.ts';
import { remembered, type SpecStore } from '../../src/bcc/remember.ts';
import { parseTool } from '../../src/cli/parse.ts';
import { CompileError } from '../../src/compiler/compile-error.ts';
import type { TargetFacts } from '../../src/compiler/target-facts.ts';
import { UserError } from '../../src/kernel/errors.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';
import { sealed, unsealed } from '../../src/kernel/sealed.ts';
import { TOOL_LIST } from '../../src/tools/index.ts';
import type { Tool, ToolContext } from '../../src/tools/tool.ts';
import { GUEST_OBJECTS } from '../run/guest-objects.ts';
import { built } from '../run/paths.ts';
import { shellWords } from './shell-words.ts';

const folderIn = (objects: string): string => join(objects, 'tools');

/** What this process compiled, and what the machine below has. */
export function compiledPrograms(): SpecStore {
  const compiled = new Map<string, string>();
  const objects = process.env[GUEST_OBJECTS];
  const below = (name: string): string | undefined => {
    try {
      return objects === undefined ? undefined : readFileSync(join(folderIn(objects), name), 'utf8');
    } catch {
      return undefined;
    }
  };
  return { read: (name) => [compiled.get(name) ?? below(name) ?? []].flat(), write: (name, text) => void compiled.set(name, text) };
}

/** Compiles what tests of tools will ask for, for the kernel that the facts are about. */
export async function keepToolPrograms(objects: string, facts: TargetFacts): Promise<void> {
  const folder = folderIn(objects);
  mkdirSync(folder, { recursive: true });
  // The answers of this kernel are not those of the guest's; the facts are the guest's.
  const store: SpecStore = {
    read: () => [],
    write: (name, text) => {
      const entry = JSON.parse(unsealed(text) ?? '') as object;
      writeFileSync(join(folder, name), sealed(JSON.stringify({ ...entry, asked: [] })));
    },
  };
  const known = new Set<string>();
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    const examples = tool.examples.map(({ command }) => shellWords(command).slice(1));
    for (const words of [...examples, ...wordsOfTests(tool.name)])
      for (const text of textsOf(tool, words)) {
        if (known.has(text)) continue;
        known.add(text);
        await keep(store, tool.name, text, facts);
      }
  }
}

/** The words of a tool in its tests, where they are written out: `startTool(['opensnoop', '-x'])`. */
function wordsOfTests(name: string): string[][] {
  const literal = new RegExp(`\\['${name}'((?:, '[^'\\\\]*')*)\\]`, 'g');
  return ['host', 'guest'].flatMap((tier) => {
    const folder = join(built, 'test', tier, 'tools');
    return readdirSync(folder)
      .filter((file) => file.endsWith('.test.js'))
      .flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(literal)])
      .map(([, words = '']) => [...words.matchAll(/'([^']*)'/g)].map(([, word = '']) => word));
  });
}

/** The tool's C for each of its ways of probing. Words that it refuses (a test of that, a disk of the guest's) have none. */
function textsOf(tool: Tool, words: readonly string[]): string[] {
  try {
    const { options, args } = parseTool(tool, words);
    const given = options as ToolContext['options'];
    const typed: ToolContext['options'] = { ...given, ...tool.prepare?.({ options: given, kernel: linuxKernel() }) };
    return tool.probes.map((choice) => tool.program(typed, args, choice));
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** As `BPF.load` compiles it for a tool. What does not compile for this kernel is left to the guest. */
async function keep(store: SpecStore, name: string, text: string, facts: TargetFacts): Promise<void> {
  const file = `${name}.c`;
  const flags = parseCflags([]);
  let spoke = false;
  const compile = async (known: TargetFacts) => {
    const onWarning = (): void => {
      spoke = true;
    };
    return { spec: compileText({ text, file, name, onWarning, usdt: [], ...flags }, known, linuxKernel()), spoke };
  };
  try {
    await remembered(store, [text, file, name, '', flags.defines], facts, linuxKernel(), compile);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
}
