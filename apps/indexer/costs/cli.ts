// `npx pnpm --filter @avocet/indexer costs -- --frames 100000 --exports 10000`: measures what frames and exports cost that are made to be
// costly. `--jobs N` shares them among processes, `--seed S` chooses others, `--first G --groups N` only some of its groups (to look at a
// finding again), `--workers N` verifies on threads. Tells on stderr how far it is. Ends with a line of JSON; exit code 0: within the
// bounds, 1: something cost too much, 2: it broke off.

import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Job, runJob } from './job.ts'
import { newTally, sumOf, type Tally } from './run.ts'

/** Some exports are damaged; all others are read whole. */
const LEAST_READ = 0.9
/** Between two lines about how far it is. */
const PROGRESS_MS = 30_000

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    frames: { type: 'string', default: '10000' },
    exports: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    groups: { type: 'string', default: 'Infinity' },
    workers: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '1' },
    /** Of a process that another one started: its share, as JSON. */
    share: { type: 'string' },
  },
})

if (values.share === undefined) process.exitCode = await whole()
else await share(JSON.parse(values.share) as Job)

/** In a process of its own: tells its tally after each group, and that it is through. */
async function share(job: Job): Promise<void> {
  // Without the one who asked there is nobody to tell.
  process.once('disconnect', () => process.exit(2))
  const tally = await runJob({ ...job, groups: job.groups ?? Infinity }, (sofar) => process.send!({ sofar }))
  await new Promise((sent) => process.send!({ tally }, sent))
  process.disconnect()
}

async function whole(): Promise<number> {
  const numberOf = (name: 'frames' | 'exports' | 'seed' | 'first' | 'groups' | 'workers' | 'jobs'): number =>
    Number(values[name])
  const jobs = numberOf('jobs')
  const tallies = Array.from({ length: jobs }, newTally)
  const began = performance.now()
  const tell = (): void => {
    const { frames, exports, findings } = sumOf(tallies)
    const minutes = Math.round((performance.now() - began) / 6000) / 10
    process.stderr.write(
      `${minutes} min: ${frames} of ${values.frames} frames, ${exports} of ${values.exports} exports, ${findings.length} findings\n`,
    )
  }
  const progress = setInterval(tell, PROGRESS_MS)
  const before = process.resourceUsage()
  const stopped = new AbortController()
  try {
    await Promise.all(
      tallies.map(async (_, index) => {
        const job: Job = {
          frames: Math.ceil(numberOf('frames') / jobs),
          exports: Math.ceil(numberOf('exports') / jobs),
          seed: numberOf('seed'),
          first: numberOf('first') + index,
          groups: Math.ceil((numberOf('groups') - index) / jobs),
          step: jobs,
          workers: numberOf('workers'),
        }
        const note = (tally: Tally): void => void (tallies[index] = tally)
        await (jobs === 1 ? runJob(job, note).then(note) : elsewhere(job, note, stopped.signal))
      }),
    )
  } catch (error) {
    console.error(`broke off: ${String(error)}`)
    return 2
  } finally {
    clearInterval(progress)
    stopped.abort()
    if (jobs > 1) tell()
  }
  const { findings, ...sums } = sumOf(tallies)
  for (const finding of findings) console.log(JSON.stringify(finding))
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  const own = userCPUTime + systemCPUTime - before.userCPUTime - before.systemCPUTime
  const time =
    jobs === 1
      ? { cpuSeconds: Math.round(own / 1e6) }
      : { seconds: Math.round((performance.now() - began) / 1000) }
  console.log(JSON.stringify({ seed: numberOf('seed'), ...sums, findings: findings.length, ...time }))
  if (sums.read < sums.exports * LEAST_READ) {
    console.error('broke off: too many exports were not read')
    return 2
  }
  return findings.length > 0 ? 1 : 0
}

/** Resolves when another process is through. @throws when it ends before */
async function elsewhere(job: Job, note: (tally: Tally) => void, signal: AbortSignal): Promise<void> {
  const child = fork(import.meta.filename, [`--share=${JSON.stringify(job)}`], { signal })
  let isThrough = false
  child.on('message', (message: { sofar: Tally } | { tally: Tally }) => {
    isThrough = 'tally' in message
    note('tally' in message ? message.tally : message.sofar)
  })
  // Of one that was stopped because another broke off.
  child.on('error', () => {})
  const [code, how] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('exit', (...end) => resolve(end))
  })
  if (!isThrough) throw new Error(`a process ended before it was through; code=${code} signal=${how}`)
}
