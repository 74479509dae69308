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
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script, constants as vmConstants } from 'node:vm';
import { privateFolder, readTrusted, store, uid } from './private-files.ts';

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
const run = script.runInThisContext() as (require: NodeJS.Require, filename: string, hash: string) => void;

const target = building ? shipped : own;
// A tool's run warms what other tools need; `--help` and the like do not.
if (target && (cachedData === undefined || script.cachedDataRejected) && (building || !process.argv[2]?.startsWith('-'))) {
  process.on('exit', (status) => {
    if (status === 0) store(target, script.createCachedData());
  });
}
run(require, bundle, BUNDLE_HASH);

function userCache(): string | undefined {
  const place = privateFolder();
  return place === undefined ? undefined : join(place, `${BUNDLE_HASH}-${suffix}`);
}
