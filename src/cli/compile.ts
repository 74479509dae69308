/**
 * `skep compile prog.c`: from C to a BPF object, or to one of the stages on the way. Needs no root: nothing is loaded
 * (but TRACEPOINT_PROBE takes its records from tracefs).
 *
 *   pp: text after the preprocessor   ir: after the passes   asm: instructions   btf: types as C   obj: an ELF object
 *
 * Without --btf and --portable the layouts are those of the running kernel.
 */
import { writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { dumpAll } from '../btf/dump.ts';
import { type Compiled, preprocess } from '../compiler/compile.ts';
import { printModule } from '../compiler/ir/print.ts';
import { terminalSafe } from '../compiler/render-diagnostic.ts';
import { slots } from '../isa/insn.ts';
import { UserError } from '../kernel/errors.ts';
import { fileReason } from '../kernel/file-reason.ts';
import { linuxKernel } from '../kernel/linux.ts';
import type { ObjectSpec } from '../object/spec.ts';
import { writeObject } from '../object/write.ts';
import { jsonLine } from '../render/json.ts';
import type { Flags, OptionsOf } from '../tools/tool.ts';
import { assemblyText } from './assembly-text.ts';
import type { CommandHelp } from './commands.ts';
import { CommandLineError } from './errors.ts';
import { compileFile, FILE_FLAGS, messages, messagesJson, openProgram, parseFileCommand } from './program-file.ts';
import { showHelp } from './show-help.ts';
import { complain, print } from './standard.ts';

const FLAGS = {
  out: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    help: "where to write; '-' is stdout. Objects go to PROG.bpf.o without, text to stdout",
  },
  emit: {
    type: 'string',
    value: 'STAGE',
    choices: ['obj', 'asm', 'ir', 'pp', 'btf'],
    default: 'obj',
    help: 'what to make: obj, asm, ir, pp or btf',
  },
  btf: { type: 'string', value: 'FILE', help: 'types of the target kernel (raw BTF, or ELF with .BTF); the running one without' },
  portable: { type: 'boolean', help: 'for any kernel: CO-RE relocations, instruction set v3' },
  ...FILE_FLAGS,
} as const satisfies Flags;

export const help: CommandHelp = {
  usage: 'PROG.c',
  about:
    'Compiles restricted C, in the dialect of BCC or of libbpf, to an object that bpftool, libbpf and other loaders take. Nothing is loaded, so no privilege is needed, except for TRACEPOINT_PROBE, whose records stand in tracefs, which only root may read. Exit status: 0, 1 if the text has errors, 2 for wrong usage.',
  flags: FLAGS,
  examples: [
    ['skep compile prog.c', 'to prog.bpf.o, for this kernel'],
    ['skep compile --portable -o out.o prog.bpf.c', 'for any kernel, by CO-RE'],
    ['skep compile --emit asm -DDEBUG prog.c', 'show the instructions'],
    ['skep compile --json --emit pp prog.c', 'messages and text as JSON'],
  ],
};

type Options = OptionsOf<typeof FLAGS>;

export async function run(words: readonly string[]): Promise<number> {
  const { options, file, help: wanted } = parseFileCommand<Options>('compile', FLAGS, words);
  if (wanted) return await showHelp('compile', help);
  if (file === '-' && options.out === undefined && options.emit === 'obj')
    throw new CommandLineError('compile: an object of what stdin gives needs a name: -o FILE');
  const program = openProgram(linuxKernel(), file, { ...options, dialect: options.dialect as 'bcc' | 'libbpf' | undefined });
  const stage = options.emit;
  const compiled =
    stage === 'pp' ? { ...preprocess(program.text, program.options), spec: undefined, module: undefined } : compileFile(program);
  const failed = compiled.diagnostics.some((d) => d.severity === 'error');
  const made = failed ? undefined : make(stage, compiled);
  const target = options.out ?? (stage === 'obj' ? `${program.name}.bpf.o` : '-');
  // In JSON the text is a member, an object on stdout would be neither.
  const inJson = options.json && target === '-' && stage !== 'obj';
  if (options.json && target === '-' && stage === 'obj')
    throw new UserError('--json and an object cannot both go to stdout', 'give the object a file with -o');
  if (made !== undefined && !inJson) writeOut(target, made);
  if (options.json) {
    print(
      `${jsonLine({
        file,
        ok: !failed,
        emit: stage,
        diagnostics: messagesJson(compiled),
        ...(made === undefined ? {} : inJson ? { text: made } : { output: target }),
        ...(compiled.spec === undefined ? {} : describe(compiled.spec)),
      })}\n`,
    );
  } else complain(messages(compiled));
  return failed ? 1 : 0;
}

function make(stage: string, compiled: Pick<Compiled, 'spec' | 'module'> & { readonly text?: string }): Uint8Array | string {
  const { spec, module } = compiled;
  switch (stage) {
    case 'pp':
      return compiled.text ?? '';
    case 'ir':
      return module === undefined ? '' : printModule(module);
    case 'asm':
      return spec === undefined ? '' : assemblyText(spec);
    case 'btf':
      return spec?.btf === undefined ? '' : dumpAll(spec.btf);
    default:
      return spec === undefined ? '' : writeObject(spec);
  }
}

function describe(spec: ObjectSpec): object {
  return {
    license: spec.license,
    programs: spec.programs.map(({ name, type, section, target, entry }) => ({
      name,
      type,
      section,
      target: target ?? null,
      instructions: spec.functions.get(entry)?.insns.reduce((sum, insn) => sum + slots(insn), 0) ?? 0,
    })),
    maps: [...spec.maps.values()].map(({ name, type, keySize, valueSize, maxEntries }) => ({ name, type, keySize, valueSize, maxEntries })),
  };
}

function writeOut(target: string, what: Uint8Array | string): void {
  if (target === '-') {
    // The text quotes the user's: to a terminal only what does nothing to it.
    const bytes =
      typeof what === 'string'
        ? Buffer.from(
            isatty(1)
              ? what
                  .split('\n')
                  .map((line) => terminalSafe(line.replaceAll('\t', '        ')))
                  .join('\n')
              : what,
          )
        : what;
    if (isatty(1) && typeof what !== 'string') throw new UserError('an object is no text for a terminal', 'give it a file with -o');
    print(bytes);
    return;
  }
  try {
    writeFileSync(target, what);
  } catch (error) {
    throw new UserError(`cannot write ${target}: ${fileReason(error)}`, undefined, error);
  }
}
