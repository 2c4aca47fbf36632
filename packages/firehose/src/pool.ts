export type { WorkerPoolOptions } from './pool-thread.ts'
export { createWorkerPool, type WorkerPool } from './worker-pool.ts'
