// The PDS beside the reference PDS: both as processes on one did:plc directory; one client, the same requests, in turns. What
// stores something is done by a second one of each, too: ours answers before the disk is synced, the reference only after that.
// Run: node bench/pds.ts [--save] [--only getRepo,…] [--rounds 7] [--alone]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { record, save } from './support/compare.ts'
import { median } from './support/load.ts'
import { accountCount, prepareSide, type Side, works } from './support/pds-work.ts'
import { freePort, startServer, type Server } from './support/processes.ts'
import { findReference, startReference } from './support/reference-pds.ts'

const flag = (name: string): string | undefined => process.argv.find((_, i) => process.argv[i - 1] === name)
const ROUNDS = Number(flag('--rounds') ?? 7)
/** Rounds that do not count, unless a work says otherwise: compilers and caches of both are warm afterwards. */
const WARM_ROUNDS = 12
/** Ours, when it answers before the disk is synced. */
const VARIANT = 'synchronous normal'
/** The reference, when all of a write is on the disk before it answers, as with ours by default. */
const FULL = ', synchronous full'
const only = flag('--only')?.split(',')
const found = process.argv.includes('--alone') ? '--alone' : findReference()
const reference = typeof found === 'string' ? null : { ...found, name: `@atproto/pds@${found.version}` }
if (typeof found === 'string') console.log(`the reference PDS is not run, no ratios: ${found}`)

await using stack = new AsyncDisposableStack()
const folder = mkdtempSync(join(process.env['AVOCET_BENCH_FOLDER'] ?? tmpdir(), 'avocet-bench-pds-'))
stack.defer(() => rmSync(folder, { recursive: true, force: true }))
const app = (name: string): string => join(import.meta.dirname, '../apps', name, 'src/main.ts')

const plc = stack.use(
  await startServer({
    command: process.execPath,
    args: [app('plc-directory'), '--port', '0', '--no-rate-limits', '--data', join(folder, 'plc')],
  }),
)
const profile = process.env['AVOCET_PROFILE']
const startOurs = (
  name: string,
  env: Record<string, string>,
  flags: readonly string[] = [],
): Promise<Server> =>
  startServer({
    command: process.execPath,
    args: [...flags, app('pds'), '--port', '0', '--data', join(folder, name), '--plc-url', plc.url],
    env: { NODE_ENV: 'production', LOG_LEVEL: 'error', PDS_RATE_LIMITS_ENABLED: 'false', ...env },
  })
const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
const servers: Record<string, Server> = {
  avocet: stack.use(await startOurs('avocet', {}, profiling)),
}
if (profile === undefined) {
  servers[VARIANT] = stack.use(await startOurs('normal', { PDS_SQLITE_SYNCHRONOUS: 'normal' }))
}
if (reference !== null) {
  const data = join(folder, 'reference')
  mkdirSync(data)
  servers[reference.name] = stack.use(await startReference(reference.folder, await freePort(), data, plc.url))
  const fullData = join(folder, 'reference-full')
  mkdirSync(fullData)
  servers[`${reference.name}${FULL}`] = stack.use(
    await startReference(reference.folder, await freePort(), fullData, plc.url, true),
  )
}

const all: Side[] = []
for (const [name, server] of Object.entries(servers)) {
  // The others wait, as they do in every round.
  all.push(await prepareSide(name, server))
}
console.log(`${accountCount} accounts on each; ${ROUNDS} rounds in turns, medians`)

const verdicts: string[] = []
for (const work of works) {
  if (only !== undefined && !only.some((name) => work.name.includes(name))) continue
  // What only reads is not done twice.
  const sides = all.filter(({ name }) => work.stores === true || (name !== VARIANT && !name.endsWith(FULL)))
  const rates = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const costs = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const latencies = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const sizes = new Map<Side, number>()
  for (let round = -(work.warmRounds ?? WARM_ROUNDS); round < ROUNDS; round++) {
    // Who comes first changes, so that neither always finds the machine as the other left it.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const requests = await work.requests(side, round)
      const cpu = side.server.cpuMs()
      const { elapsed, times, bytes } = await side.run(requests, work.lanes)
      sizes.set(side, bytes)
      if (round < 0) continue
      rates.get(side)!.push((requests.length * 1000) / elapsed)
      costs.get(side)!.push((side.server.cpuMs() - cpu) / requests.length)
      latencies.get(side)!.push(...times)
    }
  }
  const measured = sides.map((side) => ({ name: side.name, perSecond: median(rates.get(side)!) }))
  const isVariant = ({ name }: { name: string }): boolean => name === VARIANT
  const row = record(
    work.name,
    { unit: work.unit, target: work.target, note: note(sides, costs, latencies, sizes) },
    measured.filter((one) => !isVariant(one)),
    measured.filter(isVariant),
  )
  console.log(`  ${row.note}`)
  const sideOf = (name: string): Side | undefined => sides.find((side) => side.name === name)
  const judge = (ours: Side, theirs: Side | undefined, about: string, counts: boolean): void => {
    if (theirs === undefined) return
    const ratio = median(rates.get(ours)!) / median(rates.get(theirs)!)
    const verdict = ratio >= work.target ? 'pass' : 'FAIL'
    verdicts.push(
      [
        counts ? verdict : '    ',
        `${ratio.toFixed(2).padStart(6)} ×`,
        `target ${String(work.target).padStart(4)} ×`,
        `by CPU time of the servers ${(median(costs.get(theirs)!) / median(costs.get(ours)!)).toFixed(2).padStart(6)} ×`,
        `${work.name}${about}`,
      ].join('  '),
    )
  }
  if (reference === null) continue
  const [ours, theirs] = [sideOf('avocet')!, sideOf(reference.name)]
  const [normal, full] = [sideOf(VARIANT), sideOf(`${reference.name}${FULL}`)]
  const isStored = full !== undefined
  judge(ours, theirs, isStored ? ', each by its default: ours has more on the disk' : '', !isStored)
  judge(ours, full, ', all on the disk', true)
  if (normal !== undefined && isStored) {
    judge(normal, theirs, `, ours ${VARIANT}: the reference has more on the disk`, false)
  }
}
for (const { name, server } of all) console.log(`largest memory of ${name}: ${server.peakMb().toFixed(0)} MB`)
if (verdicts.length > 0) console.log(`\n${verdicts.join('\n')}`)
if (process.argv.includes('--save')) save('pds')

/** CPU time of the server a request, the 99th percentile and the longest of the answers' times, bytes of a body. */
function note(
  sides: readonly Side[],
  costs: ReadonlyMap<Side, readonly number[]>,
  latencies: ReadonlyMap<Side, number[]>,
  sizes: ReadonlyMap<Side, number>,
): string {
  const parts = sides.map((side) => {
    const times = latencies.get(side)!.toSorted((a, b) => a - b)
    const p50 = median(times)
    const p99 = times[Math.floor(times.length * 0.99)]!
    const cpu = median(costs.get(side)!)
    const name = side.name.startsWith('@') ? `reference${side.name.endsWith(FULL) ? FULL : ''}` : side.name
    return `${name}: ${cpu.toPrecision(3)} ms of CPU, half of the answers within ${p50.toPrecision(3)} ms, p99 ${p99.toPrecision(3)} ms, longest ${times.at(-1)!.toPrecision(3)} ms, ${Math.round(sizes.get(side)!)} bytes`
  })
  return parts.join('; ')
}
