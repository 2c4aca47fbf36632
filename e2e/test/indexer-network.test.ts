import { expect, test } from 'vitest'

import { ACTS } from '../network/acts.ts'
import { FAULTS } from '../network/faults.ts'
import { runNetwork } from '../network/network.ts'
import { describe } from '../network/report.ts'

// `npx pnpm --filter @avocet/e2e network` is the long form.
test(
  'an index of three PDSes, through kills, losses, forgeries and moves, is what they have, and so is what its subscribers have',
  { timeout: 300_000 },
  async () => {
    const report = await runNetwork({
      accounts: 60,
      bystanders: 18,
      records: 2000,
      rate: 60,
      seconds: 18,
      seed: 7,
      killEverySeconds: 7,
      resyncSeconds: 1,
      actsPerMinute: 120,
      limitSeconds: 200,
    })
    for (const line of describe(report)) console.log(line)
    expect(report.faults).toEqual([])
    const { happened, acts, repos, exports, subscribers, writes } = report
    expect(happened['kills']).toBeGreaterThan(0)
    // A machine that is busy gets less far.
    expect(Object.keys(happened).length).toBeGreaterThan(Object.keys(FAULTS).length / 3)
    expect(Object.keys(acts.done).length).toBeGreaterThan(Object.keys(ACTS).length / 2)
    expect(writes.answered).toBeGreaterThan(200)
    expect(repos.equal).toBeGreaterThan(30)
    expect(repos.behind).toBeGreaterThan(0)
    expect(exports.ofBystanders).toBe(0)
    expect(exports.bystanders).toBeGreaterThan(5)
    for (const name of ['v1', 'v2', 'tap', 'webhook', 'sse'])
      expect(subscribers[name]!.events).toBeGreaterThan(1000)
  },
)
