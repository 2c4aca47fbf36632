// Kills a PDS at work, and looks at what is left:
//   npx pnpm --filter @avocet/pds crash --kills 100 --seed 1
import { parseArgs } from 'node:util'

import { crash } from './crash.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    writers: { type: 'string', default: '3' },
    movers: { type: 'string', default: '3' },
  },
})
const [kills, seed, writers, movers] = [values.kills, values.seed, values.writers, values.movers].map(Number)
console.log(`${kills} kills, seed ${seed}`)
const figures = await crash({
  kills: kills!,
  seed: seed!,
  writers: writers!,
  movers: movers!,
  print: (line) => console.log(`${Math.round(performance.now() / 1000)} s: ${line}`),
})
console.log(JSON.stringify(figures, null, 2))
