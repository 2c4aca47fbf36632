// Writes the tables of bench/README.md, between `<!-- figures -->` and `<!-- /figures -->`, from bench/results/*.json.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { human, type Measured, type Report } from './support/compare.ts'

const folder = join(import.meta.dirname, 'results')
const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .toSorted()
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report)

const sections = reports.map((report) => {
  const lines = report.rows.map(({ work, unit, results, variants = [], target, least, note }) => {
    const [ours, ...peers] = results
    const times = (one: Measured, peer: Measured): string => (one.perSecond / peer.perSecond).toFixed(2)
    const beside = [
      ...peers.map((peer) => `**${times(ours!, peer)} ×** ${peer.name} (${human(peer.perSecond)}/s)`),
      ...variants.flatMap((one) =>
        peers.slice(0, 1).map((peer) => `${one.name}: ${times(one, peer)} × ${peer.name}`),
      ),
    ].join('<br>')
    const speeds = [
      `${human(ours!.perSecond)} ${unit}/s`,
      ...variants.map(({ name, perSecond }) => `${name}: ${human(perSecond)} ${unit}/s`),
    ].join('<br>')
    const goal = least === undefined ? '–' : `${human(least)}/s`
    return `| ${work}${note ? ` (${note})` : ''} | ${speeds} | ${beside || '–'} | ${target === undefined ? goal : `${target} ×`} |`
  })
  return [
    `### ${report.bench}`,
    '',
    `\`node bench/${report.bench}.ts\`, ${report.measuredAt}, Node ${report.node}, ${report.machine}`,
    '',
    '| work | Avocet | beside | target |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n')
})

const file = join(import.meta.dirname, 'README.md')
const text = readFileSync(file, 'utf8')
writeFileSync(
  file,
  text.replace(
    /(<!-- figures -->\n).*?(<!-- \/figures -->)/s,
    (_, open: string, close: string) => `${open}\n${sections.join('\n\n')}\n\n${close}`,
  ),
)
console.log(
  `bench/README.md: ${reports.length} benches, ${reports.flatMap((report) => report.rows).length} rows`,
)
