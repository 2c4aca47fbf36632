// Bundles the page: one HTML file, one script, nothing else. They can be put on any static host.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

/** The files of the page by name. */
export async function buildPage(): Promise<Map<string, string>> {
  const build = await rolldown({ input: join(import.meta.dirname, 'src/main.ts'), platform: 'browser' })
  const { output } = await build.generate({ format: 'esm', minify: true })
  await build.close()
  const [script, ...others] = output
  if (others.length > 0) throw new Error(`one script was expected; files=${output.length}`)
  const html = readFileSync(join(import.meta.dirname, 'index.html'), 'utf8')
  return new Map([
    ['index.html', html],
    ['main.js', script.code],
  ])
}
