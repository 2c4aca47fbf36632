// Four PDS processes on one Postgres behind a round-robin front server, one of them killed at random; the long form is
// `npx pnpm --filter @avocet/e2e processes --kills 50`.
import { expect, it } from 'vitest'

import { runProcesses } from '../processes/processes.ts'

const kills = process.env['AVOCET_CRASH'] === '1' ? 50 : 3

it(
  `four processes, ${kills} killed: nothing acknowledged is lost or doubled, one order for every subscriber`,
  { timeout: 60_000 + kills * 20_000 },
  async () => {
    const figures = await runProcesses({
      kills,
      seed: 1,
      processes: 4,
      accounts: 2,
      writers: 3,
      print: () => {},
    })
    if (figures === null) return
    console.log(JSON.stringify(figures))
    expect(figures.acknowledged).toBeGreaterThan(kills * 10)
    expect(figures.reconnects).toBeGreaterThan(0)
    if (figures.guesses !== null) expect(figures.guesses.passed).toBeGreaterThan(0)
  },
)
