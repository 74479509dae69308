import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The compiled tree: `build/` (or wherever this file was compiled to). */
export const built = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Whether this is the tree for guests: test files hold all they import (`bundle.ts`). */
export const bundled: boolean = /\/build-lab-\d+$/.test(built);
/** The repository. */
export const root = join(built, '..');
/** Downloads and unpacked packages, kept between runs and outside git. */
export const cache = process.env['SKEP_CACHE'] ?? join(root, '.cache');
/** Name of the global with the package's modules as a group of bundled files has them. */
export const SHARED = 'skep of the group';
