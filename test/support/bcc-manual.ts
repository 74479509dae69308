/** The examples of BCC's manual pages (Debian's bpfcc-tools): the words of each command line that starts with a tool's name. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export function manualPage(tool: string): string {
  return gunzipSync(readFileSync(`/usr/share/man/man8/${tool}-bpfcc.8.gz`)).toString('utf8');
}

/** Also the companion text of examples, where commands stand behind '# ' and in the usage. */
export function exampleText(tool: string): string {
  const path = `/usr/share/doc/bpfcc-tools/examples/doc/${tool}_example.txt`;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return gunzipSync(readFileSync(`${path}.gz`)).toString('utf8');
  }
}

export function manualCommands(tool: string): string[][] {
  const [, examples = ''] = /^\.SH EXAMPLES\n([\s\S]*?)^\.SH /m.exec(manualPage(tool)) ?? [];
  return examples
    .split('\n')
    .filter((line) => line.startsWith(`.B ${tool} `))
    .map((line) => shellWords(unroff(line.slice(3))));
}

export function exampleCommands(tool: string): string[][] {
  const lines = exampleText(tool)
    .replace(/\\\n\s*/g, ' ')
    .split('\n');
  return lines
    .map((line) => new RegExp(`^\\s*(?:# )?(?:\\./)?(${tool} .*)$`).exec(line)?.[1])
    .filter((line): line is string => line !== undefined)
    .filter((line) => /^\S+ +(?:-|'|"|[a-z_]*[:_*]|[a-z]+$)/.test(line))
    .map(shellWords);
}

/** Quotes and escapes of a roff macro's arguments. A page that forgot to double its quotes means them all the same. */
function unroff(text: string): string {
  const quotes = text.includes('"""') ? text.replace(/"""?/g, '"') : text;
  return quotes.replace(/\\-/g, '-').replace(/\\e/g, '\\');
}

/** As a shell splits: single and double quotes, backslashes. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g)) {
    if (word.startsWith('#') || word === '|' || word === '>') break;
    words.push(
      word.replace(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
        (_, single?: string, double?: string, escaped?: string) => single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  }
  return words;
}
