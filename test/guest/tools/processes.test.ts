/** execsnoop, exitsnoop and capable beside a perl that starts, ends and asks for a known number of things. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelTest } from '../../run/needs.ts';
import { records, startPeer, startTool, stop, stopPeer, untilSeen } from '../../support/tools.ts';
import { worker } from '../../support/worker.ts';

const NEEDS = { commands: ['perl'], guest: true } as const;

interface Exec {
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly comm: string;
  readonly pcomm: string;
  readonly ret: number;
  readonly args: readonly string[];
}

interface Exit {
  readonly pid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly code: number;
  readonly signal: number;
  readonly signal_name?: string;
  readonly age: number;
}

kernelTest('execsnoop and exitsnoop: every exec and every exit, as text and as JSON, and as the peers see them', NEEDS, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-exec-'));
  const script = join(folder, 'script');
  writeFileSync(script, '#!/bin/sh\nexit 0\n');
  chmodSync(script, 0o755);
  const [text, json, exits, exitsJson, failed, peerExec, peerExit] = await Promise.all([
    startTool(['execsnoop', '-T', '-t', '-U', '-C', '-M', '-q']),
    startTool(['execsnoop', '--json', '-x', '--max-args', '4']),
    startTool(['exitsnoop', '-t', '--label', 'lab']),
    startTool(['exitsnoop', '--json']),
    startTool(['exitsnoop', '-x']),
    startPeer('execsnoop', ['-x'], 'PCOMM'),
    startPeer('exitsnoop', [], 'PCOMM'),
  ]);
  // Eight execs with arguments, three that fail, a script, six arguments; then exits: a code, two signals.
  const pid = execFileSync(
    'perl',
    [
      '-e',
      `my $s = shift; $| = 1;
       for (1..8) { system { "/bin/true" } "true", "arg one", $_ }
       for (1..3) { unless (fork) { exec { "$s.none" } "none", "x"; exit 9 } wait }
       system { $s } "script", "a"; system { "/bin/true" } qw(true 1 2 3 4 5 6);
       unless (fork) { exit 3 } wait; unless (fork) { kill 9, $$; sleep 9 } wait; unless (fork) { kill 15, $$; sleep 9 } wait;
       print $$`,
      script,
    ],
    { encoding: 'utf8' },
  );
  const own = Number(pid);
  const last = new RegExp(`"ppid":${own},[^\\n]*"signal":15`);
  await Promise.all([
    untilSeen(exitsJson, last),
    untilSeen(exits, /signal 15/),
    untilSeen(failed, /signal 15/),
    untilSeen(json, /"args":\["\/bin\/true","1"/),
    untilSeen(text, /"\/bin\/true" "1"/),
    ...(peerExec ? [untilSeen(peerExec, /true 1 2 3 4 5 6/)] : []),
    ...(peerExit ? [untilSeen(peerExit, /signal 15/)] : []),
  ]);

  const lines = (await stop(text)).lines;
  assert.equal(lines[0], 'TIME     TIME(s) UID   COMM             PID     PCOMM            PPID    CPU  RET ARGS');
  for (let i = 1; i <= 8; i++) {
    const row = new RegExp(`^\\d\\d:\\d\\d:\\d\\d \\d+\\.\\d{3} +0 +true +\\d+ +perl +${own} +\\d+ +0 "/bin/true" "arg one" "${i}"$`);
    assert.equal(lines.filter((line) => row.test(line)).length, 1, `${i}\n${lines.join('\n')}`);
  }
  const execs = records<Exec>(await stop(json)).filter((r) => r.ppid === own);
  assert.deepEqual(
    execs.map(({ comm, ret, args }) => [comm, ret, ...args]),
    [
      ...Array.from({ length: 8 }, (_, i) => ['true', 0, '/bin/true', 'arg one', String(i + 1)]),
      ...Array.from({ length: 3 }, () => ['perl', -2, `${script}.none`, 'x']),
      ['script', 0, script, 'a'],
      ['true', 0, '/bin/true', '1', '2', '3', '...'],
    ],
  );
  assert.ok(execs.every(({ pcomm, uid }) => pcomm === 'perl' && uid === 0));

  const exitLines = (await stop(exits)).lines;
  assert.match(exitLines[0] ?? '', /^TIME-\S+ +LABEL +PCOMM {12}PID {5}PPID {4}TID {5}AGE\(s\) {2}EXIT_CODE $/);
  const ended = records<Exit>(await stop(exitsJson)).filter((r) => r.ppid === own);
  assert.deepEqual(
    ended.map(({ comm, code, signal, signal_name }) => [comm, code, signal, signal_name]),
    [
      ...Array.from({ length: 8 }, () => ['true', 0, 0, undefined]),
      ...Array.from({ length: 3 }, () => ['perl', 9, 0, undefined]),
      ['script', 0, 0, undefined],
      ['true', 0, 0, undefined],
      ['perl', 3, 0, undefined],
      ['perl', 0, 9, 'SIGKILL'],
      ['perl', 0, 15, 'SIGTERM'],
    ],
  );
  assert.ok(ended.every(({ age }) => age >= 0 && age < 600));
  for (const { comm, pid: child, code, signal, signal_name } of ended) {
    const why = signal > 0 ? `signal ${signal} \\(${signal_name}\\)` : code === 0 ? '0' : `code ${code}`;
    const row = new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} *lab +${comm} +${child} +${own} +${child} +\\d+\\.\\d\\d +${why}$`);
    assert.equal(exitLines.filter((line) => row.test(line)).length, 1, `${row}\n${exitLines.join('\n')}`);
  }
  const failures = (await stop(failed)).lines.filter((line) => line.includes(` ${own} `));
  assert.equal(failures.length, 6, failures.join('\n'));

  if (peerExec) {
    const theirs = (await stopPeer(peerExec)).map((line) => line.trim().split(/\s+/)).filter((words) => words[2] === pid);
    // PCOMM PID PPID RET ARGS. Theirs begin with the path, too, and break off after more arguments than ours.
    assert.deepEqual(
      theirs.map(([comm, child, , ret]) => [comm, Number(child), Number(ret)]),
      execs.map((e) => [e.comm, e.pid, e.ret]),
    );
  }
  if (peerExit) {
    const theirs = (await stopPeer(peerExit)).filter((line) => line.trim().split(/\s+/)[2] === pid);
    assert.equal(theirs.length, ended.length, theirs.join('\n'));
  }
  rmSync(folder, { recursive: true });
});

kernelTest('capable: known checks, as text with stacks and as JSON, each once, and as the peer sees them', NEEDS, async () => {
  // chroot() asks for CAP_SYS_CHROOT, each time. The process stays: its stacks are named while it is there,
  // and of this process alone, because who names stacks is asked for capabilities itself.
  const work = await worker('chroot("/") for 1..5');
  const pid = String(work.pid);
  const [text, json, once, peer] = await Promise.all([
    startTool(['capable', '-K', '-U', '-x', '-p', pid]),
    startTool(['capable', '--json']),
    startTool(['capable', '--unique', '--json']),
    startPeer('capable', [], 'CAP'),
  ]);
  await work.go();
  const seen = new RegExp(` ${pid} [^\\n]*CAP_SYS_CHROOT`);
  await Promise.all([
    untilSeen(text, seen, 5),
    untilSeen(json, new RegExp(`"pid":${pid},[^\\n]*CAP_SYS_CHROOT`), 5),
    untilSeen(once, /CAP_SYS_CHROOT/),
    ...(peer ? [untilSeen(peer, seen, 5)] : []),
  ]);

  const { lines } = await stop(text);
  assert.equal(lines[0], 'TIME      UID    PID    TID    COMM             CAP  NAME                 AUDIT  INSETID');
  const row = new RegExp(`^\\d\\d:\\d\\d:\\d\\d +0 +${pid} +${pid} +perl +18 +CAP_SYS_CHROOT +1 +0$`);
  const at = lines.findIndex((line) => row.test(line));
  assert.equal(lines.filter((line) => row.test(line)).length, 5, lines.join('\n'));
  const stack = lines.slice(
    at + 1,
    lines.findIndex((line, i) => i > at && /^\d\d:/.test(line)),
  );
  assert.ok(
    stack.some((line) => /^ {8}(?:__x64_|__arm64_|__do_)?sys_chroot\+0x/.test(line)),
    stack.join('\n'),
  );
  assert.ok(
    stack.some((line) => /chroot\+0x\S+ \[libc/.test(line)),
    stack.join('\n'),
  );
  const checks = records<{ pid: number; cap: number; name: string; audit: boolean; insetid: boolean; comm: string }>(await stop(json));
  const mine = checks.filter((r) => r.pid === Number(pid) && r.name === 'CAP_SYS_CHROOT');
  assert.deepEqual(
    mine.map(({ cap, audit, insetid, comm }) => [cap, audit, insetid, comm]),
    Array.from({ length: 5 }, () => [18, true, false, 'perl']),
  );
  const unique = records<{ pid: number; name: string }>(await stop(once));
  assert.equal(unique.filter((r) => r.pid === Number(pid) && r.name === 'CAP_SYS_CHROOT').length, 1);
  if (peer) {
    const theirs = (await stopPeer(peer)).filter((line) => new RegExp(` ${pid} .*CAP_SYS_CHROOT`).test(line));
    assert.equal(theirs.length, 5, theirs.join('\n'));
  }
  await work.end();
});
