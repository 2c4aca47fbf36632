export { avocetAdapter } from './adapter.ts'
export {
  costlyCommit,
  type CostlyWrite,
  largePost,
  listOf,
  mapOf,
  nested,
  repeated,
  textOf,
  wrap,
} from './costly.ts'
export { formatReport } from './report.ts'
export {
  type CaseResult,
  type ConsumerAdapter,
  type ConsumerEnvironment,
  type Mismatch,
  runCase,
  runConformance,
  type RunOptions,
  type SuiteResult,
} from './run.ts'
export {
  type Case,
  type ChangeStep,
  createScript,
  type Expectation,
  type FrameStep,
  type Group,
  type Script,
  type Step,
} from './script.ts'
export { serveStream, type StreamServer } from './server.ts'
export { CASES } from './suite.ts'
export { parseTimeLimits, type TimeLimit } from './time-limit.ts'
export {
  type Account,
  create,
  createWorld,
  frameOf,
  post,
  remove,
  update,
  type World,
  type WorldOptions,
} from './world.ts'
