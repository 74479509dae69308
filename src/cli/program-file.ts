/**
 * The file that `compile`, `check` and `run` are about: its flags, its text, the facts it is compiled for. `check` and
 * `run` also take objects (`.bpf.o`), which are read instead of compiled.
 */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { objectName, onlyForText, readObjectFile } from '../bcc/object-file.ts';
import { BtfReader } from '../btf/read.ts';
import { folderOf, folderResolver } from '../compiler/c/preprocessor/headers.ts';
import { SourceManager } from '../compiler/c/source.ts';
import { type Compiled, type CompileOptions, compile } from '../compiler/compile.ts';
import { guessDialect } from '../compiler/dialect/auto.ts';
import { bccDialect } from '../compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../compiler/dialect/libbpf/dialect.ts';
import { type DiagnosticJson, diagnosticToJson, renderDiagnostics } from '../compiler/render-diagnostic.ts';
import { isElf } from '../elf/magic.ts';
import { ElfFile } from '../elf/read.ts';
import { UserError } from '../kernel/errors.ts';
import { type KernelFacts, readTargetFacts } from '../kernel/facts.ts';
import { fileReason } from '../kernel/file-reason.ts';
import type { Kernel } from '../kernel/port.ts';
import type { Flags } from '../tools/tool.ts';
import { CommandLineError } from './errors.ts';
import { HELP_FLAG } from './flags.ts';
import { parseFlags } from './parse.ts';

export const FILE_FLAGS = {
  define: { type: 'strings', short: 'D', value: 'NAME[=VALUE]', help: 'define a macro' },
  include: { type: 'strings', short: 'I', value: 'FOLDER', help: 'look for headers there, too' },
  dialect: { type: 'string', choices: ['bcc', 'libbpf'], value: 'bcc|libbpf', help: 'whose C it is; guessed from the text without' },
  json: { type: 'boolean', help: 'the result as one line of JSON, messages included' },
  ...HELP_FLAG,
} as const satisfies Flags;

export interface ProgramFile {
  readonly file: string;
  /** The file's bytes where it is an object; then there is no text. */
  readonly object: Uint8Array | undefined;
  readonly text: string;
  /** The file's name without folder and ending. */
  readonly name: string;
  readonly facts: KernelFacts;
  readonly options: CompileOptions;
}

export interface FileOptions {
  readonly define?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly dialect?: 'bcc' | 'libbpf' | undefined;
  readonly btf?: string | undefined;
  readonly portable?: boolean;
}

/** The one file that such a command takes, and its options. */
export function parseFileCommand<O>(
  command: string,
  flags: Flags,
  words: readonly string[],
): { readonly options: O; readonly file: string; readonly help: boolean } {
  const { options, positionals } = parseFlags(command, flags, words);
  const help = options['help'] === true;
  const [file, extra] = positionals;
  if (!help && file === undefined) throw new CommandLineError(`${command} needs a ${what(command)}; see 'skep ${command} --help'`);
  if (!help && extra !== undefined) throw new CommandLineError(`${command} takes one ${what(command)}, not also '${extra}'`);
  return { options: options as O, file: file ?? '', help };
}

const what = (command: string): string => (command === 'compile' ? 'C file' : 'C file or object');

export function openProgram(kernel: Kernel, file: string, options: FileOptions): ProgramFile {
  const bytes = readBytes(file);
  const object = isElf(bytes) ? bytes : undefined;
  if (object !== undefined) onlyForText({ define: options.define, include: options.include, dialect: options.dialect }, file);
  const text = object === undefined ? bytes.toString('utf8') : '';
  const facts = readTargetFacts(kernel, {
    ...(options.btf === undefined ? {} : { btf: readBtfFile(options.btf) }),
    // An object that is made for any kernel keeps to instructions that all of them have.
    ...(options.portable === true ? { cpu: 3 as const } : {}),
  });
  const dialect = options.dialect === undefined ? guessDialect(text) : options.dialect === 'bcc' ? bccDialect : libbpfDialect;
  const name = object === undefined ? file.replace(/^.*\//, '').replace(/(?:\.bpf)?\.c$/, '') : objectName(file);
  return {
    file,
    object,
    text,
    name,
    facts,
    options: {
      facts,
      dialect,
      name,
      file,
      folder: folderOf(file),
      defines: options.define ?? [],
      includes: headers(options.include ?? []),
      portable: options.portable === true,
      warnUnused: true,
    },
  };
}

/** C only. */
export function compileFile(program: ProgramFile): Compiled {
  if (program.object !== undefined)
    throw new UserError(`${program.file} is an object, compiled already`, "'skep check' and 'skep run' take it as it is");
  return compile(program.text, program.options);
}

/** What is in the file: an object read, C compiled. */
export function specOfFile(program: ProgramFile): Pick<Compiled, 'spec' | 'diagnostics' | 'source'> {
  if (program.object === undefined) return compileFile(program);
  return { spec: readObjectFile(program.object, program.file), diagnostics: [], source: new SourceManager() };
}

export function messages(compiled: Pick<Compiled, 'diagnostics' | 'source'>): string {
  return compiled.diagnostics.length === 0
    ? ''
    : renderDiagnostics(compiled.diagnostics, compiled.source, {
        color: isatty(2) && process.env['NO_COLOR'] === undefined,
      });
}

export function messagesJson({ diagnostics, source }: Pick<Compiled, 'diagnostics' | 'source'>): DiagnosticJson[] {
  return diagnostics.map((d) => diagnosticToJson(d, source));
}

/** Bytes. The largest header there is, a whole vmlinux.h, has 5 MB. */
const MAX_HEADER = 64 << 20;

function headers(folders: readonly string[]): ReturnType<typeof folderResolver> {
  return folderResolver({
    user: folders,
    resolve,
    read(path) {
      try {
        // A pipe or a device has no end that a compiler could wait for.
        const stat = statSync(path);
        return stat.isFile() && stat.size <= MAX_HEADER ? readFileSync(path, 'utf8') : undefined;
      } catch {
        // Not there, a folder, not readable: the next place may have it, and if none has the compiler says so.
        return undefined;
      }
    },
  });
}

function readBytes(file: string): Buffer {
  try {
    const device = file !== '-' && statSync(file);
    if (device && (device.isCharacterDevice() || device.isBlockDevice())) throw new UserError(`cannot read ${file}: it is a device`);
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${file}: ${fileReason(error)}`, undefined, error);
  }
}

/** Types that are missing would be blamed on the program. */
function whole(btf: BtfReader, file: string): BtfReader {
  if (btf.cutOff !== undefined) throw new UserError(`${file} is not whole: ${btf.cutOff}`, 'copy the file again');
  return btf;
}

/** Raw BTF, as /sys/kernel/btf/vmlinux has it, or an ELF file with a .BTF section (a vmlinux, an object). */
function readBtfFile(file: string): BtfReader {
  const bytes = readBytes(file);
  try {
    if (!isElf(bytes)) return whole(new BtfReader(bytes), file);
    const elf = new ElfFile(bytes);
    const section = elf.section('.BTF');
    if (section === undefined) throw new UserError(`${file} has no .BTF section`);
    return whole(new BtfReader(elf.data(section)), file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} is no BTF: ${(error as Error).message}`, undefined, error);
  }
}
