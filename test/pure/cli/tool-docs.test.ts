/** docs/tools/ says what the descriptors say; help fits a terminal of 80 columns. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { overview, toolHelp } from '../../../src/cli/help.ts';
import { toolPage, toolsIndex } from '../../../src/cli/tool-page.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { root } from '../../run/paths.ts';

const folder = join(root, 'docs', 'tools');
const AGAIN = 'npm run build && node scripts/tool-docs.mjs';

test('the pages in docs/tools are current', async () => {
  const tools = await Promise.all(TOOL_LIST.map((entry) => entry.load()));
  for (const tool of tools) assert.equal(readFileSync(join(folder, `${tool.name}.md`), 'utf8'), toolPage(tool), AGAIN);
  assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), toolsIndex(tools), AGAIN);
  assert.deepEqual(readdirSync(folder).sort(), ['README.md', ...tools.map(({ name }) => `${name}.md`)].sort(), AGAIN);
});

test('help fits 80 columns', async () => {
  for (const line of overview().split('\n')) assert.ok(line.length <= 80, line);
  for (const entry of TOOL_LIST) {
    for (const line of toolHelp(await entry.load()).split('\n')) assert.ok(line.length <= 80, `${entry.name}: ${line}`);
  }
});
