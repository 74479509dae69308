import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The compiled tree: `build/` (or wherever this file was compiled to). */
export const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** The repository. */
export const root = join(built, '..');
/** Downloads and unpacked packages, kept between runs and outside git. */
export const cache = process.env['SKEP_CACHE'] ?? join(root, '.cache');
