import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onPostgres } from '@avocet/testing/pds-store'

import { runCommand, startCommand } from '../command.ts'
import { startDirectory } from '../directory.ts'
import { keepBackups } from './backups.ts'
import { newKnown, type Known } from './book.ts'
import {
  ageLeftovers,
  checkBlobs,
  checkEvents,
  checkLeftovers,
  checkRepos,
  checkWithDoctor,
} from './checks.ts'
import { live, makeAccount } from './mover.ts'
import { createRandom } from './random.ts'
import { createCrashServer, type CrashServer } from './server.ts'
import { createStepper, type Tally } from './steps.ts'
import { followEvents } from './stream.ts'
import { createWriter, type Writer } from './writer.ts'

/** How much of it. */
export interface CrashOptions {
  readonly kills: number
  /** Decides what clients do and when kills come; the machine's own timing decides the rest. */
  readonly seed: number
  /** Accounts that write, with two clients each. */
  readonly writers: number
  /** Clients that take accounts through their life. */
  readonly movers: number
  readonly print?: (line: string) => void
}

/** What was done, and found to be there. */
export interface CrashFigures {
  readonly kills: number
  readonly acknowledged: Readonly<Record<string, number>>
  readonly accounts: number
  readonly events: number
  readonly blobs: number
  readonly backups: number
  readonly seconds: number
}

/** Answers that have to come before a kill, so that a slow machine is killed at work too. */
const LEAST_ANSWERS = 25
const ANSWERS_MS = 60_000

/**
 * Kills a server again and again while clients write, upload, move, delete and rename, and a backup is made; then looks at
 * everything. The data stays for a look when something is amiss.
 * @throws Error that names what is
 */
export async function crash(options: CrashOptions): Promise<CrashFigures> {
  const { kills, seed, print = () => {} } = options
  const begun = performance.now()
  const root = await mkdtemp(join(tmpdir(), 'avocet-pds-crash-'))
  const directory = await startDirectory()
  const server = await createCrashServer(join(root, 'data'), directory.url)
  await mkdir(join(root, 'backups'))
  const tally: Tally = new Map()
  const accounts: Known[] = []
  const random = createRandom(seed)
  const faults: Error[] = []
  const stopping = new AbortController()
  let started = false

  /** Fails the whole run at once, whichever part of it fails. */
  const watched = <T>(work: Promise<T>): Promise<T | void> =>
    work.catch((error: Error) => {
      faults.push(error)
      stopping.abort()
    })
  const refuseFaults = (): void => {
    if (faults.length > 0) throw faults[0]!
  }
  const answers = (): number => {
    let sum = 0
    for (const count of tally.values()) sum += count
    return sum
  }

  try {
    await server.start()
    started = true
    const work: Promise<unknown>[] = []
    const follower = followEvents(server)
    void watched(follower.done)
    // Backups are of a data directory: that of Postgres is its own program's.
    const backups = onPostgres ? null : keepBackups(server, join(root, 'backups'))
    if (backups === null) print('no backups are made: they are of SQLite')
    else void watched(backups.done)
    for (let i = 0; i < options.writers; i++) {
      const plain = createStepper(server, tally, () => Promise.resolve())
      const { did, accessJwt: token } = await makeAccount(server, plain, `writer${i}.test`)
      const known = newKnown(did)
      accounts.push(known)
      for (const lane of ['a', 'b']) {
        const own = createRandom(random.below(2 ** 32))
        let writer: Writer | null = null
        const steps = createStepper(server, tally, async () => writer?.sample())
        writer = createWriter({ server, steps, random: own, known, token, lane })
        const write = async (): Promise<void> => {
          while (!stopping.signal.aborted) await writer.act()
        }
        work.push(watched(write()))
      }
    }
    for (let i = 0; i < options.movers; i++) {
      const own = createRandom(random.below(2 ** 32))
      const steps = createStepper(server, tally, () => Promise.resolve())
      const keep = (known: Known): void => void accounts.push(known)
      const move = async (): Promise<void> => {
        for (let n = 0; !stopping.signal.aborted; n++) {
          await live({ server, directory, steps, random: own, name: `mover${i}x${n}`, keep })
        }
      }
      work.push(watched(move()))
    }

    for (let kill = 1; kill <= kills; kill++) {
      if (random.once(8)) {
        await server.stop('SIGKILL')
        started = false
        await server.killWhileStarting(random.below(1500))
      } else {
        const before = answers()
        const until = Date.now() + ANSWERS_MS
        while (answers() < before + LEAST_ANSWERS && faults.length === 0) {
          if (Date.now() > until) throw new Error(`no ${LEAST_ANSWERS} answers within ${ANSWERS_MS} ms`)
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
        await new Promise((resolve) => setTimeout(resolve, random.below(1200)))
        await server.stop('SIGKILL')
        started = false
      }
      refuseFaults()
      await server.start()
      started = true
      if (kill % 5 === 0) print(`${kill} kills, ${answers()} answers, ${accounts.length} accounts`)
    }

    stopping.abort()
    await Promise.all(work)
    refuseFaults()
    const backup = await backups?.finish()
    // One that nothing is under way in: what it leaves is what its start did not mend.
    await server.stop('SIGKILL')
    if (onPostgres) await ageLeftovers(server)
    await server.start()
    print('looking at everything')
    await checkLeftovers(server)
    const blobs = await checkBlobs(server, accounts)
    await checkRepos(server, directory, accounts)
    await caughtUp(() => follower.newest())
    refuseFaults()
    const events = await checkEvents(server, directory, accounts, follower)
    await checkWithDoctor(server)
    follower.stop()
    const code = await server.stop('SIGTERM')
    started = false
    if (code !== 0) throw new Error(`the server ended with ${code}`)
    if (backup !== undefined) await checkRestore(server, backup, join(root, 'restored'))
    await rm(root, { recursive: true, force: true })
    const seconds = Math.round((performance.now() - begun) / 1000)
    const acknowledged = Object.fromEntries([...tally].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    return {
      kills,
      acknowledged,
      accounts: accounts.length,
      events,
      blobs,
      backups: backups?.count() ?? 0,
      seconds,
    }
  } catch (error) {
    print(`the data is in ${root}`)
    throw faults[0] ?? error
  } finally {
    stopping.abort()
    if (started) await server.stop('SIGKILL').catch(() => {})
    await directory[Symbol.asyncDispose]()
  }
}

/** Waits until a follower has nothing more to read. */
async function caughtUp(newest: () => number): Promise<void> {
  for (let before = -1; before !== newest();) {
    before = newest()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** A backup comes back as a server that starts and is well. */
async function checkRestore({ plcUrl, port }: CrashServer, backup: string, folder: string): Promise<void> {
  const flags = ['--data', folder, '--plc-url', plcUrl, '--port', String(port)]
  const { code, stdout, stderr } = await runCommand(['restore', backup, ...flags], {}, 120_000)
  if (code !== 0) throw new Error(`restore ended with ${code}\n${stdout}${stderr}`)
  const restored = await startCommand(flags)
  try {
    const { status } = await fetch(`${restored.url}/xrpc/_health`)
    if (status !== 200) throw new Error(`a restored server is not well; status=${status}`)
    const doctor = await runCommand(['doctor', '--deep', ...flags], {}, 300_000)
    if (doctor.code !== 0) throw new Error(`a restored server: ${doctor.stdout}${doctor.stderr}`)
  } finally {
    await restored.stop('SIGKILL')
  }
}
