/** The command as a user without root sees it: help, lists, wrong words. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { absentProcesses } from '../../../src/cli/absent-processes.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { commandHelp, toolHelp } from '../../../src/cli/help.ts';
import { allFlags, parseTool } from '../../../src/cli/parse.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { defineTool, type Tool } from '../../../src/tools/tool.ts';
import { root } from '../../run/paths.ts';

function skep(...words: readonly string[]): { status: number | null; out: string; err: string } {
  const run = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'skep.js'), ...words], { encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

test('--help lists every tool and command, on stdout, with status 0', () => {
  const { status, out, err } = skep('--help');
  assert.equal(status, 0);
  assert.equal(err, '');
  for (const { name } of TOOL_LIST) assert.match(out, new RegExp(`^  ${name} `, 'm'));
  for (const line of out.split('\n')) assert.ok(line.length <= 80 + 15, line);
});

test('no words: the same on stderr, status 2', () => {
  const { status, out, err } = skep();
  assert.equal(status, 2);
  assert.equal(out, '');
  assert.match(err, /^usage: skep <tool>/);
});

test("--version is the package's", () => {
  assert.match(skep('--version').out, /^skep \d+\.\d+\.\d+\n$/);
});

const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [['bitsize'], /no tool or command 'bitsize', did you mean 'bitesize'\?/],
  [['bitesize', '--jsn'], /bitesize has no flag --jsn, did you mean --json\?/],
  [['bitesize', '--pid'], /skep: --pid takes a process id, and none is given; see 'skep bitesize --help'/],
  [['bitesize', '-p', '--json'], /skep: --pid takes a process id, not '--json'; see/],
  [['bitesize', '--duration', '-1'], /skep: --duration takes a number of at least 0, not '-1'; see/],
  [['bitesize', '-v', '--output'], /skep: --output takes FILE, and none is given; see/],
  [['bitesize', '--output', '-x'], /skep: --output takes FILE, not '-x'; one that begins with a dash is given as --output=-x; see/],
  [['trace', 'do_nanosleep', '-TM', '-3'], /skep: --max-events takes a whole number from 1 to 4294967295, not '-3'; see/],
  [['bitesize', '--json=1'], /skep: --json takes no value; see/],
  [['compile', '--emit', '-'], /skep: --emit is one of obj, asm, ir, pp, btf, not '-'/],
  [['compile', '--emit'], /skep: --emit takes one of obj, asm, ir, pp, btf, and none is given/],
  [['bitesize', '--pid', '0'], /--pid takes a process id, not '0'/],
  [['bitesize', '--pid', 'abc'], /--pid takes a process id, not 'abc'/],
  [['bitesize', 'x'], /seconds takes a number of at least 0, not 'x'/],
  [['biolatency', '0'], /interval takes a number of seconds above 0, not '0'/],
  [['vfsstat', '0'], /interval takes a number of seconds above 0, not '0'/],
  [['memleak', '0'], /interval takes a number of seconds above 0, not '0'/],
  [['argdist', '-i', '0'], /--interval takes a number of seconds above 0, not '0'/],
  [['profile', '--print-program', '-C', '99999'], /--cpu: there is no CPU 99999; .* online/],
  [['hardirqs', '--print-program', '-c', '99999'], /--cpu: there is no CPU 99999; .* online/],
  [['funccount', '--print-program', '-c', '99999', 'vfs_read'], /--cpu: there is no CPU 99999; .* online/],
  [['profile', '--print-program', '-F', '10', '-c', '10'], /-F and -c exclude each other/],
  [['hardirqs', '--print-program', '-C', '-d'], /--count counts events and cannot be used with -d or -N/],
  [['softirqs', '--print-program', '-N', '-C'], /--events counts events and cannot be used with -d or -N/],
  [['offcputime', '--print-program', '-m', '10', '-M', '5'], /-m is above -M: no wait is left/],
  [['opensnoop', '--print-program', '-b', '3'], /--buffer-pages: 3 is not a power of two/],
  [['opensnoop', '--print-program', '-b', '4194304'], /--buffer-pages: 4194304 pages are too large for a map, the most is \d+/],
  [['biolatency', '--print-program', '-D', '-F'], /-D and -F cannot be used together/],
  [['profile', '0'], /duration takes a number of seconds above 0, not '0'/],
  [['bitesize', '1', '2'], /bitesize does not take '2'/],
  [['demo', 'x'], /takes no arguments/],
  [['tools', 'x'], /'skep tools' takes --json, not 'x'/],
  [['tools', '--jsn'], /tools has no flag --jsn, did you mean --json\?/],
  [['completion'], /takes one of bash, zsh, fish/],
  [['--versio'], /there is no flag '--versio', did you mean '--version'\?/],
];

test('wrong words: one line that says what was expected, status 2, no stack', () => {
  for (const [words, message] of WRONG) {
    const { status, out, err } = skep(...words);
    assert.equal(status, 2, words.join(' '));
    assert.equal(out, '');
    assert.match(err, message);
    assert.equal(err.trim().split('\n').length, 1, err);
  }
});

test('every command has a --help; `skep help NAME` is the same', async () => {
  for (const { name, load } of COMMANDS) {
    const { help } = await load();
    assert.match(commandHelp(name, help), new RegExp(`^usage: skep ${name} \\[flags\\]`));
    assert.ok('help' in help.flags, name);
  }
  for (const name of ['demo', 'tools', 'completion']) {
    const { status, out, err } = skep(name, '--help');
    assert.deepEqual([status, err], [0, ''], name);
    assert.match(out, new RegExp(`^usage: skep ${name} `));
  }
  const bitesize = await TOOL_LIST.find(({ name }) => name === 'bitesize')?.load();
  assert.equal(skep('help', 'bitesize').out, toolHelp(bitesize as Tool));
});

test('the list of tools and the descriptors agree', async () => {
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    assert.deepEqual([tool.name, tool.topic, tool.summary], [entry.name, entry.topic, entry.summary]);
    assert.ok(tool.examples.length > 0 && tool.fields.length > 0 && tool.probes.length > 0, tool.name);
    assert.ok(!tool.summary.endsWith('.'), tool.name);
  }
});

test('no short flag of a tool is used twice', async () => {
  for (const entry of TOOL_LIST) {
    const shorts = Object.values(allFlags(await entry.load())).flatMap((flag) => (flag.short === undefined ? [] : [flag.short]));
    assert.equal(new Set(shorts).size, shorts.length, entry.name);
  }
});

test('every example of every tool parses', async () => {
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    for (const { command } of tool.examples) {
      const [name, ...words] = shellWords(command);
      assert.equal(name, tool.name);
      parseTool(tool, words);
    }
  }
});

/** Words of a command line with quotes, as far as the examples use them. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

interface Listed {
  readonly name: string;
  readonly topic: string;
  readonly purpose: string;
  readonly flags: readonly unknown[];
  readonly fields: readonly unknown[];
  readonly probes: readonly {
    readonly places: readonly { readonly kind: string; readonly targets: readonly string[] }[];
    readonly minKernel: string | null;
  }[];
}

test('skep tools --json is one object a line with flags, probes and fields', () => {
  const lines = skep('tools', '--json')
    .out.trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed);
  assert.deepEqual(
    lines.map(({ name }) => name),
    TOOL_LIST.map(({ name }) => name),
  );
  for (const { name, topic, purpose, flags, fields, probes } of lines) {
    assert.ok(flags.length > 5 && fields.length > 0 && topic !== '' && purpose !== '', name);
    for (const { places, minKernel } of probes) {
      assert.ok(places.length > 0 && places.every(({ kind, targets }) => kind !== '' && targets.length > 0), name);
      assert.ok(minKernel === null || /^\d+\.\d+$/.test(minKernel), name);
    }
  }
});

test('--print-program prints the C and needs no root', () => {
  const { status, out } = skep('bitesize', '--print-program', '--pid', '42');
  assert.equal(status, 0);
  assert.match(out, /TRACEPOINT_PROBE\(block, block_rq_issue\)/);
  assert.match(out, /^#define FILTER_PID 42$/m);
});

test('a pattern that is none has no program, either', () => {
  for (const name of ['funccount', 'stackcount']) {
    const { status, out, err } = skep(name, '--print-program', 'r:c:f');
    assert.deepEqual([status, out], [2, ''], name);
    assert.match(err, /calls are counted at the entry of a function/);
  }
});

test("BCC's --ebpf does the same, and no help shows it", async () => {
  const bitesize = (await TOOL_LIST.find(({ name }) => name === 'bitesize')?.load()) as Tool;
  assert.equal(parseTool(bitesize, ['--ebpf']).common.printProgram, true);
  assert.equal(parseTool(bitesize, []).common.printProgram, false);
  assert.doesNotMatch(toolHelp(bitesize), /--ebpf/);
});

test('nothing is a value, too: CPU 0, state 0, and an interval of 0 where BCC has none then', async () => {
  const options = async (name: string, ...words: readonly string[]) =>
    parseTool((await TOOL_LIST.find((entry) => entry.name === name)?.load()) as Tool, words).options;
  assert.equal((await options('offcputime', '--state', '0'))['state'], 0);
  for (const [name, flag, ...rest] of [
    ['profile', '-C'],
    ['funccount', '-c', 'vfs_read'],
    ['stackcount', '-c', 'vfs_read'],
    ['hardirqs', '-c'],
    ['softirqs', '-c'],
  ] as const)
    assert.equal((await options(name, flag, '0', ...rest))['cpu'], 0, name);
  for (const [name, ...rest] of [['funccount', 'vfs_read'], ['stackcount', 'vfs_read'], ['funclatency', 'vfs_read'], ['syscount']] as const)
    assert.equal((await options(name, '-i', '0', ...rest))['interval'], 0, name);
});

test('typed options: defaults, choices, repeated flags, positionals', () => {
  const tool = defineTool({
    name: 'x',
    topic: 'samples',
    summary: 's',
    about: 'a',
    examples: [],
    fields: [],
    probes: [],
    flags: {
      sort: { type: 'string', choices: ['a', 'b'], default: 'a', help: '' },
      top: { type: 'count', short: 'T', default: 10, help: '' },
      name: { type: 'strings', short: 'n', help: '' },
      port: { type: 'port', help: '' },
    },
    positionals: [
      { name: 'interval', type: 'number', help: '', default: 99 },
      { name: 'probes', type: 'string', many: true, help: '' },
    ],
    program: () => '',
    run: async () => {},
  }) as unknown as Tool;
  const parsed = parseTool(tool, ['-T', '5', '-n', 'p', '--name=q', '3', 'u', 'v']);
  assert.deepEqual(
    { ...parsed.options, ...parsed.args },
    {
      json: false,
      duration: undefined,
      output: undefined,
      cgroup: undefined,
      verbose: false,
      'print-program': false,
      help: false,
      sort: 'a',
      top: 5,
      name: ['p', 'q'],
      port: undefined,
      interval: 3,
      probes: ['u', 'v'],
    },
  );
  assert.equal(parseTool(tool, []).args['interval'], 99);
  assert.throws(() => parseTool(tool, ['--sort', 'c']), /--sort is one of a, b, not 'c'/);
  assert.throws(() => parseTool(tool, ['--port', '65536']), /--port takes a port/);
  assert.throws(() => parseTool(tool, ['--top', '1.5']), /whole number/);
});

test('processes that are not there are found among the words', async () => {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/7/status', '');
  const absent = async (name: string, ...words: readonly string[]) => {
    const tool = (await TOOL_LIST.find((entry) => entry.name === name)?.load()) as Tool;
    return absentProcesses(tool.flags, parseTool(tool, words).options, kernel);
  };
  assert.deepEqual(await absent('bitesize', '-p', '7'), []);
  assert.deepEqual(await absent('bitesize', '-p', '8'), ['8']);
  assert.deepEqual(await absent('profile', '-p', '7,8,9'), ['8', '9']);
  assert.deepEqual(await absent('bitesize'), []);
});
