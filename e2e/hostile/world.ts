// Who takes part, and what has to hold after each attack.
import { expect } from 'vitest'

import { forgetPeak, handles, HAS_PROC, peak, resident } from './process.ts'
import { startServer, type Account, type Server } from './server.ts'
import { hangUp, outcome } from './wire.ts'

/** One attack and its right answer: status and error name, or what else was seen. */
export interface Attack {
  readonly what: string
  readonly right: string
  readonly run: (world: World) => Promise<string>
}

/** The server and the people on it. */
export interface World extends AsyncDisposable {
  readonly server: Server
  /** Who attacks: an account like any other. */
  readonly mallory: Account
  /** Who is attacked. */
  readonly alice: Account
  /** Who only wants to go on. */
  readonly bob: Account
  /** Begins to count, for a group of attacks with these bounds: handles that are open now are not leaked ones. */
  mark(bounds?: Bounds): void
  /**
   * After each attack: a stranger is answered, somebody else's write is taken and read, each within the bound, and the memory
   * was never above the peak of the group.
   */
  goesOn(): Promise<void>
  /** After a group: nothing was leaked since `mark`, the memory came back below the bounds, the log tells of no fault. */
  stands(): Promise<void>
}

/** What a group of attacks may take, in MB and open files. */
export interface Bounds {
  readonly peak?: number
  readonly resident?: number
  readonly handles?: number
}

/**
 * Time that an answer to the others may take under attack, on a machine that has nothing else to do: far above what it takes,
 * far below what people notice as an outage.
 */
const ANSWER_MS = 3000
/** A fresh server with its first accounts holds some 150 MB on Node 24. */
const BOUNDS: Required<Bounds> = { peak: 400, resident: 350, handles: 12 }
/** Handles are closed, and memory given back, some time after the answer. */
const SETTLE_MS = 15_000

let writes = 0

/** How many times longer work takes here than it would if no other process wanted the processors. */
function crowding(): number {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  while (performance.now() - began < 100);
  const { user, system } = process.cpuUsage(cpu)
  return Math.max(1, (performance.now() - began) / ((user + system) / 1000))
}

/** Starts a server with three accounts. */
export async function startWorld(settings: Readonly<Record<string, string>> = {}): Promise<World> {
  const server = await startServer(settings)
  const [mallory, alice, bob] = [await server.account(), await server.account(), await server.account()]
  let opened = 0
  let most = BOUNDS

  const goesOn = async (): Promise<void> => {
    const quick = async (nsid: string, options: Parameters<Server['call']>[1] = {}): Promise<any> => {
      const began = performance.now()
      const answer = await server.call(nsid, options)
      const took = Math.round(performance.now() - began)
      expect([
        nsid,
        outcome(answer),
        took > ANSWER_MS && took > ANSWER_MS * crowding() ? `${took} ms` : 'in time',
      ]).toEqual([nsid, '200', 'in time'])
      return answer.body
    }
    await quick('_health')
    const text = `still here ${++writes}`
    const record = { $type: 'app.bsky.feed.post', text, createdAt: '2026-01-01T00:00:00.000Z' }
    const input = { repo: bob.did, collection: 'app.bsky.feed.post', record }
    const { uri } = await quick('com.atproto.repo.createRecord', { token: bob.accessJwt, input })
    const [, , repo, collection, rkey] = (uri as string).split('/') as [
      string,
      string,
      string,
      string,
      string,
    ]
    const read = await quick('com.atproto.repo.getRecord', { params: { repo, collection, rkey } })
    expect(read.value.text).toBe(text)
    if (HAS_PROC) expect(peak(server.pid)).toBeLessThanOrEqual(most.peak)
  }

  return {
    server,
    mallory,
    alice,
    bob,
    goesOn,
    mark: (bounds = {}) => {
      most = { ...BOUNDS, ...bounds }
      if (!HAS_PROC) return
      hangUp()
      opened = handles(server.pid)
      forgetPeak(server.pid)
    },
    stands: async () => {
      expect(server.alive()).toBe(true)
      await goesOn()
      expect(server.faults()).toEqual([])
      if (!HAS_PROC) {
        console.warn('memory and open files are not looked at: this machine has no /proc')
        return
      }
      hangUp()
      await expect
        .poll(() => handles(server.pid) - opened, { timeout: SETTLE_MS })
        .toBeLessThanOrEqual(most.handles)
      await expect.poll(() => resident(server.pid), { timeout: SETTLE_MS }).toBeLessThanOrEqual(most.resident)
      if (process.env['AVOCET_HOSTILE'] !== undefined || process.env['DEBUG_HOSTILE'] !== undefined) {
        console.log(
          `${resident(server.pid)} MB, at most ${peak(server.pid)} MB, ${handles(server.pid) - opened} handles more`,
        )
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
