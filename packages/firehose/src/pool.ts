export { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from './worker-pool.ts'
