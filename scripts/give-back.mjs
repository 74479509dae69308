/**
 * What root builds in another user's tree (`sudo npm test`) belongs to that user, whose next build replaces it.
 *
 *   node scripts/give-back.mjs
 */
import { lchownSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { uid, gid } = statSync(join(root, 'package.json'));

if (process.getuid?.() === 0 && uid !== 0)
  for (const folder of ['dist', 'build']) {
    const whole = join(root, folder);
    lchownSync(whole, uid, gid);
    for (const { parentPath, name } of readdirSync(whole, { recursive: true, withFileTypes: true }))
      lchownSync(join(parentPath, name), uid, gid);
  }
