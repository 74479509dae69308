/**
 * Tools that print a line for a system call: opensnoop, statsnoop, syncsnoop, killsnoop. The calls are made by a process
 * of the test's own, so each line is known; peers of libbpf-tools see the same.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelTest } from '../../run/needs.ts';
import { records, startPeer, startTool, stop, stopPeer, untilSeen } from '../../support/tools.ts';

/** perl makes exactly the calls that it is told, with the numbers of this architecture from its own tables. */
const NEEDS = { commands: ['perl'], root: true } as const;

function perl(script: string, ...args: readonly string[]): string {
  return execFileSync('perl', ['-e', script, ...args], { encoding: 'utf8' });
}

kernelTest('opensnoop: opens that succeed and fail, as text and as JSON, and as the peer sees them', NEEDS, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-open-'));
  const [text, failed, json, full, peer] = await Promise.all([
    startTool(['opensnoop', '-T', '-U', '-e']),
    startTool(['opensnoop', '-x', '-n', 'perl']),
    startTool(['opensnoop', '--json', '-f', 'O_CREAT']),
    startTool(['opensnoop', '-F', '-n', 'perl']),
    startPeer('opensnoop', ['-U'], 'COMM'),
  ]);
  const pid = perl(
    'chdir $ARGV[0]; for (1..50) { open(F, "<", "$ARGV[0]/no$_") } for (1..20) { sysopen(F, "$ARGV[0]/yes$_", 0101, 0640) or die } sysopen(F, "relative", 0101, 0600) or die; print $$',
    folder,
  );
  await Promise.all([text, failed, full, json, ...(peer ? [peer] : [])].map((run) => untilSeen(run, run === failed ? /no50/ : /relative/)));
  const lines = (await stop(text)).lines;
  assert.equal(lines[0], 'TIME(s)       UID   PID    COMM               FD ERR FLAGS    MODE PATH');
  const mine = lines.filter((line) => line.includes(` ${pid} `) && line.includes(folder));
  const row = (fd: string, err: string, flags: string, mode: string, name: string) =>
    new RegExp(`^\\d+\\.\\d{9} +0 +${pid} +perl +${fd} +${err} ${flags} ${mode} ${folder}/${name}$`);
  for (let i = 1; i <= 50; i++)
    assert.equal(mine.filter((line) => row('-1', '2', '\\d+', 'n/a ', `no${i}`).test(line)).length, 1, `no${i}`);
  for (let i = 1; i <= 20; i++)
    assert.equal(mine.filter((line) => row('\\d+', '0', '\\d*101', '0640', `yes${i}`).test(line)).length, 1, `yes${i}\n${mine.join('\n')}`);
  assert.equal(mine.length, 70, mine.join('\n'));

  const onlyFailed = (await stop(failed)).lines;
  assert.equal(onlyFailed.filter((line) => line.includes(folder)).length, 50);
  assert.ok(
    onlyFailed.slice(1).every((line) => /^\d+ +perl +-1 +\d+ /.test(line)),
    onlyFailed.join('\n'),
  );

  const made = records<{ pid: number; fd: number; err: number; flags: number; mode: number; path: string; comm: string; time: string }>(
    await stop(json),
  ).filter((r) => r.pid === Number(pid));
  assert.deepEqual(
    made.map(({ path, err, mode, comm }) => ({ path, err, mode, comm })),
    [
      ...Array.from({ length: 20 }, (_, i) => ({ path: `${folder}/yes${i + 1}`, err: 0, mode: 0o640, comm: 'perl' })),
      { path: 'relative', err: 0, mode: 0o600, comm: 'perl' },
    ],
  );
  assert.ok(made.every(({ fd, flags, time }) => fd > 2 && (flags & 0o101) === 0o101 && Math.abs(Date.parse(time) - Date.now()) < 600_000));

  const whole = (await stop(full)).lines;
  assert.ok(
    whole.some((line) => line.endsWith(` ${folder}/relative`)),
    whole.slice(-3).join('\n'),
  );

  if (peer) {
    const theirs = (await stopPeer(peer)).filter((line) => line.includes(folder)).map((line) => line.trim().split(/\s+/));
    // UID PID COMM FD ERR PATH
    assert.deepEqual(
      mine.map((line) => line.trim().split(/\s+/)).map(([, uid, p, comm, fd, err, , , path]) => [uid, p, comm, fd, err, path]),
      theirs,
    );
  }
  rmSync(folder, { recursive: true });
});

// The statsnoop of libbpf-tools does not know newfstatat, which is what the C library's stat() calls today.
kernelTest('statsnoop, syncsnoop, killsnoop: known calls, as text and as JSON, and as the peers see them', NEEDS, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-calls-'));
  const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const [stats, statsJson, syncs, syncsJson, kills, killsJson, failedKills, peerKill] = await Promise.all([
    startTool(['statsnoop', '-t', '-s']),
    startTool(['statsnoop', '--json', '-x']),
    startTool(['syncsnoop']),
    startTool(['syncsnoop', '--json']),
    startTool(['killsnoop']),
    startTool(['killsnoop', '--json', '-T', String(sleeper.pid)]),
    startTool(['killsnoop', '-x', '-s', '12']),
    startPeer('killsnoop', [], 'COMM'),
  ]);
  const pid = perl(
    `require "syscall.ph" if 0; my ($dir, $victim) = @ARGV;
     for (1..30) { stat("$dir/no$_") } for (1..10) { stat($dir) }
     open(F, ">", "$dir/f") or die; use IO::Handle; for (1..7) { F->sync or die }
     kill(0, $victim) for 1..9; kill(12, 4194000) for 1..3; print $$`,
    folder,
    String(sleeper.pid),
  );
  execFileSync('sync');
  const [stat, kill] = [new RegExp(` ${folder}\n`), new RegExp(`${pid} +perl +12 `)];
  await Promise.all([
    untilSeen(stats, stat, 10),
    untilSeen(statsJson, /no30/),
    untilSeen(syncs, /\bsync +sync /),
    untilSeen(syncsJson, /"call":"sync"/),
    untilSeen(kills, kill, 3),
    untilSeen(killsJson, new RegExp(`"pid":${pid},`), 9),
    untilSeen(failedKills, kill, 3),
    ...(peerKill ? [untilSeen(peerKill, kill, 3)] : []),
  ]);

  const statLines = (await stop(stats)).lines;
  assert.equal(statLines[0], 'TIME(s)       PID     COMM               FD ERR SYSCALL      PATH');
  const statRow = new RegExp(`^\\d+\\.\\d{9} +${pid} +perl +(-1|0) +(\\d+) (\\w+) +(${folder}\\S*)$`);
  const mine = statLines.flatMap((line) => (statRow.test(line) ? [statRow.exec(line)?.slice(1) ?? []] : []));
  assert.equal(mine.filter(([fd, err, , path]) => fd === '-1' && err === '2' && path?.includes('/no')).length, 30, statLines.join('\n'));
  assert.equal(mine.filter(([fd, err, , path]) => fd === '0' && err === '0' && path === folder).length, 10, statLines.join('\n'));
  const failedStats = records<{ pid: number; fd: number; err: number; path: string; call: string }>(await stop(statsJson));
  assert.ok(failedStats.every(({ fd, err }) => fd === -1 && err > 0));
  assert.deepEqual(
    failedStats.filter((r) => r.pid === Number(pid) && r.path.startsWith(folder)).map(({ path }) => path),
    Array.from({ length: 30 }, (_, i) => `${folder}/no${i + 1}`),
  );

  const syncLines = (await stop(syncs)).lines;
  assert.equal(syncLines[0], 'TIME(s)            COMM             CALL            ');
  assert.equal(syncLines.filter((line) => /^\d+\.\d{9} +perl +fsync +$/.test(line)).length, 7, syncLines.join('\n'));
  assert.equal(syncLines.filter((line) => /^\d+\.\d{9} +sync +sync +$/.test(line)).length, 1, syncLines.join('\n'));
  const syncRecords = records<{ pid: number; call: string; comm: string }>(await stop(syncsJson));
  assert.equal(syncRecords.filter((r) => r.pid === Number(pid) && r.call === 'fsync').length, 7);

  const killLines = (await stop(kills)).lines;
  assert.match(killLines[0] ?? '', /^TIME {6}PID +COMM {13}SIG {2}TPID +RESULT$/);
  const killRow = (sig: number, tpid: number, result: number) =>
    new RegExp(`^\\d\\d:\\d\\d:\\d\\d +${pid} +perl +${sig} +${tpid} +${result}$`);
  assert.equal(killLines.filter((line) => killRow(0, sleeper.pid as number, 0).test(line)).length, 9, killLines.join('\n'));
  assert.equal(killLines.filter((line) => killRow(12, 4194000, -3).test(line)).length, 3, killLines.join('\n'));
  const killRecords = records<{ pid: number; tpid: number; signal: number; ret: number }>(await stop(killsJson));
  assert.deepEqual(
    killRecords.filter((r) => r.pid === Number(pid)).map(({ tpid, signal, ret }) => [tpid, signal, ret]),
    Array.from({ length: 9 }, () => [sleeper.pid, 0, 0]),
  );
  assert.equal((await stop(failedKills)).lines.length, 4);

  if (peerKill) {
    const theirs = (await stopPeer(peerKill)).filter((line) => / perl /.test(line));
    assert.equal(theirs.length, 12, theirs.join('\n'));
  }
  sleeper.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

kernelTest('--cgroup: only tasks of that cgroup and below it', { ...NEEDS, guest: true }, async () => {
  const root = mkdtempSync(join(tmpdir(), 'skep-cgroup-'));
  execFileSync('mount', ['-t', 'cgroup2', 'none', root]);
  const folder = join(root, 'skep-test', 'below');
  try {
    mkdirSync(folder, { recursive: true });
    const tool = await startTool(['opensnoop', '--json', '--cgroup', join(root, 'skep-test')]);
    const open = 'open(F, "<", "/nonexistent/$ARGV[0]") for 1..10; print $$';
    const outside = perl(open, 'outside');
    const inside = execFileSync('/bin/sh', ['-c', `echo $$ > ${folder}/cgroup.procs; exec perl -e '${open}' inside`], { encoding: 'utf8' });
    await untilSeen(tool, /nonexistent\/inside/, 10);
    const seen = records<{ pid: number; path: string }>(await stop(tool));
    assert.equal(seen.filter(({ pid, path }) => pid === Number(inside) && path === '/nonexistent/inside').length, 10);
    assert.equal(seen.filter(({ pid }) => pid === Number(outside)).length, 0);
    await assert.rejects(startTool(['opensnoop', '--cgroup', '/proc/none']), /--cgroup: there is no cgroup at \/proc\/none/);
    await assert.rejects(startTool(['opensnoop', '--cgroup', tmpdir()]), /is not a folder of a cgroup2 file system/);
  } finally {
    try {
      rmdirSync(folder);
      rmdirSync(join(root, 'skep-test'));
    } finally {
      execFileSync('umount', [root]);
      rmdirSync(root);
    }
  }
});
