// Preloaded into a server: says over IPC how long its event loop was held up, in wall time and in CPU time of its thread.
// On a busy machine the wall time holds what other processes took; the CPU time does not.
const EVERY_MS = 5

let wall = performance.now()
let cpu = process.threadCpuUsage()
let longest = { wallMs: 0, cpuMs: 0 }
setInterval(() => {
  const now = performance.now()
  const used = process.threadCpuUsage(cpu)
  const cpuMs = (used.user + used.system) / 1000
  longest = { wallMs: Math.max(longest.wallMs, now - wall - EVERY_MS), cpuMs: Math.max(longest.cpuMs, cpuMs) }
  wall = now
  cpu = process.threadCpuUsage()
}, EVERY_MS).unref()

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ ...longest, totalCpuMs: (user + system) / 1000, rss: process.memoryUsage().rss })
  longest = { wallMs: 0, cpuMs: 0 }
})
process.channel?.unref()
