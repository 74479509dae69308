/** A load that signals keep interrupting comes to its end all the same. Imported by load.test.ts. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { alu64Imm, branch64Imm, exit, mov64Imm } from '../../../src/isa/build.ts';
import { ALU, JMP } from '../../../src/isa/insn.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { loadObject } from '../../../src/link/load.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, tinyObject } from '../kernel/support.ts';

/** The verifier goes round with every value of the counter: longer than one signal takes to come. */
const ROUNDS = 100_000;

/** An emulated processor is not done with one signal before the next is there: it gets a breath between them. */
const PAUSE = guestSeries === undefined ? '' : 'select(undef, undef, undef, 0.02)';

kernelTest('a load that signals keep interrupting', { commands: ['perl'], minKernel: '5.3' }, () =>
  leavesNothing(async () => {
    let interrupted = 0;
    const bpf = (cmd: number, attr: Uint8Array): number => {
      try {
        return kernel.bpf(cmd, attr);
      } catch (error) {
        if (error instanceof KernelError && error.code === 'EAGAIN') interrupted++;
        throw error;
      }
    };
    const counting = new Proxy(kernel, {
      get(target, name) {
        if (name === 'bpf') return bpf;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const spec = tinyObject({
      program: { type: 'socket_filter' },
      main: { insns: [mov64Imm(0, 0), alu64Imm(ALU.ADD, 0, 1), branch64Imm(JMP.JLT, 0, ROUNDS, -2), exit()] },
    });
    const ignore = (): void => {};
    process.on('SIGUSR2', ignore);
    const sender = spawn('perl', ['-e', `while (kill 'USR2', ${process.pid}) { ${PAUSE} }`], { stdio: 'ignore' });
    try {
      await once(process, 'SIGUSR2');
      loadObject(spec, counting, { facts }).close();
    } finally {
      sender.kill('SIGKILL');
      await once(sender, 'close');
      // What is on its way must still find a listener.
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.off('SIGUSR2', ignore);
    }
    assert.ok(interrupted > 0, 'a signal came in the middle');
  }),
);
