// `npx pnpm --filter @avocet/indexer costs -- --frames 100000 --exports 10000`: measures what frames and exports cost that are made to be
// costly. `--seed S` chooses others, `--first G --groups N` only some of its groups (to look at a finding again), `--workers N` verifies on
// threads. Ends with a line of JSON, and with exit code 1 when anything cost too much.

import { parseArgs } from 'node:util'
import { startHost } from './host.ts'
import { createBench, newTally } from './run.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    frames: { type: 'string', default: '10000' },
    exports: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    groups: { type: 'string', default: 'Infinity' },
    workers: { type: 'string', default: '0' },
  },
})
const [frames, exports, seed, first, groups, workers] = (
  ['frames', 'exports', 'seed', 'first', 'groups', 'workers'] as const
).map((name) => Number(values[name])) as [number, number, number, number, number, number]
if (typeof (globalThis as { gc?: unknown }).gc !== 'function') throw new Error('needs node --expose-gc')

await using host = await startHost()
{
  // The first of everything is slow: code is compiled, tables are made.
  using warm = createBench(newTally(), host, workers)
  for (let group = 0; group < 4; group++) {
    await warm.frames(0, group)
    await warm.exports(0, group)
  }
}
const tally = newTally()
using bench = createBench(tally, host, workers)
const began = process.cpuUsage()
for (let group = first; group < first + groups && tally.frames < frames; group++)
  await bench.frames(seed, group)
for (let group = first; group < first + groups && tally.exports < exports; group++)
  await bench.exports(seed, group)
const { user, system } = process.cpuUsage(began)
for (const finding of tally.findings) console.log(JSON.stringify(finding))
const { findings, ...sums } = tally
console.log(
  JSON.stringify({ seed, ...sums, findings: findings.length, cpuSeconds: Math.round((user + system) / 1e6) }),
)
process.exitCode = findings.length > 0 ? 1 : 0
