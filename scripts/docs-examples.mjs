// Puts examples into the pages that quote them, behind their marks: <!-- example: kprobe -->
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

for (const folder of ['hooks', 'maps', 'events', 'rootless']) {
  const page = path(`docs/${folder}.md`);
  const docs = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    docs.replace(/<!-- example: (\S+) -->\n+(?:```ts\n[\s\S]*?\n```\n)?/g, (_, name) => {
      const text = readFileSync(path(`examples/${folder}/${name}.ts`), 'utf8').trim();
      return `<!-- example: ${name} -->\n\n\`\`\`ts\n${text}\n\`\`\`\n`;
    }),
  );
}
