// A PDS on the open internet, attacked. Each attack has one right answer; after it the server answers the others as before, and
// after each group it has leaked nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startWorld, type Attack, type World } from '../hostile/world.ts'
import { BODIES, CONTENTS, RECORDS } from '../hostile/bombs.ts'
import { ADDRESSES, HEADERS, SMUGGLING, STRANGERS, UNLIMITED } from '../hostile/headers.ts'
import { NAMES, TARGETS } from '../hostile/paths.ts'
import { HANDLES, LETTERS, MAIL_ADDRESSES } from '../hostile/people.ts'
import { SESSION_TOKENS } from '../hostile/session-tokens.ts'
import { SERVICE_TOKENS } from '../hostile/service-tokens.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    PDS_BLOB_UPLOAD_LIMIT: '10000000',
    PDS_RATE_LIMIT_BYPASS_IPS: UNLIMITED,
    PDS_RATE_LIMIT_BYPASS_KEY: 'a key that nobody guesses',
  })
})
afterAll(() => world?.[Symbol.asyncDispose]())

const GROUPS: readonly (readonly [string, readonly Attack[]])[] = [
  ['forged session tokens', SESSION_TOKENS],
  ['forged service tokens', SERVICE_TOKENS],
  ['names that are paths', NAMES],
  ['handles that look like others', HANDLES],
  ['addresses of mail', MAIL_ADDRESSES],
  ['letters', LETTERS],
  ['odd request lines', TARGETS],
  ['requests within requests', SMUGGLING],
  ['odd heads', HEADERS],
  ['made up addresses', ADDRESSES],
  ['made up addresses of strangers', STRANGERS],
  ['bodies that unpack or nest', BODIES],
  ['records that cost much', RECORDS],
  ['contents that confuse', CONTENTS],
]

describe.each(GROUPS)('%s', (_, attacks) => {
  beforeAll(() => world.mark())
  test.each(attacks)('$what', async ({ right, run }) => {
    expect(await run(world)).toBe(right)
    await world.goesOn()
  })
  test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined())
})
