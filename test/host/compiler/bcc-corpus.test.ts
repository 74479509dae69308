/**
 * Programs of BCC's tools, as Debian ships them, compiled for this kernel and loaded into it: what compiles passes the
 * verifier.
 */
import assert from 'node:assert/strict';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import { loadObject } from '../../../src/link/load.ts';
import { bccPrograms } from '../../corpora/corpora.ts';
import { kernelTest } from '../../run/needs.ts';

/** Not the code generator's to say. */
const REFUSED_RIGHTLY: readonly RegExp[] = [/does not let a program of this type call/, /unknown func|helper.*not (allowed|supported)/];

kernelTest("BCC's programs pass the verifier", { btf: true, commands: ['bitesize-bpfcc'], timeout: 600_000 }, (t) => {
  const kernel = linuxKernel();
  const facts = readTargetFacts(kernel);
  const seen = new Set<string>();
  const wrong: string[] = [];
  let loaded = 0, refused = 0, elsewhere = 0;
  for (const p of bccPrograms()) {
    // One program a tool: the others differ by a filter.
    if (seen.has(p.tool) || p.usdt) continue;
    const defines = p.cflags.filter((f) => f.startsWith('-D')).map((f) => f.slice(2));
    const c = compile(p.text, { facts, dialect: bccDialect, name: p.name, file: `${p.name}.c`, defines, verify: true });
    if (!c.spec) {
      refused++;
      continue;
    }
    seen.add(p.tool);
    let object: ReturnType<typeof loadObject> | undefined;
    try {
      object = loadObject({ ...c.spec, license: c.spec.license || 'GPL' }, kernel, { facts });
      loaded++;
    } catch (e) {
      if (e instanceof VerifierError && !REFUSED_RIGHTLY.some((r) => r.test(e.message))) wrong.push(`${p.name}: ${e.message.split('\n')[0]}`);
      else elsewhere++;
    } finally {
      object?.close();
    }
  }
  t.diagnostic(`${loaded} tools loaded, ${elsewhere} not for another reason, ${refused} programs do not compile here`);
  assert.deepEqual(wrong, []);
  assert.ok(loaded >= 50, `only ${loaded} loaded`);
});
