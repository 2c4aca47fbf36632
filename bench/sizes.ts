// How large programs for pages are, ours and those of peers, by the same bundler (rolldown), minified and gzipped.
//
//   node bench/sizes.ts           all, and writes the table of bench/README.md
//   node bench/sizes.ts --check   exit code 1 where one of ours is above its budget, or further from its peer than it may be (a step of
//                                 npm test)
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { rolldown } from 'rolldown'

import { withVersion } from './support/compare.ts'
import { ROWS, type SizeRow } from './support/size-rows.ts'

const ENTRY = '\0entry.js'

/** Stands for multiformats where a figure is without it. */
const NO_CIDS = 'export class CID {}\nexport const create = () => {}'

/** Bytes of a program with all it depends on; without multiformats, whose CIDs ours are by choice, where that is asked for. */
async function sizeOf(code: string, isWithoutMultiformats = false): Promise<number> {
  const build = await rolldown({
    input: ENTRY,
    cwd: import.meta.dirname,
    platform: 'browser',
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) =>
          id === ENTRY || (isWithoutMultiformats && id.startsWith('multiformats/')) ? id : null,
        load: (id) => (id === ENTRY ? code : id.startsWith('multiformats/') ? NO_CIDS : null),
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
  for (const { work, ours, peers, budget, most } of rows) {
    const size = await sizeOf(ours)
    const ratio =
      most === undefined ? 0 : (await sizeOf(ours, true)) / (await sizeOf(Object.values(peers)[0]!))
    const fits = size <= budget && ratio <= (most ?? 0)
    isGood &&= fits
    const beside = most === undefined ? '' : ` (${ratio.toFixed(2)} of ${most} ×)`
    console.log(`${fits ? '✓' : '✗'} ${String(size).padStart(6)} of ${budget}${beside}  ${work}`)
  }
  return isGood
}

async function table(rows: readonly SizeRow[]): Promise<string> {
  const lines: string[] = []
  for (const { work, ours, peers, budget, note } of rows) {
    const size = await sizeOf(ours)
    const bare = await sizeOf(ours, true)
    const hasCids = bare < size - 100
    const beside: string[] = []
    for (const [name, code] of Object.entries(peers)) {
      const theirs = await sizeOf(code)
      const ratio = `**${(size / theirs).toFixed(2)} ×**${hasCids ? ` (${(bare / theirs).toFixed(2)} ×)` : ''}`
      beside.push(`${ratio} ${withVersion(name)} (${theirs})`)
    }
    const line = `| ${work}${note === undefined ? '' : ` (${note})`} | ${size} | ${hasCids ? bare : ''} | ${beside.join('<br>') || '–'} | ${budget} |`
    console.log(line)
    lines.push(line)
  }
  return [
    '| work | Avocet | without `multiformats` | beside (in brackets: without `multiformats`) | budget |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n')
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
