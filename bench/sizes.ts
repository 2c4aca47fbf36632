// How large programs for pages are, ours and those of peers, by the same bundler (rolldown), minified and gzipped.
//
//   node bench/sizes.ts           all, and writes the table of bench/README.md
//   node bench/sizes.ts --check   ours alone; exit code 1 where one is above its budget (a step of npm test)
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { rolldown } from 'rolldown'

import { withVersion } from './support/compare.ts'
import { ROWS, type SizeRow } from './support/size-rows.ts'

const ENTRY = '\0entry.js'

/** Bytes of a program with all it depends on. */
async function sizeOf(code: string): Promise<number> {
  const build = await rolldown({
    input: ENTRY,
    cwd: import.meta.dirname,
    platform: 'browser',
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : null),
        load: (id) => (id === ENTRY ? code : null),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', minify: true })
  await build.close()
  const chunks = output.filter((file) => file.type === 'chunk')
  // What was not found is left as an import, and would count as nothing.
  const own = new Set(chunks.map(({ fileName }) => fileName))
  const missing = chunks.flatMap(({ imports }) => imports).find((name) => !own.has(name))
  if (missing !== undefined) throw new Error(`not in the bundle: ${missing}`)
  const text = chunks.map((chunk) => chunk.code).join('')
  return gzipSync(text, { level: 9 }).length
}

async function check(rows: readonly SizeRow[]): Promise<boolean> {
  let isGood = true
  for (const { work, ours, budget } of rows) {
    const size = await sizeOf(ours)
    isGood &&= size <= budget
    console.log(`${size <= budget ? '✓' : '✗'} ${String(size).padStart(6)} of ${budget}  ${work}`)
  }
  return isGood
}

async function table(rows: readonly SizeRow[]): Promise<string> {
  const lines: string[] = []
  for (const { work, ours, peers, budget, note } of rows) {
    const size = await sizeOf(ours)
    const beside: string[] = []
    for (const [name, code] of Object.entries(peers)) {
      const theirs = await sizeOf(code)
      beside.push(`**${(size / theirs).toFixed(2)} ×** ${withVersion(name)} (${theirs})`)
    }
    const line = `| ${work}${note === undefined ? '' : ` (${note})`} | ${size} | ${beside.join('<br>') || '–'} | ${budget} |`
    console.log(line)
    lines.push(line)
  }
  return ['| work | Avocet | beside | budget |', '|---|---|---|---|', ...lines].join('\n')
}

if (process.argv.includes('--check')) {
  process.exitCode = (await check(ROWS)) ? 0 : 1
} else {
  const made = await table(ROWS)
  const file = join(import.meta.dirname, 'README.md')
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(
      /(<!-- sizes -->\n).*?(<!-- \/sizes -->)/s,
      (_, open: string, close: string) => `${open}\n${made}\n\n${close}`,
    ),
  )
}
