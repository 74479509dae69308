/**
 * Types from the running kernel's BTF, against bpftool's C and clang: bpftool writes the BTF as C, clang reads it, and
 * sizes, offsets and types of members must be the ones that we decode.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { BtfTypes } from '../../../src/compiler/c/sema/btf-types.ts';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import type { QualType, RecordType } from '../../../src/compiler/c/types.ts';
import { QUAL } from '../../../src/compiler/c/types.ts';
import { clangErrors, compile, expressions, hasClang, kernelBtf } from '../c/support.ts';

const btf = kernelBtf();
const bpftool = spawnSync('bpftool', ['version']).status === 0;
const skip = !btf ? 'no BTF of a kernel here' : !hasClang || !bpftool ? 'clang-19 or bpftool is not installed' : false;

/** Whether C can say this type by name. */
function nameable(q: QualType): boolean {
  const t = q.type;
  switch (t.kind) {
    // Names that BTF has several times are renamed by bpftool.
    case 'record':
      return t.name !== '' && btf?.findAll(t.name, 'struct', 'union').length === 1;
    case 'enum':
      return t.name !== '' && btf?.findAll(t.name, 'enum', 'enum64').length === 1;
    case 'pointer':
      return nameable(t.to);
    case 'array':
      return nameable(t.of);
    case 'function':
      return nameable(t.returns) && t.params.every((p) => nameable(p.type));
    case 'void':
    case 'int':
    case 'float':
      return true;
    default:
      return t satisfies never;
  }
}

/** Without typedef names and tags: what `types_compatible_p` compares. */
function plain(q: QualType): QualType {
  const quals = q.quals & (QUAL.CONST | QUAL.VOLATILE | QUAL.RESTRICT);
  const t = q.type;
  switch (t.kind) {
    case 'pointer':
      return { type: { kind: 'pointer', to: plain(t.to) }, quals };
    case 'array':
      return { type: { ...t, of: plain(t.of) }, quals };
    case 'function':
      return { type: { ...t, returns: plain(t.returns), params: t.params.map((p) => ({ ...p, type: plain(p.type) })) }, quals };
    default:
      return { type: t, quals };
  }
}

/** bpftool of Debian 12 writes enums of one byte as ordinary ones. */
function holdsSmallEnum(q: QualType): boolean {
  const t = q.type;
  if (t.kind === 'enum') return t.underlying.size < 4;
  if (t.kind === 'array') return holdsSmallEnum(t.of);
  return t.kind === 'record' && (t.fields ?? []).some((f) => holdsSmallEnum(f.type));
}

test("records of the kernel have the layout and the members that clang sees in bpftool's C", { skip }, () => {
  assert.ok(btf);
  const types = new BtfTypes(btf, false);
  const seen = new Set<string>();
  const lines: string[] = [];
  let members = 0;
  for (let id = 1; id < btf.size; id++) {
    const t = btf.type(id);
    if ((t.kind !== 'struct' && t.kind !== 'union') || t.name === '' || !/^\w+$/.test(t.name)) continue;
    if (seen.has(t.name) || btf.findAll(t.name, 'struct', 'union').length !== 1 || btf.findAll(t.name, 'typedef').length > 1) continue;
    seen.add(t.name);
    if (id % 7 !== 0 && t.name !== 'task_struct' && t.name !== 'sk_buff') continue;
    const record = types.get(id).type as RecordType;
    if (holdsSmallEnum({ type: record, quals: 0 })) continue;
    const name = `${t.kind} ${t.name}`;
    lines.push(`_Static_assert(sizeof(${name}) == ${record.size}, "size of ${name}");`);
    for (const f of record.fields ?? []) {
      if (f.name === '' || f.bit) continue;
      members++;
      lines.push(`_Static_assert(__builtin_offsetof(${name}, ${f.name}) == ${f.offset}, "${name}.${f.name}");`);
      if (nameable(f.type))
        lines.push(
          `_Static_assert(__builtin_types_compatible_p(__typeof__(((${name} *)0)->${f.name}), ${formatType(plain(f.type))}), "type of ${name}.${f.name}");`,
        );
    }
  }
  assert.ok(members > 3000, `only ${members} members`);
  const header = spawnSync('bpftool', ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  }).stdout;
  assert.equal(clangErrors(`${header}\n${lines.join('\n')}\n`, '-ferror-limit=8', '-Xclang', '-std=gnu11').slice(0, 4000), '');
});

test('names that the text does not declare come from BTF, and only what is used is decoded', {
  skip: btf ? false : 'no BTF of a kernel here',
}, () => {
  const c = compile(
    `
int f(struct task_struct *t, struct sock *sk, u64 now) {
  pid_t pid = t->pid;
  enum pid_type k = PIDTYPE_TGID;
  t->group_leader->pid; sk->__sk_common.skc_state; t->comm[0];
  return BPF_MAP_TYPE_HASH;
}`,
    { btf },
  );
  assert.deepEqual(c.messages, []);
  assert.deepEqual(expressions(c.function('f')), [
    'decl',
    'decl',
    'load(*load(*load(t).group_leader).pid)',
    'load(*load(sk).__sk_common.skc_state)',
    'load(*(ptr+1 decay(*load(t).comm)→char * 0:long))',
    'return 1:int',
  ]);
});

test('what the text declares shadows BTF', { skip: btf ? false : 'no BTF of a kernel here' }, () => {
  const c = compile(
    `
struct sk_buff;
int before(struct sk_buff *skb);
struct sk_buff { int mine; };
typedef short u32;
enum { BPF_MAP_TYPE_HASH = 77 };
int f(struct sk_buff *skb) { u32 x; sizeof(x); skb->mine; return BPF_MAP_TYPE_HASH; }
int g(struct sock *sk) { return before(sk->sk_receive_queue.next); }
`,
    { btf },
  );
  assert.deepEqual(c.messages, []);
  assert.deepEqual(expressions(c.function('f')), ['decl', '2:unsigned long', 'load(*load(skb).mine)', 'return 77:int']);
});

test("a record that was looked into before the text declares it stays the kernel's for those who saw it", {
  skip: btf ? false : 'no BTF of a kernel here',
}, () => {
  const c = compile(
    `
int a = sizeof(struct path) + __builtin_offsetof(struct path, dentry);
struct path { int own; };
int b = sizeof(struct path);
`,
    { btf },
  );
  assert.deepEqual(c.messages, []);
  assert.deepEqual(
    [c.variable('a').init, c.variable('b').init].map((i) => (i?.kind === 'scalar' && i.value.kind === 'int' ? i.value.value : undefined)),
    [24n, 4n],
  );
});
