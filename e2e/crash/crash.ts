// An indexer that is killed again and again while accounts write, a backfill is under way, and its PDSes and relays come and go.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cidFromBytes, formatCid } from '@avocet/data'
import { freePort, type Service, startService } from '@avocet/network'
import { query } from '../support/network.ts'
import { differences, faultsOf, openIndex, readTruth } from '../simulated/checks.ts'
import { type Killable, launch } from '../simulated/indexer-process.ts'
import { act, call, createRandom, fill, type Person, type Random, signUp } from '../simulated/people.ts'
import { createRelay, type RelayOptions } from '../simulated/relay.ts'

/** How much of it. */
export type CrashOptions = {
  readonly kills: number
  readonly seed: number
  /** Accounts whose repos are there before the indexer is, and records of each. */
  readonly old: number
  readonly oldRecords: number
  readonly print?: (line: string) => void
}

/** What was done, and found to be equal. */
export type CrashFigures = {
  readonly kills: number
  readonly killedStarting: number
  readonly pdsKills: number
  readonly relayStops: number
  readonly writes: number
  readonly accounts: number
  readonly records: number
  readonly commits: number
  readonly resyncs: number
  readonly lostFrames: number
  readonly seconds: number
}

const SETTLE_MS = 300_000
/** Of a hundred commits that only relays tell of, so many are lost: their repos are read again. */
const LOST_PERCENT = 3

/**
 * Runs it, then compares the index with the repos record for record, and with itself.
 * @throws Error that says what is amiss; the data stays for a look then
 */
export async function crash(options: CrashOptions): Promise<CrashFigures> {
  const { kills, seed, print = () => {} } = options
  const begun = performance.now()
  const random = createRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'avocet-indexer-crash-'))
  const names = ['plc', 'near', 'far', 'relay', 'other', 'indexer'] as const
  const ports = {} as Record<(typeof names)[number], number>
  for (const name of names) ports[name] = await freePort()
  const start = (
    app: 'plc-directory' | 'pds',
    name: 'plc' | 'near' | 'far',
    args: readonly string[],
  ): Promise<Service> =>
    startService({
      name,
      app,
      args: [...args, `--port=${ports[name]}`, '--host=127.0.0.1', `--data=${join(folder, name)}`],
      url: `http://127.0.0.1:${ports[name]}`,
      healthPath: app === 'pds' ? '/xrpc/_health' : '/_health',
      logFile: join(folder, `${name}.log`),
      env: { PDS_DEV_MODE: 'true', PDS_INVITE_REQUIRED: 'false' },
    })
  const plc = await start('plc-directory', 'plc', ['--no-rate-limits'])
  const startPds = (name: 'near' | 'far'): Promise<Service> => start('pds', name, [`--plc-url=${plc.url}`])
  const pds = { near: await startPds('near'), far: await startPds('far') }

  // Of the far PDS the indexer hears through relays alone, and they lose some of it.
  const far = new Set<string>()
  // Who comes and goes.
  const passing = new Set<string>()
  let hidden: string | null = null
  let losing = true
  let lostFrames = 0
  const loses = (body: Record<string, unknown>): boolean => {
    if (body['repo'] === hidden) return true
    if (!losing || !far.has(String(body['repo'])) || typeof body['rev'] !== 'string') return false
    const sum = Buffer.from(body['rev']).reduce((hash, byte) => (hash * 31 + byte) >>> 0, 7)
    if (sum % 100 >= LOST_PERCENT) return false
    lostFrames++
    return true
  }
  const upstream = [
    { origin: pds.near.url, fromOldest: true },
    { origin: pds.far.url, fromOldest: false },
  ]
  const pass: RelayOptions['pass'] = (event) => (loses(event.body) ? [] : [event])
  const relaying = { upstream, lists: [pds.far.url], pass }
  const relays = [
    createRelay({ ...relaying, port: ports.relay, firstSeq: 1 }),
    createRelay({ ...relaying, port: ports.other, firstSeq: 5_000_000 }),
  ] as const

  const people: Person[] = []
  const admit = async (where: 'near' | 'far', records: number): Promise<Person> => {
    const person = await signUp(pds[where].url, `${where}${people.length}`)
    // What a repo had before it was first heard of is in no stream.
    if (where === 'far') {
      far.add(person.did)
      hidden = person.did
    }
    await fill(person, records, random)
    await delay(200)
    hidden = null
    people.push(person)
    return person
  }
  const stopping = new AbortController()
  const work: Promise<void>[] = []
  let writes = 0
  let indexer: Killable | null = null
  const file = join(folder, 'indexer', 'indexer.sqlite')
  const startIndexer = (): Killable =>
    launch(
      [
        'run',
        '--everything',
        `--relay=${relays[0].url}`,
        `--relay=${relays[1].url}`,
        '--from-oldest',
        `--source=ws://127.0.0.1:${ports.near}`,
        `--plc-url=${plc.url}`,
        '--allow-loopback',
        '--resync-seconds=2',
        `--data=${join(folder, 'indexer')}`,
        `--port=${ports.indexer}`,
      ],
      join(folder, 'indexer.log'),
    )

  try {
    for (let i = 0; i < options.old; i++) await admit('far', options.oldRecords)
    for (let i = 0; i < 4; i++) await admit('near', 20)
    for (const relay of relays) await relay.start()
    indexer = startIndexer()
    await indexer.ready()
    const write = async (own: Random): Promise<void> => {
      for (let n = 0; !stopping.signal.aborted; n++) {
        if (await act(people[own(people.length)]!, people, n, own)) writes++
        else await delay(20)
        await delay(own(40))
      }
    }
    // Comes and goes; it is there in the end.
    const comeAndGo = async (person: Person, own: Random): Promise<void> => {
      passing.add(person.did)
      while (!stopping.signal.aborted) {
        await call(person, 'com.atproto.server.deactivateAccount', {})
        await delay(300 + own(1500))
        while (!(await call(person, 'com.atproto.server.activateAccount', undefined))) await delay(100)
        await delay(1000 + own(3000))
      }
    }
    for (let i = 0; i < 3; i++) work.push(write(createRandom(seed + 1 + i)))
    work.push(comeAndGo(await admit('near', 50), createRandom(seed + 10)))
    work.push(comeAndGo(await admit('far', 200), createRandom(seed + 11)))

    let [killedStarting, pdsKills, relayStops] = [0, 0, 0]
    for (let kill = 1; kill <= kills; kill++) {
      if (random(5) === 0) {
        await delay(random(1200))
        killedStarting++
      } else {
        await indexer.ready()
        await delay(random(1500))
      }
      await indexer.kill()
      if (kill % 10 === 5) {
        const name = random(2) === 0 ? 'near' : 'far'
        pds[name].process.kill('SIGKILL')
        await pds[name].ended
        pds[name] = await startPds(name)
        pdsKills++
      }
      const resting = kill % 7 === 3 ? relays[random(2)]! : null
      await resting?.stop()
      indexer = startIndexer()
      if (resting !== null) {
        await delay(random(800))
        await resting.start()
        relayStops++
      }
      if (kill % 12 === 0) await admit('far', 400)
      if (kill % 10 === 0) print(`${kill} kills, ${writes} writes, ${lostFrames} frames lost`)
    }

    stopping.abort()
    await Promise.all(work)
    losing = false
    for (const person of people) {
      const input = {
        repo: person.did,
        collection: 'com.example.note',
        rkey: 'last',
        record: { $type: 'com.example.note' },
      }
      if (!(await call(person, 'com.atproto.repo.putRecord', input)))
        throw new Error(`no last write of ${person.did}`)
    }
    await indexer.ready()
    print('comparing')
    const truths = new Map<string, Awaited<ReturnType<typeof readTruth>>>()
    for (const { did, pds: host } of people) truths.set(did, await readTruth(host, did))
    const cidOf = (bytes: Uint8Array): string => formatCid(cidFromBytes(bytes))
    const differing = (): string[] => {
      const db = openIndex(file)
      try {
        return [...truths].flatMap(([did, truth]) =>
          differences(db, did, truth, cidOf).map((what) => `${did} ${what}`),
        )
      } finally {
        db.close()
      }
    }
    const until = Date.now() + SETTLE_MS
    while (differing().length > 0 && Date.now() < until) await delay(1000)
    const wrong = differing()
    if (wrong.length > 0) throw new Error(`the index differs:\n${wrong.join('\n')}`)
    // What is still read anew finds nothing, and ends.
    await settled(file, until)
    const url = `http://127.0.0.1:${ports.indexer}`
    for (const { did } of people) {
      for (;;) {
        const { body } = await query<{ active: boolean }>(url, 'com.atproto.sync.getRepoStatus', { did })
        if (body.active) break
        // A doubt that came late is looked into.
        if (Date.now() > until) throw new Error(`not active: ${did} ${JSON.stringify(body)}`)
        await delay(500)
      }
    }
    await settled(file, until)
    const code = await indexer.stop()
    if (code !== 0) throw new Error(`the indexer ended with ${code}`)
    const again = differing()
    const db = openIndex(file)
    // Only what relays lost is missed; and of who comes and goes what the stream tells late, of a time that its host says is over.
    const letters = db
      .prepare('SELECT did, reason, message FROM dead_letters')
      .all()
      .filter(({ did }) => !far.has(String(did)) && !passing.has(String(did)))
      .map((letter) => `a letter: ${JSON.stringify(letter)}`)
    const faults = [...again, ...faultsOf(db), ...letters]
    const totals = db.prepare('SELECT * FROM totals').get()!
    db.close()
    if (faults.length > 0) throw new Error(`the index is not whole:\n${faults.join('\n')}`)
    await cleanUp()
    rmSync(folder, { recursive: true, force: true })
    return {
      kills,
      killedStarting,
      pdsKills,
      relayStops,
      writes,
      accounts: people.length,
      records: Number(totals['records']),
      commits: Number(totals['commits']),
      resyncs: Number(totals['resyncs']),
      lostFrames,
      seconds: Math.round((performance.now() - begun) / 1000),
    }
  } catch (error) {
    print(`the data is in ${folder}`)
    throw error
  } finally {
    await cleanUp()
  }

  async function cleanUp(): Promise<void> {
    stopping.abort()
    await indexer?.kill()
    for (const relay of relays) await relay.stop()
    await Promise.all([pds.near.stop(), pds.far.stop()])
    await plc.stop()
  }
}

/** Waits until no repo is read and nothing waits. */
async function settled(file: string, until: number): Promise<void> {
  for (;;) {
    const db = openIndex(file)
    const n = db.prepare(
      "SELECT (SELECT count(*) FROM queued_frames) + (SELECT count(*) FROM repos WHERE status IN ('resyncing', 'desynchronized')) AS n",
    )
    const waiting = Number(n.get()!['n'])
    db.close()
    if (waiting === 0) return
    if (Date.now() > until) throw new Error(`${waiting} repos or frames still wait`)
    await delay(500)
  }
}
