// Kills a PDS at work, and looks at what is left:
//   npx pnpm --filter @avocet/pds crash --kills 100 --seed 1
//   npx pnpm --filter @avocet/pds crash --store postgres
import { parseArgs } from 'node:util'

import { startPostgres } from '@avocet/testing/postgres'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    writers: { type: 'string', default: '3' },
    movers: { type: 'string', default: '3' },
    store: { type: 'string', default: process.env['AVOCET_PDS_STORE'] ?? 'sqlite' },
  },
})
const [kills, seed, writers, movers] = [values.kills, values.seed, values.writers, values.movers].map(Number)
if (values.store !== 'sqlite' && values.store !== 'postgres') throw new Error('--store is sqlite or postgres')
const postgres = values.store === 'postgres' ? await startPostgres() : undefined
if (postgres === null) process.exit(1)
// Read where the store of tests is chosen.
process.env['AVOCET_PDS_STORE'] = values.store
if (postgres !== undefined) process.env['AVOCET_TEST_POSTGRES_URL'] = postgres.url
const { crash } = await import('./crash.ts')
console.log(`${kills} kills, seed ${seed}, on ${values.store}`)
try {
  const figures = await crash({
    kills: kills!,
    seed: seed!,
    writers: writers!,
    movers: movers!,
    print: (line) => console.log(`${Math.round(performance.now() / 1000)} s: ${line}`),
  })
  console.log(JSON.stringify(figures, null, 2))
} finally {
  await postgres?.close()
}
