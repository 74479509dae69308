// Puts the examples of examples/hooks/ into docs/hooks.md, behind their marks: <!-- example: kprobe -->
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const docs = readFileSync(path('docs/hooks.md'), 'utf8');
writeFileSync(
  path('docs/hooks.md'),
  docs.replace(/<!-- example: (\S+) -->\n+(?:```ts\n[\s\S]*?\n```\n)?/g, (_, name) => {
    const text = readFileSync(path(`examples/hooks/${name}.ts`), 'utf8').trim();
    return `<!-- example: ${name} -->\n\n\`\`\`ts\n${text}\n\`\`\`\n`;
  }),
);
