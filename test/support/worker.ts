/**
 * A process whose every step is known: perl, which makes exactly the calls that it is told, once it is told to.
 *
 *   const work = await worker('getppid() for 1..500');
 *   …tools are started on work.pid…
 *   await work.go();         the calls are made; the process stays until `end`
 */
import { once } from 'node:events';
import { afterEach } from 'node:test';
import { start } from './command.ts';

export interface Worker {
  readonly pid: number;
  /** Runs the script; resolves when it is done. It ends with one write(2) of its own. */
  readonly go: () => Promise<void>;
  readonly end: () => Promise<void>;
}

const FRAME = (script: string): string => `
$| = 1; my $go = 0; $SIG{USR1} = sub { $go = 1 };
syswrite(STDOUT, "waits\\n");
select(undef, undef, undef, 0.05) until $go;
${script};
syswrite(STDOUT, "done\\n");
sleep 100000;
`;

/** Those of a test that failed would keep its file from ending. */
const living = new Set<Worker>();

afterEach(async () => {
  for (const one of living) await one.end();
});

export async function worker(script: string, ...args: readonly string[]): Promise<Worker> {
  const perl = start(['perl', '-e', FRAME(script), ...args]);
  await perl.sees('waits');
  const made: Worker = {
    pid: perl.pid,
    async go() {
      perl.child.kill('SIGUSR1');
      await perl.sees('done');
    },
    async end() {
      living.delete(made);
      perl.child.kill('SIGKILL');
      if (perl.child.exitCode === null && perl.child.signalCode === null) await once(perl.child, 'exit');
    },
  };
  living.add(made);
  return made;
}

/** Numbers of system calls that tests have made. */
export const NR = process.arch === 'arm64' ? { getppid: 173, mknodat: 33 } : { getppid: 110, mknodat: 259 };
