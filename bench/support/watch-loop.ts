// Preloaded into a server: says over IPC how long its event loop was held up. On a busy machine the wall time of a hold is mostly
// time in which other processes had the core; Linux counts it per thread, and it is taken off here.
import { readFileSync } from 'node:fs'

const EVERY_MS = 5

/** Milliseconds that this thread was ready to run and waited for a core. Zero where Linux does not tell. */
function waitedMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

let wall = performance.now()
let waited = waitedMs()
let cpu = process.threadCpuUsage()
let longest = { wallMs: 0, ownMs: 0, cpuMs: 0 }
setInterval(() => {
  const now = performance.now()
  const waitedNow = waitedMs()
  const used = process.threadCpuUsage(cpu)
  const wallMs = now - wall - EVERY_MS
  longest = {
    wallMs: Math.max(longest.wallMs, wallMs),
    ownMs: Math.max(longest.ownMs, wallMs - (waitedNow - waited)),
    cpuMs: Math.max(longest.cpuMs, (used.user + used.system) / 1000),
  }
  wall = performance.now()
  waited = waitedNow
  cpu = process.threadCpuUsage()
}, EVERY_MS).unref()

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ ...longest, totalCpuMs: (user + system) / 1000, rss: process.memoryUsage().rss })
  longest = { wallMs: 0, ownMs: 0, cpuMs: 0 }
})
process.channel?.unref()
