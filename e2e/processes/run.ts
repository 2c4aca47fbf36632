// Kills one of several PDS processes again and again while clients write through all of them:
//   npx pnpm --filter @avocet/e2e processes --kills 50 --seed 1
import { parseArgs } from 'node:util'

import { runProcesses } from './processes.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    processes: { type: 'string', default: '4' },
    accounts: { type: 'string', default: '4' },
    writers: { type: 'string', default: '3' },
  },
})
const [kills, seed, processes, accounts, writers] = [
  values.kills,
  values.seed,
  values.processes,
  values.accounts,
  values.writers,
].map(Number)
console.log(`${kills} kills, seed ${seed}`)
const figures = await runProcesses({
  kills: kills!,
  seed: seed!,
  processes: processes!,
  accounts: accounts!,
  writers: writers!,
  print: (line) => console.log(`${Math.round(performance.now() / 1000)} s: ${line}`),
})
console.log(JSON.stringify(figures, null, 2))
