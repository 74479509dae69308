/**
 * Writes docs/tools/: a page for each tool, from its descriptor, and the list of them.
 *
 *   npm run build && node scripts/tool-docs.mjs
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { TOOL_LIST } = await import(join(root, 'build/src/tools/index.js'));
const { toolPage, toolsIndex } = await import(join(root, 'build/src/cli/tool-page.js'));

const folder = join(root, 'docs/tools');
mkdirSync(folder, { recursive: true });
const tools = await Promise.all(TOOL_LIST.map((entry) => entry.load()));
const pages = new Map([['README.md', toolsIndex(tools)], ...tools.map((tool) => [`${tool.name}.md`, toolPage(tool)])]);
for (const name of readdirSync(folder)) if (!pages.has(name)) rmSync(join(folder, name));
for (const [name, text] of pages) writeFileSync(join(folder, name), text);
