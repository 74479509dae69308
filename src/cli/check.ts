/**
 * `skep check prog.c`: what the verifier of this kernel says about each program, without attaching any.
 *
 *   compile ─▶ maps are made ─▶ each program is loaded by itself ─▶ its numbers, or the reason why not ─▶ all is closed
 *
 * A refused program does not hide the next.
 */

import { UserError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { mapInfo, progInfo, programMapIds } from '../kernel/obj-info.ts';
import type { Kernel } from '../kernel/port.ts';
import { type LoadedObject, loadObject } from '../link/load.ts';
import { VerifierError } from '../link/verifier-error.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { jsonLine } from '../render/json.ts';
import { safe } from '../render/safe.ts';
import type { Flags, OptionsOf } from '../tools/tool.ts';
import type { CommandHelp } from './commands.ts';
import { FILE_FLAGS, messages, messagesJson, openProgram, parseFileCommand, specOfFile } from './program-file.ts';
import { showHelp } from './show-help.ts';
import { complain, print } from './standard.ts';

const FLAGS = {
  log: { type: 'boolean', help: "the verifier's whole log of each program" },
  ...FILE_FLAGS,
} as const satisfies Flags;

export const help: CommandHelp = {
  usage: 'PROG.c | PROG.bpf.o',
  about:
    'Compiles the file (or reads the object that clang or `skep compile` made), has the kernel verify each of its programs, and shows what it said: type, instructions, instructions that the verifier went through, stack, maps and time; for a refused program the line and the reason. Nothing is attached, nothing stays. Exit status: 0 if all programs were accepted, 1 if not, 2 for wrong usage.',
  flags: FLAGS,
  examples: [
    ['sudo skep check prog.c', 'a line for each program'],
    ['sudo skep check --json prog.c', 'the same as JSON'],
    ['sudo skep check --log prog.c', "with the verifier's log"],
  ],
};

export interface Checked {
  readonly name: string;
  readonly type: string;
  readonly section: string;
  readonly ok: boolean;
  /** Slots of eight bytes, as they were given to the kernel. */
  readonly instructions?: number;
  /** After the kernel's rewriting; 0 where it does not tell. */
  readonly xlated?: number;
  readonly verified?: number;
  /** Bytes; of a program with subprograms the sum of its functions. */
  readonly stack?: number;
  readonly maps?: readonly string[];
  readonly milliseconds?: number;
  readonly error?: string;
  readonly reason?: {
    readonly class: string;
    readonly summary: string;
    readonly hint: string | null;
    readonly kernel: string;
    readonly source: unknown;
    readonly trail: unknown;
  };
  readonly log?: string;
}

type Options = OptionsOf<typeof FLAGS>;

export async function run(words: readonly string[]): Promise<number> {
  const { options, file, help: wanted } = parseFileCommand<Options>('check', FLAGS, words);
  if (wanted) return await showHelp('check', help);
  const kernel = linuxKernel();
  const program = openProgram(kernel, file, { ...options, dialect: options.dialect as 'bcc' | 'libbpf' | undefined });
  const compiled = specOfFile(program);
  if (!options.json) complain(messages(compiled));
  const { spec } = compiled;
  if (spec === undefined) {
    if (options.json) print(`${jsonLine({ file, ok: false, diagnostics: messagesJson(compiled), programs: [] })}\n`);
    return 1;
  }
  if (spec.programs.length === 0)
    throw new UserError(`${file} has no programs`, 'a program is a function with a section (libbpf) or one that is not static (BCC)');
  // Statistics (4) are there also for accepted programs; so is, at 2, every instruction.
  using object = loadObject(spec, kernel, {
    facts: program.facts,
    programs: () => false,
    slotPrograms: false,
    logLevel: options.log ? 6 : 4,
  });
  for (const warning of object.warnings) if (!options.json) complain(`skep: warning: ${warning}\n`);
  const results = spec.programs.map((one) => checkProgram(kernel, object, one, options.log));
  const ok = results.every((result) => result.ok);
  if (options.json)
    print(`${jsonLine({ file, ok, kernel: program.facts.version.release, diagnostics: messagesJson(compiled), programs: results })}\n`);
  else for (const line of lines(results)) print(`${line}\n`);
  return ok ? 0 : 1;
}

export function checkProgram(kernel: Kernel, object: LoadedObject, spec: ProgramSpec, withLog: boolean): Checked {
  const { name, type, section } = spec;
  const start = performance.now();
  try {
    const loaded = object.load(spec);
    const milliseconds = Math.round((performance.now() - start) * 1000) / 1000;
    const info = progInfo(kernel, loaded.fd);
    const stack = /^stack depth ([\d+]+)/m
      .exec(loaded.log)?.[1]
      ?.split('+')
      .reduce((sum, bytes) => sum + Number(bytes), 0);
    const processed = /^processed (\d+) insns/m.exec(loaded.log)?.[1];
    return {
      name,
      type,
      section,
      ok: true,
      instructions: loaded.joined.slots.at(-1) ?? 0,
      xlated: info.xlated_prog_len / 8,
      // In program info since Linux 5.16, in the log always.
      verified: processed === undefined ? info.verified_insns : Number(processed),
      ...(stack === undefined ? {} : { stack }),
      maps: programMapIds(kernel, loaded.fd).map((id) => mapName(kernel, object, id)),
      milliseconds,
      ...(withLog ? { log: loaded.log } : {}),
    };
  } catch (error) {
    if (error instanceof VerifierError) {
      return {
        name,
        type,
        section,
        ok: false,
        error: error.report(),
        reason: {
          class: error.class,
          summary: error.summary,
          hint: error.hint ?? null,
          kernel: error.kernelMessage,
          source: error.source ?? null,
          trail: error.trail,
        },
        ...(withLog ? { log: error.log } : {}),
      };
    }
    if (error instanceof UserError)
      return {
        name,
        type,
        section,
        ok: false,
        error: error.hint === undefined ? error.message : `${error.message}\n  hint: ${error.hint}`,
      };
    throw error;
  }
}

function mapName(kernel: Kernel, object: LoadedObject, id: number): string {
  for (const map of object.maps.values()) if (mapInfo(kernel, map.fd).id === id) return map.name;
  return `#${id}`;
}

function* lines(results: readonly Checked[]): Generator<string> {
  const width = Math.max(7, ...results.map(({ name }) => name.length));
  const typeWidth = Math.max(4, ...results.map(({ type }) => type.length));
  yield `${'PROGRAM'.padEnd(width)}  ${'TYPE'.padEnd(typeWidth)}  ${'INSNS'.padStart(6)} ${'XLATED'.padStart(7)} ${'VERIFIED'.padStart(9)} ${'STACK'.padStart(6)} ${'MS'.padStart(8)}  MAPS`;
  for (const r of results) {
    const head = `${r.name.padEnd(width)}  ${r.type.padEnd(typeWidth)}`;
    if (!r.ok) {
      yield `${head}  refused`;
      continue;
    }
    yield `${head}  ${String(r.instructions).padStart(6)} ${String(r.xlated).padStart(7)} ${String(r.verified).padStart(9)} ${String(r.stack ?? '').padStart(6)} ${(r.milliseconds ?? 0).toFixed(2).padStart(8)}  ${(r.maps ?? []).join(' ')}`.trimEnd();
  }
  for (const r of results) {
    if (r.error !== undefined) yield `\n${r.error.split('\n').map(safe).join('\n')}`;
    if (r.log !== undefined) yield `\n${r.name}:\n${r.log.trimEnd().split('\n').map(safe).join('\n')}`;
  }
}
