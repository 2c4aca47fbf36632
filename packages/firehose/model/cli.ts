// `npx pnpm --filter @avocet/firehose model -- --interleavings 1000000`: plays interleavings until one shows a difference.
// `--first N` begins at a seed; `--trace N` tells what happens in one.

import { parseArgs } from 'node:util'
import { actionsOf, search, sizeOf } from './search.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    interleavings: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    trace: { type: 'string' },
  },
})

if (values.trace !== undefined) {
  const seed = Number(values.trace)
  const difference = await simulate(seed, sizeOf(seed), actionsOf(seed), (at, did, what) =>
    console.log(`${String(at).padStart(8)} ${did ?? ''} ${what}`),
  )
  console.log(difference ?? 'no difference')
} else {
  const count = Number(values.interleavings)
  const started = performance.now()
  const rate = (done: number): string =>
    `${done} interleavings, ${Math.round((done * 60_000) / (performance.now() - started))} a minute`
  const finding = await search(Number(values.first), count, (done) => {
    if (done % 10_000 === 0) console.log(rate(done))
  })
  if (finding === null) {
    console.log(`${rate(count)}: no difference`)
  } else {
    console.log(JSON.stringify(finding, null, 2))
    process.exitCode = 1
  }
}
