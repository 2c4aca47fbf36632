// Kills an indexer at work, and compares what is left with the repos:
//   npx pnpm --filter @avocet/e2e crash --kills 100 --seed 1
import { parseArgs } from 'node:util'

import { crash } from './crash.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    old: { type: 'string', default: '12' },
    records: { type: 'string', default: '1500' },
  },
})
const [kills, seed, old, oldRecords] = [values.kills, values.seed, values.old, values.records].map(Number)
console.log(`${kills} kills, seed ${seed}`)
const figures = await crash({
  kills: kills!,
  seed: seed!,
  old: old!,
  oldRecords: oldRecords!,
  print: (line) => console.log(`${Math.round(performance.now() / 1000)} s: ${line}`),
})
console.log(JSON.stringify(figures, null, 2))
