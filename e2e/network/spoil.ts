// What a relay makes of the events that it should pass on: it loses some, spoils some, repeats some, and says what nobody said.

import { readCar, writeCar } from '@avocet/car'
import { decode, encode } from '@avocet/cbor'
import { cidForCbor, type DataObject } from '@avocet/data'
import type { Random } from '../simulated/people.ts'
import type { RelayedEvent } from '../simulated/relay.ts'

/** What is done to events now; shares in percent. */
export type Mischief = {
  /** Lost without a word. */
  lossy: number
  /** Sent in a form that does not verify, instead of the event. */
  spoiled: number
  /** Sent beside the event: forged, repeated, lies about the account. */
  forged: number
}

/** Which repos a relay has told falsely of, and what it did. */
export type Spoiler = {
  readonly mischief: Mischief
  readonly pass: (event: RelayedEvent) => readonly (RelayedEvent | Uint8Array)[]
  /** The next commit of this account is lost. */
  loseNext(did: string): void
  /** Whether the newest commit of an account, or word about its status, is lost: nobody who hears this relay alone can know. */
  readonly isUntold: (did: string) => boolean
  readonly counts: ReadonlyMap<string, number>
  /** Commits, syncs and words about accounts that are lost, by account. */
  readonly losses: ReadonlyMap<string, number>
}

type Made = (event: RelayedEvent, random: Random) => RelayedEvent | Uint8Array
const withBody = (event: RelayedEvent, more: object): RelayedEvent => ({
  type: event.type,
  body: { ...event.body, ...more } as DataObject,
})

/** The same commit with another byte in its signature. */
function signedByNobody(event: RelayedEvent): RelayedEvent {
  const { roots, blocks } = readCar(event.body['blocks'] as Uint8Array)
  const own = blocks.find(({ cid }) => cid.equals(roots[0]!))!
  const commit = decode(own.bytes) as { sig: Uint8Array } & DataObject
  const sig = Uint8Array.from(commit.sig)
  sig[10]! ^= 1
  const bytes = encode({ ...commit, sig }).slice()
  const cid = cidForCbor(bytes)
  const car = writeCar([cid], [{ cid, bytes }, ...blocks.filter((block) => block !== own)])
  return withBody(event, { blocks: car, commit: cid })
}

/** Ways to spoil a commit. None of them is what its account signed. */
const SPOILED: Readonly<Record<string, Made>> = {
  signature: signedByNobody,
  byte: (event, random) => {
    const blocks = Uint8Array.from(event.body['blocks'] as Uint8Array)
    blocks[blocks.length - 1 - random(100)]! ^= 1 << random(8)
    return withBody(event, { blocks })
  },
  cut: (event) => {
    const blocks = event.body['blocks'] as Uint8Array
    return withBody(event, { blocks: blocks.subarray(0, blocks.length - 40) })
  },
  cid: (event) => {
    const ops = event.body['ops'] as readonly DataObject[]
    return withBody(event, { ops: ops.map((op) => ({ ...op, cid: event.body['commit']! })) })
  },
  omitted: (event) => withBody(event, { ops: [] }),
  previous: (event) => withBody(event, { prevData: event.body['commit'] }),
  future: (event) => withBody(event, { rev: '7zzzzzzzzzzzz' }),
  envelope: (event) => withBody(event, { rev: 'not a rev' }),
}

/** What is said beside the truth. */
const FORGED: Readonly<Record<string, Made>> = {
  ...SPOILED,
  repeated: (event) => event,
  garbage: (_, random) => Uint8Array.from({ length: 1 + random(60) }, () => random(256)),
  takendown: ({ body }) => lie(body, 'takendown'),
  deactivated: ({ body }) => lie(body, 'deactivated'),
  deleted: ({ body }) => lie(body, 'deleted'),
  stranger: (event) => withBody(event, { repo: 'did:plc:nobodynobodynobodynobody' }),
}

const lie = (body: DataObject, status: string): RelayedEvent => ({
  type: '#account',
  body: { did: body['repo']!, active: false, status, time: body['time']! },
})

/** A relay that does nothing amiss yet. @param isHeardElsewhere whether who hears the relay hears this account at its host too */
export function createSpoiler(random: Random, isHeardElsewhere: (did: string) => boolean): Spoiler {
  const mischief: Mischief = { lossy: 0, spoiled: 0, forged: 0 }
  const counts = new Map<string, number>()
  const losses = new Map<string, number>()
  const untold = { heads: new Set<string>(), statuses: new Set<string>() }
  const chosen = new Set<string>()
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const happens = (percent: number): boolean => percent > 0 && random(1000) < percent * 10
  const made = (
    of: Readonly<Record<string, Made>>,
    event: RelayedEvent,
    kind: string,
  ): RelayedEvent | Uint8Array => {
    const names = Object.keys(of)
    const name = names[random(names.length)]!
    count(`${kind} ${name}`)
    return of[name]!(event, random)
  }
  const lose = (did: string, of: Set<string>): readonly [] => {
    losses.set(did, (losses.get(did) ?? 0) + 1)
    if (!isHeardElsewhere(did)) of.add(did)
    return []
  }
  return {
    mischief,
    isUntold: (did) => untold.heads.has(did) || untold.statuses.has(did),
    counts,
    losses,
    loseNext: (did) => void chosen.add(did),
    pass(event) {
      const { type, body } = event
      const did = String(body['repo'] ?? body['did'])
      const isLost =
        (type !== '#identity' && happens(mischief.lossy)) || (type === '#commit' && chosen.delete(did))
      if (isLost) {
        count(`lost ${type}`)
        return lose(did, type === '#account' ? untold.statuses : untold.heads)
      }
      // What follows, or does not verify, shows that something is missing.
      if (type === '#account') untold.statuses.delete(did)
      else if (type !== '#identity') untold.heads.delete(did)
      if (type !== '#commit') return [event]
      if (happens(mischief.spoiled)) {
        losses.set(did, (losses.get(did) ?? 0) + 1)
        return [made(SPOILED, event, 'spoiled')]
      }
      if (!happens(mischief.forged)) return [event]
      const other = made(FORGED, event, 'forged')
      return random(2) === 0 ? [event, other] : [other, event]
    },
  }
}
