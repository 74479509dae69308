/** The languages of trace, argdist, funccount and stackcount: every example of BCC's own manual, and mistakes with their places. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ArgdistSpec, parseArgdist } from '../../../src/tools/language/argdist-spec.ts';
import { SpecError } from '../../../src/tools/language/cursor.ts';
import { parsePattern } from '../../../src/tools/language/pattern.ts';
import { probeName } from '../../../src/tools/language/probe.ts';
import { parseTrace } from '../../../src/tools/language/trace-spec.ts';
import { exampleCommands, manualCommands } from '../../support/bcc-manual.ts';

/** Words that are not flags and not the value of one. */
function specs(words: readonly string[], valued: string): string[] {
  const found: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? '';
    if (/^-/.test(word)) i += new RegExp(`^(?:-[a-zA-Z]*[${valued}]|--uid)$`).test(word) ? 1 : 0;
    else found.push(word);
  }
  return found;
}

/** BCC's texts have a few command lines that are no such thing: a shell's `$(pidof …)`, an unquoted list of words. */
const usable = (words: readonly string[]): boolean => !words.some((word) => word.startsWith('$(')) && !words.includes('int');

function commands(tool: string, atLeast: number): string[][] {
  const found = [...manualCommands(tool), ...exampleCommands(tool)].filter(usable);
  assert.ok(found.length >= atLeast, `${found.length} examples of ${tool}`);
  return found;
}

test("trace: every example of BCC's manual", () => {
  for (const words of commands('trace', 45)) {
    for (const text of specs(words, 'pLZMcnfsI')) {
      const { probe, format, conversions, values, filter } = parseTrace(text);
      assert.ok('prtu'.includes(probe.kind));
      // The same facts by plain string operations: what stands in quotes, how many conversions, how many commas follow.
      const quoted = /"([^"]*)"[^"]*$/.exec(text.replace(/STRCMP\("[^"]*"/, 'STRCMP('))?.[1];
      assert.equal(format, quoted?.replace(/%[KU]/g, '%s'), text);
      assert.equal(conversions.length, quoted?.match(/%/g)?.length ?? 0, text);
      assert.equal(values.length, conversions.length, text);
      if (filter) assert.ok(text.includes(`(${filter.text})`), text);
    }
  }
});

test('trace: the parts of a probe', () => {
  const full = parseTrace(
    'p:c:write+0x10(int fd, void *buf) (fd == 1 && STRCMP("a)b", buf)) "%-5d of %s: %%\\t%llx", fd, (char *)buf, f(1, 2)',
  );
  assert.deepEqual(full.probe, { kind: 'p', library: 'c', category: '', provider: '', name: 'write', start: 4, offset: 16 });
  assert.equal(full.signature?.text, 'int fd, void *buf');
  assert.equal(full.filter?.text, 'fd == 1 && STRCMP("a)b", buf)');
  assert.equal(full.format, '%-5d of %s: %%\t%llx');
  assert.deepEqual(
    full.values.map(({ text }) => text),
    ['fd', '(char *)buf', 'f(1, 2)'],
  );
  for (const { text, start } of full.values) assert.equal(full.text.slice(start, start + text.length), text);
  assert.equal(probeName(parseTrace('t:sched:sched_switch').probe), 'sched:sched_switch');
  assert.equal(probeName(parseTrace('u:pthread:libpthread:pthread_create (arg4 != 0)').probe), 'pthread:libpthread:pthread_create');
  assert.equal(parseTrace('r::do_sys_open "%llx", retval').probe.kind, 'r');
  assert.equal(parseTrace(':c:malloc').probe.library, 'c');
});

test("argdist: every example of BCC's manual", () => {
  for (const words of commands('argdist', 42)) {
    for (let i = 1; i < words.length; i++) {
      const use = words[i] === '-H' ? 'histogram' : words[i] === '-C' ? 'count' : undefined;
      if (!use) continue;
      const text = words[++i] ?? '';
      const spec = parseArgdist(text, use);
      const [body = '', label] = text.split(/[#;]/);
      // BCC's own parser splits at every ':'.
      const [kind, library, head = '', types, values, filter] = body.split(':');
      const { probe } = spec;
      assert.deepEqual([probe.kind, probe.kind === 't' ? probe.category : probe.library], [kind, library], text);
      assert.equal(`${probe.name}(${spec.signature.text})`, head, text);
      assert.equal(spec.types.map((part) => part.text).join(','), types ?? '', text);
      assert.equal(
        spec.values
          .map((part) => part.text)
          .join(',')
          .replaceAll(' ', ''),
        (values ?? '').replaceAll(' ', ''),
        text,
      );
      assert.equal(spec.filter?.text, filter?.trim(), text);
      assert.equal(spec.label, label ?? text, text);
    }
  }
});

test('expressions that end in what only looks cut off', () => {
  for (const value of ['a++', 'a--', 'a /* why */', "'?'", '"+"[0]', 'a ?: b', 'a ? b ? 1 : 2 : 3', '(a ? b : c)'])
    assert.equal(parseTrace(`f "%d", ${value}`).values[0]?.text, value);
});

test('argdist: what splitting at every colon and comma gets wrong', () => {
  const spec = parseArgdist('r:c:f(int a, char *b):int,char*:a > 0 ? 1 : g(a, 2),b:STRCMP(":#,", b)#l:a,b', 'count');
  assert.deepEqual(
    spec.values.map(({ text }) => text),
    ['a > 0 ? 1 : g(a, 2)', 'b'],
  );
  assert.equal(spec.filter?.text, 'STRCMP(":#,", b)');
  assert.equal(spec.label, 'l:a,b');
});

test("funccount and stackcount: every example of BCC's manual", () => {
  for (const [tool, valued] of [
    ['funccount', 'pidcD'],
    ['stackcount', 'pcDi'],
  ] as const) {
    for (const words of commands(tool, 20)) {
      if (words.includes('-h')) continue;
      const regexp = words.some((word) => /^-[a-zA-Z]*r/.test(word));
      const [text = ''] = specs(words, valued);
      const { probe } = parsePattern(text, regexp);
      const parts = text.split(':');
      assert.equal(probe.name, parts.at(-1), text);
      assert.equal(probe.kind, parts.length === 3 ? parts[0] : 'p', text);
      assert.equal(probe.kind === 't' ? probe.category : probe.library, parts.length === 1 ? '' : parts.at(-2), text);
    }
  }
});

test('patterns match whole names', () => {
  const glob = parsePattern('vfs_*', false);
  assert.deepEqual(
    ['vfs_read', 'xvfs_read', 'vfs_'].map((name) => glob.matches.test(name)),
    [true, false, true],
  );
  assert.equal(glob.exact, false);
  const dots = parsePattern('go:os.*', false);
  assert.deepEqual([dots.matches.test('os.Open'), dots.matches.test('osXOpen')], [true, false]);
  const regexp = parsePattern('^tcp_(send|recv)msg$', true);
  assert.deepEqual(
    ['tcp_sendmsg', 'tcp_sendmsg_locked', 'mptcp_sendmsg'].map((name) => regexp.matches.test(name)),
    [true, false, false],
  );
  assert.equal(parsePattern('vfs_read', false).exact, true);
});

/** The message, with the caret put into the text: 'p:c^'. */
function mistake(parse: () => ArgdistSpec | unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof SpecError, String(error));
    const [message, text = '', caret = ''] = error.message.split('\n');
    assert.equal(caret.indexOf('^') - 2, error.offset);
    return `${text.slice(2, 2 + error.offset)}⌃${text.slice(2 + error.offset)} | ${message}`;
  }
  return assert.fail('no error');
}

const MISTAKES: readonly (readonly [string, () => unknown])[] = [
  ["⌃ | expected a probe, as 'vfs_read' or 't:sched:sched_switch' before the end", () => parseTrace('')],
  ["⌃x:c:malloc | a probe is of kind p, r, t or u, not 'x'", () => parseTrace('x:c:malloc')],
  ['p:c:⌃ | expected a function', () => parseTrace('p:c:')],
  ["t:⌃:sched_switch | expected a category, as in 't:sched:sched_switch'", () => parseTrace('t::sched_switch')],
  ["p:a⌃:b:c | there is a ':' too many", () => parseTrace('p:a:b:c')],
  ['kfree_skb+⌃zz | expected an offset, decimal or as 0x38', () => parseTrace('kfree_skb+zz')],
  ['r::f⌃+8 | only a probe at the entry of a function takes an offset', () => parseTrace('r::f+8')],
  ["t:a:b⌃(int x) | a tracepoint has no signature: its fields are 'args->name'", () => parseTrace('t:a:b(int x)')],
  ["f ⌃(arg1 >  | this '(' is never closed", () => parseTrace('f (arg1 > ')],
  ['f (arg1 > ⌃(2 "x" | this \'(\' is never closed', () => parseTrace('f (arg1 > (2 "x"')],
  ["f ⌃x | expected a filter in parentheses or a format in double quotes instead of 'x'", () => parseTrace('f x')],
  ['f "⌃%y", a | unknown conversion; known are %s %u %d %lu %ld %llu %lld %hu %hd %x %lx %llx %c %K %U', () => parseTrace('f "%y", a')],
  ['f "%d ⌃%s", a | %s has no expression (there are 1 for 2)', () => parseTrace('f "%d %s", a')],
  ['f "%d", a, ⌃b | no conversion of the format takes this expression', () => parseTrace('f "%d", a, b')],
  ['f "%d", ⌃, b | expected an expression', () => parseTrace('f "%d", , b')],
  ['f ⌃"abc | this " is never closed', () => parseTrace('f "abc')],
  ['f "⌃\\q" | unknown escape \'\\q\'', () => parseTrace('f "\\q"')],
  ["vfs_read (arg3 > ⌃) \"x\" | expected an expression behind '>' instead of ')'", () => parseTrace('vfs_read (arg3 > ) "x"')],
  [
    "t:a:b (args->c >⌃) \"%d\", args->c | expected an expression behind '>' instead of ')'",
    () => parseTrace('t:a:b (args->c >) "%d", args->c'),
  ],
  ['f "%d", args->c +⌃ | expected an expression behind \'+\' before the end', () => parseTrace('f "%d", args->c +')],
  ['f "%d", args->⌃ | expected the name of a member behind \'->\' before the end', () => parseTrace('f "%d", args->')],
  ["f (arg1 ⌃? 2) | this '?' has no ':'", () => parseTrace('f (arg1 ? 2)')],
  [
    "p:c:write(int fd):int:fd:fd==1 &&⌃#lab | expected an expression behind '&&' instead of '#'",
    () => parseArgdist('p:c:write(int fd):int:fd:fd==1 &&#lab', 'count'),
  ],
  [
    "p::vfs_read():u64:⌃$latency | $latency is known when the function returns: it needs a probe of kind 'r'",
    () => parseArgdist('p::vfs_read():u64:$latency', 'count'),
  ],
  [
    'p:c:open(char *path):⌃char*:path | a histogram is of numbers: -C counts texts',
    () => parseArgdist('p:c:open(char *path):char*:path', 'histogram'),
  ],
  ["f (a⌃]) | this ']' closes nothing", () => parseTrace('f (a])')],
  [
    "⌃malloc(int a) | expected kind, library and function: 'p::vfs_read()' is the kernel's vfs_read",
    () => parseArgdist('malloc(int a)', 'count'),
  ],
  ["p:c:malloc⌃ | expected '(' and the parameters; '()' where none is needed before the end", () => parseArgdist('p:c:malloc', 'count')],
  ["p:c:f():int⌃ | expected ':' and what to collect before the end", () => parseArgdist('p:c:f():int', 'count')],
  ['p:c:f():int,⌃u32:a | 2 types for 1 expressions', () => parseArgdist('p:c:f():int,u32:a', 'count')],
  ['p:c:f(int a):int,int:a,⌃a | a histogram is of one expression', () => parseArgdist('p:c:f(int a):int,int:a,a', 'histogram')],
  ["p:c:f()⌃ | a histogram needs ':type:expression'", () => parseArgdist('p:c:f()', 'histogram')],
  ["⌃r:c:f | calls are counted at the entry of a function: 'p', 't' or 'u'", () => parsePattern('r:c:f', false)],
  ["vfs_read ⌃x | expected the end of the pattern instead of 'x'", () => parsePattern('vfs_read x', false)],
];

for (const [expected, parse] of MISTAKES) test(`mistake: ${expected}`, () => assert.equal(mistake(parse), expected));
