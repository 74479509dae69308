/** The hooks of a dialect, with a small one made for the test: when each is asked, and what becomes of the answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import type { Dialect } from '../../../src/compiler/dialect/dialect.ts';
import { compile, EMPTY_DIALECT, expressions, show } from './support.ts';

function dialect(parts: Partial<Dialect>): Dialect {
  return { ...EMPTY_DIALECT, ...parts };
}

const HELPERS: Readonly<Record<string, string>> = {
  bpf_now: 'static unsigned long long (*bpf_now)(void) = (void *) 5;',
  bpf_lookup: 'static void *(* const bpf_lookup)(void *map, const void *key) = (void *) 1;',
};

test('a helper is declared when it is first called, and called by its number', () => {
  const asked: string[] = [];
  const c = compile('unsigned long f(int k) { void *p = bpf_lookup(0, &k); bpf_now(); return bpf_now(); }', {
    dialect: dialect({
      functionText: (name) => {
        asked.push(name);
        return HELPERS[name];
      },
    }),
  });
  assert.deepEqual(c.messages, []);
  assert.deepEqual([...new Set(asked)], ['bpf_lookup', 'bpf_now']);
  const last = c.function('f').body?.body.at(-1);
  assert.ok(last?.kind === 'return' && last.value?.kind === 'cast');
  const { operand } = last.value;
  assert.ok(operand.kind === 'call' && operand.callee.kind === 'ref' && operand.callee.decl.kind === 'function');
  assert.equal(operand.callee.decl.helper, 5);
  assert.deepEqual(c.unit?.variables, [], 'the pointers that declare helpers are no objects');
});

test('pointers with a number are helpers when they are declared in the text, too', () => {
  const c = compile(
    'static long (*bpf_a)(int) = (void *)7; long (*const bpf_b)(int) = (void *)8; long (*plain)(int) = (void *)9; static long (*null)(int) = 0;\nlong f(void) { return bpf_a(1) + (*bpf_b)(2) + plain(3) + null(4); }',
  );
  const calls: (number | undefined)[] = [];
  const body = c.function('f').body?.body[0];
  assert.ok(body?.kind === 'return');
  const walk = (e: unknown): void => {
    if (typeof e !== 'object' || e === null) return;
    if ('kind' in e && e.kind === 'call' && 'callee' in e) {
      const { callee } = e as { callee: { kind: string; decl?: { helper?: number } } };
      calls.push(callee.kind === 'ref' ? callee.decl?.helper : undefined);
    }
    for (const key of ['left', 'right', 'operand'] as const) if (key in e) walk((e as Record<string, unknown>)[key]);
  };
  walk(body.value);
  assert.deepEqual(calls, [7, 8, undefined, undefined]);
  assert.deepEqual(
    c.unit?.variables.map((v) => v.name),
    ['plain', 'null'],
  );
});

test("wrong arguments of a helper are found, and where it is declared is not the user's business", () => {
  const c = compile('void f(void) { bpf_now(1); }', { dialect: dialect({ functionText: (name) => HELPERS[name] }) });
  assert.match(c.messages.join('\n'), /^error bad-argument-count 1:24 'bpf_now' takes no arguments; found 1/);
});

test('a misspelt helper is suggested by what the dialect has', () => {
  const c = compile('unsigned long f(void) { return now(); }', { dialect: dialect({ functionText: (name) => HELPERS[name] }) });
  assert.deepEqual(c.messages, ["error undeclared-function 1:32 function 'now' is not declared; did you mean 'bpf_now'?"]);
});

test('maps: asked once the declaration is complete, and their address is a node of its own', () => {
  const seen: string[] = [];
  const c = compile(
    'struct { int type; } table __attribute__((section("maps"))); int other = 3;\nvoid *f(void) { int local; return &table; }',
    {
      dialect: dialect({
        mapOf: (v) => {
          seen.push(`${v.name} ${v.init ? 'initialised' : ''}`);
          return v.attributes.length > 0
            ? { name: v.name, type: 'hash', key: undefined, value: undefined, maxEntries: 1, flags: 0 }
            : undefined;
        },
      }),
    },
  );
  assert.deepEqual(c.messages, []);
  assert.deepEqual(seen, ['table ', 'other initialised']);
  assert.equal(c.variable('table').map?.type, 'hash');
  assert.deepEqual(expressions(c.function('f')), ['decl', 'return pointer(map table)→void *']);
});

test("methods are the dialect's, members are not", () => {
  const c = compile('struct t { int (*get)(int); } table;\nint f(void) { return table.look(1, 2) + table.get(3); }', {
    dialect: dialect({
      isMethod: (_base, name) => name === 'look',
      methodCall: (base, name, args, loc, { actions }) => {
        assert.equal(show(base), 'table');
        assert.deepEqual([name, ...args.map(show)], ['look', '1:int', '2:int']);
        return actions.intLiteral('42', loc);
      },
    }),
  });
  assert.deepEqual(c.messages, []);
  assert.deepEqual(expressions(c.function('f')), ['return (+:int 42:int load(table.get)(3:int):int)']);
});

test('types that only the dialect knows come as C text, at file scope', () => {
  const asked: string[] = [];
  const c = compile(
    `
int f(struct args *a) { int id = 1; { union word w; w.i = my_int(a->id); return id + w.i; } }
int g(struct args *a) { my_type t = a->id; enum colour c = RED; return t + c; }
int my_int(int);
`.replace('my_int(a->id)', 'a->id'),
    {
      dialect: dialect({
        typeText: (tag, name) => {
          asked.push(`${tag} ${name}`);
          if (name === 'args') return 'struct args { my_type id; };';
          if (name === 'word') return 'union word { int i; char c[4]; };';
          if (name === 'colour') return 'enum colour { RED = 4 };';
          return name === 'my_type' ? 'typedef short my_type;' : undefined;
        },
      }),
    },
  );
  assert.deepEqual(c.errors, []);
  assert.deepEqual(asked, ['struct args', 'typedef my_type', 'union word', 'enum colour']);
  assert.equal(formatType(c.function('g').type.params[0]?.type ?? { type: { kind: 'void' }, quals: 0 }), 'struct args *');
});

test('functions that the dialect implements itself', () => {
  const c = compile('int own(int a) { return a; }\nint f(void) { return magic(1) + own(2); }', {
    dialect: dialect({
      builtinCall: (name, args, loc, { actions }) =>
        name === 'magic' || name === 'own'
          ? actions.binary('+', args[0] ?? actions.intLiteral('0', loc), actions.intLiteral('10', loc), loc)
          : undefined,
    }),
  });
  assert.deepEqual(c.messages, []);
  // A function with a body is the user's own.
  assert.deepEqual(expressions(c.function('f')), ['return (+:int 11:int own(2:int):int)']);
});

test('entry points: the dialect sees each function when its body is complete', () => {
  const c = compile('static int helper(void) { return 1; }\nint kprobe__f(void *ctx) { return helper(); }', {
    dialect: dialect({
      program: (fn) =>
        fn.name.startsWith('kprobe__') && fn.body !== undefined
          ? { type: 'kprobe', target: fn.name.slice(8), section: 'kprobe/f', autoAttach: true, autoLoad: true }
          : undefined,
    }),
  });
  assert.deepEqual(c.messages, []);
  assert.deepEqual(
    c.unit?.functions.map((f) => f.program?.target),
    [undefined, 'f'],
  );
});

test('kfuncs, weak ones, and the licence', () => {
  const c = compile(`
extern int bpf_x(int) __attribute__((section(".ksyms")));
extern int bpf_y(int) __attribute__((section(".ksyms"))) __attribute__((weak));
char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
`);
  assert.deepEqual(c.messages, []);
  assert.deepEqual([c.function('bpf_x').kfunc, c.function('bpf_y').kfunc], [{ weak: false }, { weak: true }]);
  assert.equal(c.unit?.license, 'Dual BSD/GPL');
});
