// Puts examples into the pages that quote them, behind their marks: <!-- example: kprobe -->
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const pages = [
  ...['hooks', 'maps', 'events', 'rootless'].map((name) => [`docs/${name}.md`, `examples/${name}`, 'ts', 'ts']),
  ['README.md', 'examples', 'mjs', 'js'],
];
for (const [page, folder, ending, language] of pages) {
  const text = readFileSync(path(page), 'utf8');
  writeFileSync(
    path(page),
    text.replace(/<!-- example: (\S+) -->\n+(?:```(?:ts|js)\n[\s\S]*?\n```\n)?/g, (_, name) => {
      const example = readFileSync(path(`${folder}/${name}.${ending}`), 'utf8').trim();
      return `<!-- example: ${name} -->\n\n\`\`\`${language}\n${example}\n\`\`\`\n`;
    }),
  );
}
