/**
 * `dist/cli/skep.js`: runs the bundled command with V8's code cache, so that a start neither parses nor compiles
 * the compiler. Bundled as CommonJS, which Node starts sooner than a module.
 *
 *   skep.bundle.cjs ─┬─ skep.<node version>-<arch>.cache beside it (the build writes it) ─▶ run
 *                    └─ or ~/.cache/skep/… (written at the end of a first run)           ─▶ run
 *
 * A cache is code. One is read only if nobody could have written it but root, this user or the owner of the bundle,
 * who could as well have changed the bundle; V8 checks version, flags and length of the source, the name of the
 * user's file carries a hash of it. V8 does not check the bytes: a block that a crash or a bad disk has emptied ends the
 * process, at every start. So the file ends in a CRC of them, begun with the hash of the bundle.
 * Without a cache, and when anything about it fails, the command just runs.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script, constants as vmConstants } from 'node:vm';
import { crc32 } from 'node:zlib';
import { privateFolder, readTrusted, store, uid } from './private-files.ts';

declare const BUNDLE_HASH: string;

const CRC_BYTES = 4;

const folder = __dirname;
const bundle = join(folder, 'skep.bundle.cjs');
const suffix = `${process.version}-${process.arch}.cache`;
const building = process.argv[2] === '--warm-up';

const source = readFileSync(bundle, 'latin1');
const shipped = join(folder, `skep.${suffix}`);
let cachedData = building ? undefined : whole(readTrusted(shipped, lstatSync(bundle).uid));
const own = cachedData || building ? undefined : userCache();
if (own) cachedData = whole(readTrusted(own, uid()));

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
    if (status !== 0) return;
    const data = script.createCachedData();
    const end = Buffer.alloc(CRC_BYTES);
    end.writeUInt32LE(sum(data));
    store(target, Buffer.concat([data, end]), true);
  });
}
run(require, bundle, BUNDLE_HASH);

/** The cache without its CRC, if they fit. */
function whole(file: Buffer | undefined): Buffer | undefined {
  if (file === undefined || file.length <= CRC_BYTES) return undefined;
  const data = file.subarray(0, -CRC_BYTES);
  return sum(data) === file.readUInt32LE(data.length) ? data : undefined;
}

function sum(data: Buffer): number {
  return crc32(data, Number.parseInt(BUNDLE_HASH.slice(0, 8), 16));
}

function userCache(): string | undefined {
  const place = privateFolder();
  return place === undefined ? undefined : join(place, `${BUNDLE_HASH}-${suffix}`);
}
