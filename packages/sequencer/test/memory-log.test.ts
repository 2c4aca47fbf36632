import { createMemoryEventLog } from '../src/index.ts'
import { describeEventLog } from './log-conformance.ts'

describeEventLog('memory', async () => {
  let time = 0
  const log = createMemoryEventLog({ now: () => time })
  return {
    log,
    transactional: false,
    transaction: (...steps) => Promise.all(steps.map((step) => step())),
    reopen: async () => null,
    close: async () => {},
    setTime: (ms) => {
      time = ms
    },
  }
})
