/** What works with single capabilities instead of root, and what is said where it does not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { kernelTest } from '../../run/needs.ts';

const script = fileURLToPath(new URL('./load-as.js', import.meta.url));
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** Loads and attaches a program of a type as nobody, with these capabilities; what that says. */
function loadAs(type: string, capabilities: readonly string[]): string {
  const list = ['-all', ...capabilities.map((c) => `+${c}`)].join(',');
  const run = spawnSync('setpriv', [...NOBODY, `--inh-caps=${list}`, `--ambient-caps=${list}`, process.execPath, script, type], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trim();
}

kernelTest('with CAP_BPF and CAP_PERFMON, without root', { commands: ['setpriv'], minKernel: '5.8' }, () => {
  assert.equal(loadAs('raw_tracepoint', ['bpf', 'perfmon']), 'attached');
  assert.equal(loadAs('socket_filter', ['bpf']), 'loaded');
  assert.equal(loadAs('xdp', ['bpf', 'net_admin']), 'loaded');
});

kernelTest('the capability that is missing is named', { commands: ['setpriv'], minKernel: '5.8' }, () => {
  assert.match(loadAs('raw_tracepoint', ['bpf']), /^PrivilegeError: .*lacks CAP_PERFMON$/);
  assert.match(loadAs('raw_tracepoint', []), /^PrivilegeError: .*lacks CAP_BPF/);
  assert.match(loadAs('xdp', ['bpf']), /^PrivilegeError: .*lacks CAP_NET_ADMIN$/);
});
