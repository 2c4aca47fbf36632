export type { PoolExport } from './pool-messages.ts'
export type { Examine, WorkerPoolOptions } from './pool-thread.ts'
export { createWorkerPool, type WorkerPool, type WorkerPoolStats } from './worker-pool.ts'
