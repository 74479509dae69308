/** From text to typed tree, for tests: preprocessor, parser and sema with a dialect, against made-up or real facts. */
import { existsSync, readFileSync } from 'node:fs';
import { BtfReader } from '../../../src/btf/read.ts';
import type { BtfSource } from '../../../src/btf/types.ts';
import type { TranslationUnit } from '../../../src/compiler/c/ast.ts';
import { parse, parseDeclarations } from '../../../src/compiler/c/parser/parse.ts';
import { virtualResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import { Preprocessor } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import { createSema } from '../../../src/compiler/c/sema/sema.ts';
import type { Diagnostic } from '../../../src/compiler/diagnostics.ts';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import type { Dialect } from '../../../src/compiler/dialect/dialect.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';

let vmlinux: BtfSource | undefined;
/** BTF of the running kernel; undefined where it has none. */
export function kernelBtf(): BtfSource | undefined {
  const path = '/sys/kernel/btf/vmlinux';
  if (vmlinux === undefined && existsSync(path)) vmlinux = new BtfReader(readFileSync(path));
  return vmlinux;
}

export function testFacts(changes: Partial<TargetFacts> = {}): TargetFacts {
  return {
    arch: 'x86_64',
    kernelVersion: 0x060c00,
    btf: kernelBtf(),
    cpu: 3,
    kconfig: () => undefined,
    tracepointFormat: () => undefined,
    similarTracepoints: () => [],
    cpus: 2,
    possibleCpus: 4,
    ...changes,
  };
}

export interface Front {
  readonly unit: TranslationUnit | undefined;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** `line:column code message` of each. */
  readonly said: readonly string[];
}

export function front(text: string, dialect: Dialect | undefined, facts = testFacts(), defines: readonly string[] = []): Front {
  const diagnostics = new Diagnostics(1000);
  const resolve = virtualResolver((path) => dialect?.header(path));
  const pp = new Preprocessor({
    diagnostics,
    resolve,
    ...(dialect === undefined ? {} : { constants: { has: () => true, text: (name: string) => dialect.macro(name, facts) } }),
  });
  pp.enter('<defines>', defines.map((d) => `#define ${d.replace('=', ' ')}\n`).join(''), { system: true });
  if (dialect !== undefined) pp.enter(`<${dialect.name}>`, dialect.prelude, { system: true });
  pp.enter('main.c', text);
  if (dialect?.footer !== undefined) pp.enter(`<${dialect.name} end>`, dialect.footer, { system: true });
  const sema = createSema({ facts, dialect, diagnostics });
  sema.setTextParser((source, name) => {
    const inner = new Preprocessor({
      diagnostics,
      resolve,
      ...(dialect === undefined ? {} : { constants: { has: () => true, text: (n: string) => dialect.macro(n, facts) } }),
    });
    inner.enter(name, source, { system: true });
    parseDeclarations(inner, sema, diagnostics);
  });
  const unit = parse(pp, sema, diagnostics);
  const { list } = diagnostics;
  return {
    unit,
    errors: list.filter((d) => d.severity === 'error'),
    warnings: list.filter((d) => d.severity === 'warning'),
    said: list.map((d) => {
      const at = pp.source.filePosition(d.loc);
      return `${at?.file === 'main.c' ? '' : `${at?.file ?? ''}:`}${at?.line ?? 0}:${at?.column ?? 0} ${d.code} ${d.message}`;
    }),
  };
}
