// Writes the files of examples/app-view into docs/app-view.md, which has them whole: each block that is named after one. That they are the same is
// tested where the guide is followed (e2e/test/app-view.test.ts).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const guide = join(root, 'docs/app-view.md')

const text = readFileSync(guide, 'utf8')
const written = text.replaceAll(/^(```\w+ (\S+\.\w+)\n).*?^```$/gms, (_, head: string, name: string) => {
  return `${head}${readFileSync(join(root, 'examples/app-view', name), 'utf8')}\`\`\``
})
if (written !== text) writeFileSync(guide, written)
