// Loaded into a child process before the command: tells how long its event loop was held, and ends verifying threads.

import { syncBuiltinESMExports } from 'node:module'
import workerThreads, { isMainThread, Worker } from 'node:worker_threads'

if (isMainThread && process.send !== undefined) {
  watchTurns()
  const every = Number(process.env['KILL_WORKERS'])
  if (every > 0) killWorkers(every)
}

/** CPU time of this thread between two ticks of a timer: what else the machine does is not counted. */
function watchTurns(): void {
  let longest = 0
  let last = process.threadCpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(last)
    last = process.threadCpuUsage()
    longest = Math.max(longest, (user + system) / 1000)
  }, 2)
  timer.unref()
  process.on('message', () => {
    process.send!(longest)
    longest = 0
  })
  process.channel?.unref()
}

/** Each so many messages of frames, the thread that just got one is ended. */
function killWorkers(every: number): void {
  let messages = 0
  workerThreads.Worker = class extends Worker {
    override postMessage(...args: Parameters<Worker['postMessage']>): void {
      super.postMessage(...args)
      if (typeof args[0] === 'object' && args[0] !== null && ++messages % every === 0) void this.terminate()
    }
  }
  syncBuiltinESMExports()
}
