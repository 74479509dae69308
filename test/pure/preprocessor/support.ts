/**
 * Shared by the preprocessor's tests: runs skep's preprocessor on a text, runs clang's, and cuts clang's output into
 * tokens with a tokeniser that has nothing in common with the one under test.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { folderResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import type { PreprocessorOptions } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import { Preprocessor } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import type { Token } from '../../../src/compiler/c/token.ts';
import type { Diagnostic } from '../../../src/compiler/diagnostics.ts';
import { Diagnostics, TooManyErrors } from '../../../src/compiler/diagnostics.ts';

export interface Outcome {
  readonly tokens: readonly Token[];
  /** Texts of the tokens, pragmas left out. */
  readonly words: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  readonly codes: readonly string[];
  readonly pp: Preprocessor;
}

type Options = Partial<PreprocessorOptions> & { name?: string; folder?: string; before?: string };

/** A preprocessor that has read nothing yet. */
export function fresh(text: string, options: Options = {}): Preprocessor {
  const pp = new Preprocessor({ diagnostics: new Diagnostics(1000), ...options });
  if (options.before !== undefined) pp.enter('<command line>', options.before);
  pp.enter(options.name ?? 'test.c', text, { folder: options.folder ?? '.' });
  return pp;
}

export function preprocess(text: string, options: Options = {}): Outcome {
  const pp = fresh(text, options);
  const { list } = pp.diagnostics;
  const tokens: Token[] = [];
  try {
    for (let token = pp.next(); token.kind !== 'eof'; token = pp.next()) tokens.push(token);
  } catch (error) {
    if (!(error instanceof TooManyErrors)) throw error;
  }
  // clang's -E prints '::' for one token and for two.
  const words = tokens.filter((token) => token.kind !== 'pragma').flatMap(({ text }) => (text === '::' ? [':', ':'] : text));
  return { tokens, words, diagnostics: list, codes: list.map((d) => d.code), pp };
}

const readText = (path: string): string | undefined => {
  try {
    return statSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
};

export interface Folders {
  readonly user?: readonly string[];
  readonly quoted?: readonly string[];
  readonly system?: readonly string[];
}

export function preprocessFile(
  path: string,
  folders: Folders = {},
  options: Partial<PreprocessorOptions> & { before?: string } = {},
): Outcome {
  return preprocess(readFileSync(path, 'utf8'), {
    ...options,
    name: path,
    folder: dirname(path),
    resolve: folderResolver({ ...folders, read: readText }),
  });
}

/** Directives that clang's -E leaves in its output. */
const LEFT_OVER = /^[ \t]*#[ \t]*(?:pragma|ident|sccs)\b.*$/gm;
const TOKEN =
  /(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|[uUL]?'(?:[^'\\\n]|\\.)*'|\.?[0-9](?:[eEpP][+-]|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|[\w.]|[^\x00-\x7f])*|(?:[A-Za-z_$]|[^\x00-\x7f\u00a0]|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})(?:[\w$]|[^\x00-\x7f\u00a0]|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})*|%:%:|\.\.\.|<<=|>>=|->|--|\+\+|&&|\|\||##|<<|>>|[-+*/%&|^!=<>]=|<:|:>|<%|%>|%:|["'][^\n]*|[^\s]/gsu;
const DIGRAPHS: ReadonlyMap<string, string> = new Map(
  Object.entries({ '<:': '[', ':>': ']', '<%': '{', '%>': '}', '%:': '#', '%:%:': '##' }),
);

/** Tokens of preprocessed text. Digraphs and universal character names come out as what they stand for. */
export function cut(text: string): string[] {
  return (text.replace(LEFT_OVER, '').match(TOKEN) ?? []).map((word) => DIGRAPHS.get(word) ?? normal(word));
}

export function normal(word: string): string {
  if (/["']/.test(word)) return word;
  return word.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_all, short?: string, long?: string) =>
    String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

export interface ClangOutcome {
  readonly ok: boolean;
  readonly words: readonly string[];
  readonly stderr: string;
}

export const CLANG = 'clang-19';

export function haveClang(): boolean {
  return spawnSync(CLANG, ['--version']).status === 0;
}

/** `clang -E -P` for BPF. `source` is a path, or text when `stdin`. */
export function clang(source: string, args: readonly string[] = [], stdin = false): ClangOutcome {
  const run = spawnSync(CLANG, ['-target', 'bpf', '-mcpu=v3', '-O2', '-E', '-P', '-w', ...args, '-x', 'c', stdin ? '-' : source], {
    input: stdin ? source : '',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  return { ok: run.status === 0, words: cut(run.stdout), stderr: run.stderr };
}

/** First place where two token lists differ, with what stands around it; undefined if they are the same. */
export function difference(ours: readonly string[], theirs: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    if (ours[i] === theirs[i]) continue;
    const around = (words: readonly string[]): string => words.slice(Math.max(0, i - 6), i + 6).join(' ');
    return `token ${i}: ours «${around(ours)}», clang's «${around(theirs)}»`;
  }
  return undefined;
}
