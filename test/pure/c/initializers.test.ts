/**
 * Initialisers against clang: random types with random initialisers (designators, ranges, left-out braces, strings,
 * bit-fields, overrides); the bytes that ours mean must be the bytes of clang's object file.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Expr, InitItem, VarDecl } from '../../../src/compiler/c/ast.ts';
import { evaluate } from '../../../src/compiler/c/sema/constants.ts';
import { sizeOf } from '../../../src/compiler/c/sema/types/size.ts';
import { ElfFile } from '../../../src/elf/index.ts';
import { Random } from '../sema/random-records.ts';
import { CLANG, compile, hasClang } from './support.ts';

const skip = hasClang ? false : `${CLANG} is not installed`;

/* ---------- random types ---------- */

type Model =
  | { readonly kind: 'scalar'; readonly c: string }
  | { readonly kind: 'array'; readonly of: Model; readonly length: number }
  | { readonly kind: 'record'; readonly tag: 'struct' | 'union'; readonly c: string; readonly fields: readonly FieldModel[] };
interface FieldModel {
  readonly name: string;
  readonly type: Model;
  readonly bits: number | undefined;
}

const SCALARS = ['char', 'unsigned char', 'short', 'int', 'unsigned int', 'long', 'unsigned long long', '_Bool', 'enum color'];

class Generator {
  readonly declarations: string[] = ['enum color { RED, GREEN = 7, BLUE = 300 };'];
  private readonly r: Random;
  private names = 0;

  constructor(r: Random) {
    this.r = r;
  }

  type(depth: number): Model {
    const k = this.r.below(10);
    if (depth === 0 || k < 4) return { kind: 'scalar', c: this.r.pick(SCALARS) };
    if (k < 7) return { kind: 'array', of: this.type(depth - 1), length: 1 + this.r.below(4) };
    return this.record(depth);
  }

  record(depth: number): Model {
    const tag = this.r.chance(25) ? 'union' : 'struct';
    const fields: FieldModel[] = [];
    const count = 1 + this.r.below(4);
    for (let i = 0; i < count; i++) {
      if (this.r.chance(10)) fields.push({ name: '', type: { kind: 'scalar', c: 'int' }, bits: 1 + this.r.below(9) });
      else if (this.r.chance(20))
        fields.push({
          name: this.name(),
          type: { kind: 'scalar', c: this.r.pick(['int', 'unsigned char', 'long', 'unsigned int']) },
          bits: 1 + this.r.below(8),
        });
      else fields.push({ name: this.name(), type: this.type(depth - 1), bits: undefined });
    }
    if (!fields.some((f) => f.name !== '')) fields.push({ name: this.name(), type: { kind: 'scalar', c: 'int' }, bits: undefined });
    const name = `t${this.names++}`;
    // A record among the members may be anonymous: its members are then found in this one.
    const members = fields.map((f) => {
      const text = declare(f.type, f.name, f.bits);
      return `${text};`;
    });
    this.declarations.push(`${tag}${this.r.chance(10) ? ' __attribute__((packed))' : ''} ${name} { ${members.join(' ')} };`);
    return { kind: 'record', tag, c: `${tag} ${name}`, fields };
  }

  private name(): string {
    return `f${this.names++}`;
  }

  /* ---------- initialisers ---------- */

  value(c: string): string {
    const n = this.r.pick(['0', '1', '-1', '77', "'x'", '127', 'GREEN', '(3 + 4)', 'sizeof(int)', '0x55', '{ 6 }', '{ 9, }']);
    return c === '_Bool' ? this.r.pick(['0', '1', '5', '{ 1 }']) : n;
  }

  /** A value with braces of its own, or one that needs none. */
  init(t: Model): string {
    if (t.kind === 'scalar') return this.value(t.c);
    if (isText(t) && this.r.chance(60)) return this.text(t);
    return this.list(t);
  }

  text(t: Model & { readonly kind: 'array' }): string {
    const s = JSON.stringify('abcdefgh'.slice(0, this.r.below(t.length + 2)));
    return this.r.chance(30) ? `{ ${s} }` : s;
  }

  list(t: Model): string {
    const items: string[] = [];
    const count = t.kind === 'array' ? t.length : t.kind === 'record' ? t.fields.length : 1;
    const parts = this.r.below(count + 2);
    let at = 0;
    // Behind `.a.b = 1` the next item belongs to what follows b, wherever that is: only a number fits there for sure.
    let inside = false;
    for (let i = 0; i < parts; i++) {
      const designate = this.r.chance(35);
      if (designate) {
        const d = this.designator(t);
        at = d.index + 1;
        inside = /[.\]]./.test(d.text.slice(1));
        items.push(`${d.text} = ${this.init(d.type)}`);
      } else if (inside) {
        // There may be no place left, and behind an item too many clang drops designated ones too.
        items.push('3');
        break;
      } else {
        if (t.kind === 'record') while (t.fields[at]?.name === '') at++;
        const child = t.kind === 'array' ? (at < t.length ? t.of : undefined) : t.kind === 'record' ? t.fields[at]?.type : t;
        if (!child || (t.kind === 'record' && t.tag === 'union' && items.length > 0)) continue;
        at++;
        items.push(this.r.chance(40) ? this.flat(child) : this.init(child));
      }
    }
    return `{ ${items.join(', ')} }`;
  }

  /** All leaves one after the other, without inner braces. */
  flat(t: Model): string {
    switch (t.kind) {
      case 'scalar':
        return this.value(t.c).replace(/[{},]/g, '');
      case 'array':
        return isText(t) && this.r.chance(30)
          ? JSON.stringify('pqrs'.slice(0, t.length))
          : Array.from({ length: t.length }, () => this.flat(t.of)).join(', ');
      case 'record': {
        const named = t.fields.filter((f) => f.name !== '');
        return (t.tag === 'union' ? named.slice(0, 1) : named).map((f) => this.flat(f.type)).join(', ');
      }
      default:
        return t satisfies never;
    }
  }

  designator(t: Model): { text: string; type: Model; index: number } {
    if (t.kind === 'array') {
      const low = this.r.below(t.length);
      const range = this.r.chance(25);
      const high = range ? low + this.r.below(t.length - low) : low;
      return this.deeper(range ? `[${low} ... ${high}]` : `[${low}]`, t.of, high);
    }
    if (t.kind !== 'record') throw new Error('no parts');
    const index = this.r.pick(t.fields.map((f, i) => (f.name === '' ? -1 : i)).filter((i) => i >= 0));
    const f = t.fields[index] as FieldModel;
    return this.deeper(`.${f.name}`, f.type, index);
  }

  private deeper(text: string, type: Model, index: number): { text: string; type: Model; index: number } {
    if (type.kind === 'scalar' || this.r.chance(60)) return { text, type, index };
    const inner = this.designator(type);
    return { text: text + inner.text, type: inner.type, index };
  }
}

function isText(t: Model): t is Model & { readonly kind: 'array' } {
  return t.kind === 'array' && t.of.kind === 'scalar' && /char$/.test(t.of.c);
}

function declare(t: Model, name: string, bits?: number): string {
  switch (t.kind) {
    case 'scalar':
      return `${t.c} ${name}${bits === undefined ? '' : ` : ${bits}`}`;
    case 'array':
      return declare(t.of, `${name}[${t.length}]`);
    case 'record':
      return `${t.c} ${name}`;
    default:
      return t satisfies never;
  }
}

/* ---------- bytes ---------- */

function put(bytes: Uint8Array, item: InitItem): void {
  if (item.value.kind === 'bytes') {
    bytes.fill(0, item.offset, item.offset + (sizeOf(item.type.type) ?? 0));
    bytes.set(item.value.bytes, item.offset);
    return;
  }
  const v = evaluate(item.value as Expr);
  assert.ok(v && !v.base, 'a static object holds constants');
  const width = item.bit?.width ?? (sizeOf(item.type.type) ?? 0) * 8;
  const start = item.offset * 8 + (item.bit?.offset ?? 0);
  for (let i = 0; i < width; i++) {
    const bit = Number((BigInt.asUintN(64, v.value) >> BigInt(i)) & 1n);
    const at = start + i;
    bytes[at >> 3] = ((bytes[at >> 3] as number) & ~(1 << (at & 7))) | (bit << (at & 7));
  }
}

function bytesOf(v: VarDecl): Uint8Array {
  const { init } = v;
  const items = init?.kind === 'list' ? init.items : [];
  const size = sizeOf(v.type.type) ?? 0;
  const end = items.reduce(
    (n, i) => Math.max(n, i.offset + (i.bit ? 0 : i.value.kind === 'bytes' ? i.value.bytes.length : (sizeOf(i.type.type) ?? 0))),
    size,
  );
  const bytes = new Uint8Array(Math.max(size, end));
  if (init?.kind === 'string') bytes.set(init.bytes);
  else if (init?.kind === 'scalar') put(bytes, { offset: 0, type: v.type, value: init.value });
  for (const item of items) put(bytes, item);
  return bytes;
}

function clangBytes(text: string): Map<string, Uint8Array> {
  const run = spawnSync(CLANG, ['-target', 'bpf', '-S', '-o', '/dev/null', '-w', '-ferror-limit=0', '-x', 'c', '-'], {
    input: text,
    encoding: 'utf8',
  });
  // Some overrides of parts are beyond clang.
  const beyond = new Set(
    [...run.stderr.matchAll(/^<stdin>:(\d+):.*cannot compile this static initializer yet/gm)].map((m) => Number(m[1])),
  );
  return objectBytes(
    text
      .split('\n')
      .filter((_line, i) => !beyond.has(i + 1))
      .join('\n'),
  );
}

function objectBytes(text: string): Map<string, Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'skep-init-'));
  try {
    const out = join(dir, 't.o');
    const run = spawnSync(CLANG, ['-target', 'bpf', '-c', '-O0', '-w', '-x', 'c', '-', '-o', out], { input: text, encoding: 'utf8' });
    assert.equal(run.stderr, '', text);
    const elf = new ElfFile(readFileSync(out));
    const section = elf.section('all');
    assert.ok(section);
    const data = elf.data(section);
    const table = elf.section('.symtab');
    assert.ok(table);
    const symbols = elf.symbols(table);
    const bytes = new Map<string, Uint8Array>();
    for (const s of symbols)
      if (s.section === section.index && s.name !== '') bytes.set(s.name, data.subarray(Number(s.value), Number(s.value) + Number(s.size)));
    return bytes;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function check(text: string): number {
  const theirs = clangBytes(text);
  const c = compile(text);
  assert.deepEqual(c.errors, [], text);
  for (const [name, expected] of theirs) {
    const line = text.split('\n').find((l) => l.includes(` ${name}[`) || l.includes(` ${name} `)) ?? '';
    assert.equal(
      Buffer.from(bytesOf(c.variable(name))).toString('hex'),
      Buffer.from(expected).toString('hex'),
      `${line}\n${text.slice(0, text.indexOf(' v0'))}`,
    );
  }
  return theirs.size;
}

const SECTION = '__attribute__((section("all")))';

test('random initialisers give the bytes that clang gives', { skip }, () => {
  let compared = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const g = new Generator(new Random(seed * 7919));
    const variables: string[] = [];
    for (let i = 0; i < 40; i++) {
      const type = i % 3 === 0 ? g.record(3) : g.type(3);
      variables.push(`${declare(type, `v${i}`)} ${SECTION} = ${g.init(type)};`);
    }
    compared += check([...g.declarations, ...variables].join('\n'));
  }
  assert.ok(compared > 440, `${compared}`);
});

test('initialisers as people write them give the bytes that clang gives', { skip }, () => {
  const count = check(`
struct in { int a; union { char b[4]; short c; }; long d; };
struct flex { int n; short data[]; };
typedef int pair[2];
int a1[] ${SECTION} = { 1, 2, [5] = 6, 7 };
int a2[3] ${SECTION} = { [2] = 3, [0] = 1, 2 };
char s1[] ${SECTION} = "abc";
char s2[2] ${SECTION} = "abc";
char s3[5] ${SECTION} = { "xy" };
char s4[] ${SECTION} = { 'a', 'b' };
unsigned char s5[] ${SECTION} = "a\\0b" "\\x41" "\\101z";
int wide[] ${SECTION} = L"wi\\u00e9";
unsigned short u16[] ${SECTION} = u"é\\U0001F600";
char utf[] ${SECTION} = "é€";
char rows[][3] ${SECTION} = { "ab", "cd", { 'e' } };
struct in i1 ${SECTION} = { 1, { "xyz" }, 5 };
struct in i2 ${SECTION} = { .c = 258, .a = 4, };
struct in i3 ${SECTION} = { 1, .b = { 1, 2 }, 9 };
struct in i4[] ${SECTION} = { { 1 }, [2].d = 7, [2].a = 8, [1] = { .b[1] = 3 } };
struct in i5 ${SECTION} = { .b[2] = 9, .c = 1 };
struct in i6[2] ${SECTION} = { 1, 2, 3, 4, 5, 6 };
struct in i7 ${SECTION} = { a : 3, d : 4 };
struct flex f1 ${SECTION} = { 2, { 10, 20, 30 } };
struct flex f2 ${SECTION} = { .n = 1, .data = { [2] = 5 } };
pair p1[] ${SECTION} = { 1, 2, 3 };
struct in lit ${SECTION} = (struct in){ .a = 1, .d = 2 };
int matrix[3][3] ${SECTION} = { [1] = { 1, 2 }, [0 ... 1][2] = 7, 8 };
int over[4] ${SECTION} = { [0 ... 3] = 5, [1] = 6 };
struct { struct { int x, y; } p; int z; } nest ${SECTION} = { .p.y = 1, 2 }, nest2 ${SECTION} = { .p = { 1, 2 }, .p.x = 3 };
struct { struct { int x, y; } p; int z; } nest3 ${SECTION} = { .p.x = 3, .p = { .y = 4 } };
union { int i; char c[8]; } un ${SECTION} = { .c = "hi" }, un2 ${SECTION} = { 5 };
struct { unsigned a : 3; int : 5; int b : 4; _Bool c : 1; } bits ${SECTION} = { 5, -3, 1 };
struct { unsigned a : 3; int : 0; unsigned b : 20; } bits2 ${SECTION} = { .b = 0xfffff, .a = 1 };
struct {} empty ${SECTION} = {};
int zero ${SECTION} = {};
_Bool truth ${SECTION} = 256;
char wrap ${SECTION} = 300;
unsigned long address ${SECTION} = (unsigned long)&((struct in *)0)->d;
const int first = 3; static const int table[] = { 5, 6, 7 };
int from_const ${SECTION} = first + table[2];
`);
  assert.ok(count > 35);
});
