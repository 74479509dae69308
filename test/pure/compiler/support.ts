/** Compiles C and runs it in the VM, beside gcc's program for the same text. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compiled, type CompileOptions, compile } from '../../../src/compiler/compile.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import { createMachine, type MachineOptions } from '../../../src/vm/machine.ts';

export function plainFacts(changes: Partial<TargetFacts> = {}): TargetFacts {
  return {
    arch: 'x86_64',
    kernelVersion: 0x060c00,
    btf: undefined,
    cpu: 3,
    kconfig: () => undefined,
    tracepointFormat: () => undefined,
    similarTracepoints: () => [],
    cpus: 1,
    possibleCpus: 1,
    ...changes,
  };
}

/** Plain C without a dialect; `roots` are the functions to keep. */
export function compilePlain(text: string, options: Partial<CompileOptions> = {}): Compiled {
  return compile(text, { facts: plainFacts(), roots: ['main'], verify: true, file: 'test.c', ...options });
}

/** `line:column code message` of each diagnostic. */
export function said(c: Compiled): string[] {
  return c.diagnostics.map((d) => {
    const at = c.source.filePosition(d.loc);
    return `${at?.line ?? 0}:${at?.column ?? 0} ${d.code} ${d.message}`;
  });
}

/** r0 of a function without arguments. */
export function runFunction(c: Compiled, name: string, options: MachineOptions = {}): bigint {
  if (!c.spec) throw new Error(`does not compile: ${said(c).join('; ')}`);
  const spec = {
    ...c.spec,
    programs: [{ name, entry: name, type: 'socket_filter', section: 'socket', autoAttach: false, autoLoad: true }],
  };
  return createMachine(spec, { stackFill: 0xa5, budget: 50_000_000, ...options }).run(name, { args: [0n, 0n, 0n, 0n, 0n] }).r0;
}

export function hasCommand(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Compiles with gcc, runs, and gives what it printed; undefined where it ran too long. */
export function runNative(text: string, flags: readonly string[] = ['-O1']): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'skep-native-'));
  try {
    const source = join(folder, 'a.c'),
      program = join(folder, 'a.out');
    writeFileSync(source, text);
    execFileSync('gcc', ['-w', '-fwrapv', '-fno-strict-aliasing', ...flags, '-o', program, source], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const r = spawnSync(program, [], { encoding: 'utf8', timeout: 5000 });
    return r.status === 0 ? r.stdout : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
