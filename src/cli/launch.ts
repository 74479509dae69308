/**
 * `dist/cli/skep.js`: runs the bundled command with V8's code cache, so that a start neither parses nor compiles
 * the compiler. Bundled as CommonJS, which Node starts sooner than a module.
 *
 *   skep.bundle.cjs ─┬─ skep.<node version>-<arch>.cache beside it (the build writes it) ─▶ run
 *                    └─ or ~/.cache/skep/… (written at the end of a first run)           ─▶ run
 *
 * A cache is code. One is read only if nobody could have written it but root, this user or the owner of the bundle,
 * who could as well have changed the bundle; V8 checks version, flags and length of the source, the name of the
 * user's file carries a hash of it. Without a cache, and when anything about it fails, the command just runs.
 */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Script, constants as vmConstants } from 'node:vm';

declare const BUNDLE_HASH: string;

const folder = __dirname;
const bundle = join(folder, 'skep.bundle.cjs');
const suffix = `${process.version}-${process.arch}.cache`;
const building = process.argv[2] === '--warm-up';

const source = readFileSync(bundle, 'latin1');
const shipped = join(folder, `skep.${suffix}`);
let cachedData = building ? undefined : readTrusted(shipped, lstatSync(bundle).uid);
const own = cachedData || building ? undefined : userCache();
if (own) cachedData = readTrusted(own, uid());

const script = new Script(source, {
  filename: bundle,
  ...(cachedData ? { cachedData } : {}),
  importModuleDynamically: vmConstants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const run = script.runInThisContext() as (require: NodeJS.Require, filename: string) => void;

const target = building ? shipped : own;
// A tool's run warms what other tools need; `--help` and the like do not.
if (target && (cachedData === undefined || script.cachedDataRejected) && (building || !process.argv[2]?.startsWith('-'))) {
  process.on('exit', (status) => {
    if (status === 0) store(target, script.createCachedData());
  });
}
run(require, bundle);

function uid(): number {
  return process.geteuid?.() ?? -1;
}

/** The file's content, if only `owner`, root or this user can have written it. */
function readTrusted(path: string, owner: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    const known = stat.uid === owner || stat.uid === 0 || stat.uid === uid();
    return stat.isFile() && known && (stat.mode & 0o022) === 0 ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** In the home of the user that the process runs as (not of `HOME`, which sudo may keep), in a folder that is theirs alone. */
function userCache(): string | undefined {
  try {
    const place = join(userInfo().homedir, '.cache', 'skep');
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const stat = lstatSync(place);
    if (!stat.isDirectory() || stat.uid !== uid() || (stat.mode & 0o022) !== 0) return undefined;
    return join(place, `${BUNDLE_HASH}-${suffix}`);
  } catch {
    return undefined;
  }
}

/** Whole or not at all: written beside and renamed. */
function store(path: string, data: Buffer): void {
  const draft = join(dirname(path), `.${process.pid}.draft`);
  try {
    const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
    try {
      for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch {
    try {
      unlinkSync(draft);
    } catch {
      // Never made.
    }
  }
}
