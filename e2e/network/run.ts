// A network with faults, and an index that has to have it all in the end:
//   npx pnpm --filter @avocet/e2e network --accounts 200 --records 20000 --rate 100 --minutes 2 --seed 1
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { runNetwork } from './network.ts'
import { describe } from './report.ts'

const USAGE = `usage: node e2e/network/run.ts [options]

Three PDS processes, a relay that loses and forges, an indexer that is killed, and five subscribers (v1, v2, Tap, webhook, SSE).
In the end every repo that is said to be synchronized has to equal its PDS, and every subscriber the index.

  --accounts <number>    accounts (2000)
  --bystanders <number>  of them, those without a record of a wanted collection (a third)
  --records <number>     records that are there before (200000)
  --rate <number>        commits a second (500)
  --minutes <number>     of writes and faults (10)
  --kill-every <number>  seconds between kills of the indexer (60)
  --resync <number>      seconds between two readings of a whole repo (15)
  --acts <number>        takedowns, moves, new keys and the like, a minute (one for 50 accounts, at least 30)
  --limit <number>       minutes after which nothing is waited for any more (those of --minutes, and 2.7)
  --seed <number>        what happens, and when (of the time)
  --json <file>          the report, for programs

Exit code 1: something is amiss.`

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    accounts: { type: 'string', default: '2000' },
    bystanders: { type: 'string' },
    records: { type: 'string', default: '200000' },
    rate: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '10' },
    'kill-every': { type: 'string', default: '60' },
    resync: { type: 'string', default: '15' },
    acts: { type: 'string' },
    limit: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const [accounts, minutes, seed] = [values.accounts, values.minutes, values.seed].map(Number) as [
  number,
  number,
  number,
]
const report = await runNetwork({
  accounts,
  bystanders: Number(values.bystanders ?? Math.floor(accounts / 3)),
  records: Number(values.records),
  rate: Number(values.rate),
  seconds: minutes * 60,
  seed,
  killEverySeconds: Number(values['kill-every']),
  resyncSeconds: Number(values.resync),
  actsPerMinute: Number(values.acts ?? Math.max(30, Math.floor(accounts / 50))),
  limitSeconds: Number(values.limit ?? minutes + 2.7) * 60,
  print: (line) => console.log(`${Math.round(performance.now() / 1000)} s: ${line}`),
})
for (const line of describe(report)) console.log(line)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
process.exitCode = report.faults.length === 0 ? 0 : 1
