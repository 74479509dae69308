/** examples/rootless/: compiled and run without a kernel's help; docs/rootless.md quotes them word by word. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BtfReader } from '../../../src/btf/index.ts';
import { compile, guessDialect, targetFacts } from '../../../src/compiler/index.ts';
import { createMachine } from '../../../src/vm/index.ts';
import { checkQuoted, printed } from '../../support/examples.ts';

const BTF = '/sys/kernel/btf/vmlinux';
const EXAMPLES: Readonly<Record<string, readonly RegExp[]>> = {
  packet: [
    /^0x800, 60 bytes: pass$/,
    /^0x800, 1500 bytes: pass$/,
    /^0x86dd, 80 bytes: drop$/,
    /^protocol 0x800: 2 packets, 1560 bytes$/,
    /^protocol 0x86dd: 1 packets, 80 bytes$/,
    /^careless: read of 1 byte at offset 100, outside the packet of 60 bytes$/,
  ],
};
const needsBtf = { skip: existsSync(BTF) ? false : 'needs kernel BTF' };

test('each example is in the table, and the page quotes each', () => checkQuoted('rootless', 'rootless.md', EXAMPLES));

for (const [name, lines] of Object.entries(EXAMPLES))
  test(`example ${name}`, needsBtf, async () => {
    const said = await printed('rootless', name);
    assert.equal(said.length, lines.length, said.join('\n'));
    for (const [i, line] of lines.entries()) assert.match(said[i] ?? '', line);
  });

test('plain facts: of a version, with or without types', needsBtf, () => {
  const own = 'unsigned int f(unsigned int *ctx) { return LINUX_VERSION_CODE; }';
  const version = (kernel: string): bigint => {
    const { spec, diagnostics } = compile(own, { facts: targetFacts({ kernel }), dialect: guessDialect('BPF_HASH(h);'), roots: ['f'] });
    assert.ok(spec, JSON.stringify(diagnostics));
    return createMachine(spec).run('f', { ctx: new Uint8Array(4) }).r0;
  };
  assert.equal(version('6.1.90'), 6n * 65536n + 1n * 256n + 90n);
  assert.equal(version('5.15'), 5n * 65536n + 15n * 256n);
  assert.deepEqual(
    ['5.8', '6.5.13', '6.6'].map((kernel) => targetFacts({ kernel }).cpu),
    [3, 3, 4],
  );
  for (const wrong of ['6', 'six', '6.1.2.3', '']) assert.throws(() => targetFacts({ kernel: wrong }), RangeError, wrong);

  const xdp = '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int p(struct xdp_md *ctx) { return XDP_DROP; }';
  const dialect = guessDialect(xdp);
  const without = compile(xdp, { facts: targetFacts(), dialect });
  assert.equal(without.spec, undefined);
  const btf = new BtfReader(readFileSync(BTF));
  const { spec } = compile(xdp, { facts: targetFacts({ btf }), dialect });
  assert.ok(spec);
  // XDP_DROP is 1 (include/uapi/linux/bpf.h).
  assert.equal(createMachine(spec).run('p', { packet: new Uint8Array(60) }).r0, 1n);
});
