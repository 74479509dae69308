import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { parseFormat, tracepointStruct } from '../../../src/compiler/dialect/bcc/tracepoint.ts';
import { front, testFacts } from './front.ts';

const HEAD = `name: x
ID: 1
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

`;

/** Formats as Linux 6.18 prints them (and some made to be awkward). */
const FORMATS: Readonly<Record<string, string>> = {
  'block:block_rq_issue': `${HEAD}	field:dev_t dev;	offset:8;	size:4;	signed:0;
	field:sector_t sector;	offset:16;	size:8;	signed:0;
	field:unsigned int nr_sector;	offset:24;	size:4;	signed:0;
	field:unsigned int bytes;	offset:28;	size:4;	signed:0;
	field:unsigned short ioprio;	offset:32;	size:2;	signed:0;
	field:char rwbs[10];	offset:34;	size:10;	signed:0;
	field:char comm[16];	offset:44;	size:16;	signed:0;
	field:__data_loc char[] cmd;	offset:60;	size:4;	signed:0;
`,
  'sched:sched_switch': `${HEAD}	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
	field:int prev_prio;	offset:28;	size:4;	signed:1;
	field:long prev_state;	offset:32;	size:8;	signed:1;
	field:char next_comm[TASK_COMM_LEN];	offset:40;	size:16;	signed:0;
	field:pid_t next_pid;	offset:56;	size:4;	signed:1;
	field:int next_prio;	offset:60;	size:4;	signed:1;
`,
  'syscalls:sys_enter_openat': `${HEAD}	field:int __syscall_nr;	offset:8;	size:4;	signed:1;
	field:int dfd;	offset:16;	size:8;	signed:0;
	field:const char * filename;	offset:24;	size:8;	signed:0;
	field:int flags;	offset:32;	size:8;	signed:0;
	field:umode_t mode;	offset:40;	size:8;	signed:0;
`,
  'sock:inet_sock_set_state': `${HEAD}	field:const void * skaddr;	offset:8;	size:8;	signed:0;
	field:int oldstate;	offset:16;	size:4;	signed:1;
	field:__u16 sport;	offset:24;	size:2;	signed:0;
	field:__u8 saddr[4];	offset:32;	size:4;	signed:0;
	field:__u8 saddr_v6[16];	offset:40;	size:16;	signed:0;
`,
  'made:up': `${HEAD}	field:bool on;	offset:8;	size:1;	signed:0;
	field:enum hctx_type type;	offset:12;	size:4;	signed:0;
	field:unsigned long args[6];	offset:16;	size:48;	signed:0;
	field:struct in6_addr addr;	offset:64;	size:16;	signed:0;
	field:u32 odd;	offset:81;	size:4;	signed:0;
	field:unsigned char guid[GUID_LEN];	offset:85;	size:3;	signed:0;
	field:__rel_loc char[] late;	offset:88;	size:4;	signed:0;
	field:struct sockaddr __user * who;	offset:96;	size:8;	signed:0;
	field:cpumask_t mask;	offset:104;	size:24;	signed:0;
`,
};

for (const [event, format] of Object.entries(FORMATS)) {
  const [category = '', name = ''] = event.split(':');
  test(`members of ${event} stand where its format says`, () => {
    const facts = testFacts({ btf: undefined, tracepointFormat: (c, e) => FORMATS[`${c}:${e}`] });
    const { unit, said } = front(
      `struct in6_addr { unsigned int w[4]; }; TRACEPOINT_PROBE(${category}, ${name}) { return 0; }`,
      bccDialect,
      facts,
    );
    assert.deepEqual(said, []);
    const [param] = unit?.functions.find((f) => f.name === `tracepoint__${category}__${name}`)?.params ?? [];
    const type = param?.type.type;
    assert.ok(type?.kind === 'pointer' && type.to.type.kind === 'record');
    const fields = type.to.type.fields ?? [];
    for (const { declaration, offset, size } of parseFormat(format)) {
      if (offset < 8) continue;
      const dynamic = declaration.startsWith('__data_loc') ? 'data_loc_' : declaration.startsWith('__rel_loc') ? 'rel_loc_' : '';
      const wanted = dynamic + (/(\w+)\s*(?:\[\w*\])?$/.exec(declaration)?.[1] ?? '');
      const field = fields.find((f) => f.name === wanted);
      assert.equal(field?.offset, offset, wanted);
      const t = field.type.type;
      const bytes =
        t.kind === 'array' && t.of.type.kind === 'int'
          ? (t.length ?? 0) * t.of.type.size
          : t.kind === 'int' || t.kind === 'record'
            ? t.size
            : t.kind === 'pointer'
              ? 8
              : -1;
      assert.equal(bytes, size, wanted);
    }
  });
}

test('pointers of system calls point to user memory', () => {
  assert.match(
    tracepointStruct('x', FORMATS['syscalls:sys_enter_openat'] ?? '', true),
    /const char __attribute__\(\(btf_type_tag\("user"\)\)\) \*filename;/,
  );
  assert.match(tracepointStruct('x', FORMATS['sock:inet_sock_set_state'] ?? '', false), /const void \*skaddr;/);
  assert.match(
    tracepointStruct('x', FORMATS['made:up'] ?? '', false),
    /struct sockaddr __attribute__\(\(btf_type_tag\("user"\)\)\) \*who;/,
  );
});

test("signedness and width are the format's, not those of the type it names", () => {
  const text = tracepointStruct('x', FORMATS['syscalls:sys_enter_openat'] ?? '', true);
  assert.match(text, /unsigned long long dfd;/);
  assert.match(tracepointStruct('x', FORMATS['sched:sched_switch'] ?? '', false), /signed int prev_pid;/);
});

test('the struct also comes without the macro', () => {
  const facts = testFacts({ btf: undefined, tracepointFormat: (c, e) => FORMATS[`${c}:${e}`] });
  const { unit, said } = front('int f(struct tracepoint__sched__sched_switch *args) { return args->next_pid; }', bccDialect, facts);
  assert.deepEqual(said, []);
  assert.deepEqual(unit?.functions[0]?.program, { type: 'tracepoint', section: 'tracepoint', autoAttach: false, autoLoad: true });
});

test('an event that does not exist', () => {
  const facts = testFacts({ btf: undefined, similarTracepoints: () => ['block:block_rq_issue', 'block:block_rq_insert'] });
  const { said } = front('TRACEPOINT_PROBE(block, block_rq_isue) { return 0; }', bccDialect, facts);
  assert.deepEqual(said, [
    '1:1 unknown-tracepoint there is no tracepoint block:block_rq_isue; did you mean block:block_rq_issue or block:block_rq_insert?',
  ]);
});

test('a hostile format makes no text of its own', () => {
  const evil = `${HEAD}	field:int x) { }; int y(;	offset:8;	size:4;	signed:0;
	field:int a;	offset:8;	size:4;	signed:0;
	field:int a;	offset:12;	size:4;	signed:0;
	field:int b;	offset:10;	size:4;	signed:0;
	field:int *;	offset:16;	size:8;	signed:0;
`;
  const facts = testFacts({ btf: undefined, tracepointFormat: () => evil });
  const { said } = front('TRACEPOINT_PROBE(a, b) { return args->a; }', bccDialect, facts);
  for (const line of said) assert.match(line, /no-member/);
});
