// The model checker as a command.

import { parseArgs } from 'node:util'
import { searchWith } from './crew.ts'
import { interleavingOf, playCases } from './search.ts'
import type { Finding } from './shrink.ts'
import { simulate } from './simulate.ts'
import { takeOutMends } from './take-out.ts'

const HELP = `npx pnpm --filter @avocet/firehose model [options]

  An interleaving is one list of actions, from the first to rest, compared with the truth. Without options the named cases are
  played, then 10 000 interleavings at random; it ends at the first difference, with the few actions that it takes.

  --count <n>       how many (10000)
  --from <seed>     the first seed (1)
  --jobs <n>        threads (1)
  --seconds <n>     no longer than that
  --case <text>     only the named cases whose name holds this text
  --seed <n>        only the interleaving of this seed, and all that happens in it
  --mends [<names>] takes the mend of each sequence (or of these, e.g. C3,C4) out of a copy of the sources, and says how long a
                    search at random takes to find that, and how many actions show it (60 seconds each unless --seconds says)
  --rounds <n>      so many searches for each, from other seeds (3)`

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    case: { type: 'string' },
    seed: { type: 'string' },
    mends: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else if (values.mends)
  await takeOutMends(positionals[0]?.split(',') ?? [], Number(values.seconds ?? 60), Number(values.rounds))
else if (values.seed !== undefined) await playSeed(Number(values.seed))
else if (values.case !== undefined) await playNamed(values.case)
else {
  if (!values.json) await playNamed('')
  if (process.exitCode === undefined) await playRandom()
}

async function playSeed(seed: number): Promise<void> {
  const { size, actions } = interleavingOf(seed)
  console.log(JSON.stringify(size))
  const difference = await simulate(seed, size, actions, (at, did, what) =>
    console.log(`${String(at).padStart(8)} ${did ?? ''} ${what}`),
  )
  console.log(difference ?? 'no difference')
  if (difference !== null) process.exitCode = 1
}

async function playNamed(name: string): Promise<void> {
  const { played, runs, finding } = await playCases(name)
  if (finding !== null) return show(finding)
  console.log(`${played} named cases, in ${runs} runs: no difference`)
}

async function playRandom(): Promise<void> {
  const first = Number(values.from)
  const began = performance.now()
  const cpu = process.cpuUsage()
  const spent = (): number => {
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1e6
  }
  let told = began
  const result = await searchWith({
    first,
    count: Number(values.count),
    jobs: Number(values.jobs),
    timeMs: values.seconds === undefined ? Infinity : Number(values.seconds) * 1000,
    onProgress(played) {
      if (performance.now() - told < 10_000) return
      told = performance.now()
      console.error(`${played} interleavings, ${Math.round(played / spent())} a second of CPU`)
    },
  })
  const { played, actions, finding } = result
  const seconds = (performance.now() - began) / 1000
  if (values.json) console.log(JSON.stringify({ played, seconds, cpuSeconds: spent(), finding }))
  else {
    const each = (actions / played).toFixed(1)
    const rate = Math.round(played / spent())
    console.log(
      `${played} interleavings of seeds ${first} to ${first + played - 1}, ${each} actions each, in ${seconds.toFixed(0)} s (${rate} a second of CPU): ${finding === null ? 'no difference' : 'a difference'}`,
    )
  }
  if (finding !== null) show(finding)
}

function show(finding: Finding): void {
  process.exitCode = 1
  if (values.json) return
  const { seed, size, actions, difference } = finding
  console.log(`seed ${seed}, ${JSON.stringify(size)}, in ${actions.length} actions:`)
  for (const action of actions) console.log(`  ${JSON.stringify(action)}`)
  console.log(difference)
}
