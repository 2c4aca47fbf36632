// Clients of a PDS at work: they create, change and delete, some of it alike and some pointing at others, and one comes and goes.

import { procedure } from '../support/network.ts'

/** An account and who may write to it. */
export type Person = { readonly did: string; readonly pds: string; readonly token: string }

/** Numbers from a seed: what clients do, and when processes are killed. */
export type Random = (below: number) => number

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** @throws Error when the PDS refuses */
export async function signUp(pds: string, name: string): Promise<Person> {
  const { status, body } = await procedure<{ did: string; accessJwt: string }>(
    pds,
    'com.atproto.server.createAccount',
    { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse battery' },
  )
  if (status !== 200) throw new Error(`no account: ${status} ${JSON.stringify(body)}`)
  return { did: body.did, pds, token: body.accessJwt }
}

/** Calls a procedure of the account's PDS. @returns whether it answered 200; false too while it is away */
export async function call({ pds, token }: Person, method: string, input: unknown): Promise<boolean> {
  try {
    return (await procedure(pds, method, input, { token })).status === 200
  } catch {
    return false
  }
}

export const NOTE = 'com.example.note'
export const LIKE = 'app.bsky.feed.like'

/** A record: a note of one of ten texts, or a like of somebody's post. */
export function recordFor(
  collection: string,
  random: Random,
  people: readonly Pick<Person, 'did'>[],
): object {
  const createdAt = new Date(1_760_000_000_000 + random(1_000_000)).toISOString()
  if (collection === NOTE) return { $type: NOTE, text: `text ${random(10)}`.repeat(1 + random(5)) }
  const { did } = people[random(people.length)]!
  const cid = 'bafyreihkp7rcwbz2dk353gmf5fok34og3fm3raspoyxk5fh2wyn57i3t5q'
  const subject = { uri: `at://${did}/app.bsky.feed.post/3kxyzabcdef2${random(8) + 2 > 7 ? 'a' : 'b'}`, cid }
  return { $type: LIKE, subject, createdAt }
}

/** The n-th key. */
export const keyOf = (n: number): string =>
  `3kxy${n
    .toString()
    .replace(/\d/g, (d) => 'abcdefghij'[Number(d)]!)
    .padStart(9, '2')}`

/** Writes `count` records in as few commits as there may be. */
export async function fill(person: Person, count: number, random: Random): Promise<void> {
  for (let from = 0; from < count; from += 200) {
    const writes = Array.from({ length: Math.min(200, count - from) }, (_, i) => {
      const collection = i % 3 === 0 ? LIKE : NOTE
      return {
        $type: 'com.atproto.repo.applyWrites#create',
        collection,
        rkey: keyOf(from + i),
        value: recordFor(collection, random, [person]),
      }
    })
    if (!(await call(person, 'com.atproto.repo.applyWrites', { repo: person.did, writes }))) {
      throw new Error(`could not fill ${person.did}`)
    }
  }
}

/** One commit of a few operations; which of them a PDS refuses does not matter. @returns whether it was taken */
export async function act(
  person: Person,
  people: readonly Person[],
  n: number,
  random: Random,
): Promise<boolean> {
  const repo = person.did
  const collection = random(2) === 0 ? NOTE : LIKE
  const rkey = keyOf(random(n + 1))
  const record = recordFor(collection, random, people)
  switch (random(4)) {
    case 0:
      return await call(person, 'com.atproto.repo.deleteRecord', { repo, collection, rkey })
    case 1:
      return await call(person, 'com.atproto.repo.putRecord', { repo, collection, rkey, record })
    default: {
      // The same at several paths of a commit.
      const writes = Array.from({ length: 1 + random(3) }, (_, i) => ({
        $type: 'com.atproto.repo.applyWrites#create',
        collection,
        rkey: keyOf(10_000 + n * 3 + i),
        value: record,
      }))
      return await call(person, 'com.atproto.repo.applyWrites', { repo, writes })
    }
  }
}
