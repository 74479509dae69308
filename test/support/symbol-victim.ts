/** Programs compiled for tests of symbols: each prints the addresses of its own functions, which are then to be named. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
int visible_function(int x) { return x + 1; }
static __attribute__((noinline)) int hidden_function(int x) { return x + 2; }
/* Ends with a call that does not come back: what it would return to is another function. */
__attribute__((noinline, noreturn)) void gives_up(void) { exit(visible_function(1)); }
int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "exec") == 0) { char c; puts("waits"); fflush(stdout); if (read(0, &c, 1) < 0) return 1; execv(argv[2], argv + 2); return 3; }
  printf("visible_function %p\\n", (void *)visible_function);
  printf("hidden_function %p\\n", (void *)hidden_function);
  printf("gives_up %p\\n", (void *)gives_up);
  printf("main %p\\n", (void *)main);
  for (const char **f = (const char *[]){ "getpid", "qsort", "puts", "getpriority", 0 }; *f; f++) printf("%s %p\\n", *f, dlsym(RTLD_DEFAULT, *f));
  printf("vdso %#lx\\n", getauxval(AT_SYSINFO_EHDR));
  printf("done 0\\n");
  fflush(stdout);
  char c;
  while (read(0, &c, 1) > 0) { }
  return hidden_function(argc) > 1000 ? 4 : 0;
}
`;

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Where the process says its functions are. */
  readonly addresses: ReadonlyMap<string, bigint>;
  /** Ends it and waits for that. */
  end(): Promise<void>;
}

export function workFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'skep-symbols-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function compileC(folder: string, name: string, source = SOURCE, flags: readonly string[] = []): string {
  const out = join(folder, name);
  writeFileSync(join(folder, `${name}.c`), source);
  execFileSync('gcc', ['-O1', '-o', out, join(folder, `${name}.c`), ...flags, '-ldl']);
  return out;
}

/** Starts a program and reads the addresses that it prints, up to 'done'. */
export async function start(command: string, args: readonly string[] = []): Promise<Running> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const addresses = new Map<string, bigint>();
  for await (const line of createInterface(child.stdout)) {
    const [name = '', address = '0'] = line.split(' ');
    if (name === 'done' || name === 'waits') break;
    addresses.set(name, BigInt(address));
  }
  return {
    pid: child.pid as number,
    child,
    addresses,
    end: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
