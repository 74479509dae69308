/** Signals held back from this thread while a system call runs that gives up when one comes. */
import { type Kernel, KernelError } from './port.ts';

const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
const SET_SIZE = 8;

/**
 * What is sent to the process meanwhile another of its threads takes (Node has several); what is sent to this thread
 * (a profiler's ticks) waits. SIGKILL and SIGSTOP are never held back.
 */
export function withoutSignals<T>(kernel: Kernel, action: () => T): T {
  const before = new Uint8Array(SET_SIZE);
  try {
    kernel.syscall('rt_sigprocmask', SIG_BLOCK, new Uint8Array(SET_SIZE).fill(0xff), before, SET_SIZE);
  } catch (error) {
    // A sandbox may forbid it: then it is as it was.
    if (error instanceof KernelError) return action();
    throw error;
  }
  try {
    return action();
  } finally {
    kernel.syscall('rt_sigprocmask', SIG_SETMASK, before, null, SET_SIZE);
  }
}
