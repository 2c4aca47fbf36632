// SIGKILL while people sign in to apps. The long form is `AVOCET_CRASH=1 npx pnpm unit apps/pds/test/crash-sign-ins.test.ts`.
import { crashRounds } from '@avocet/testing/kill'
import { expect, test } from 'vitest'

import { crashSignIns } from './crash/sign-ins.ts'

const kills = process.env['AVOCET_CRASH'] === '1' ? 100 : crashRounds(2)

test(
  `kill -9 at every step of ${kills} times fifteen sign-ins: what was granted goes on, nothing else begins`,
  { timeout: 60_000 + kills * 20_000 },
  async () => {
    const figures = await crashSignIns({ kills, seed: 5 })
    console.log(JSON.stringify(figures))
    expect(figures.kills).toBe(kills)
    expect(figures.wentOn).toBeGreaterThanOrEqual(6 * kills)
    expect(figures.stayedEnded).toBeGreaterThanOrEqual(3 * kills)
  },
)
