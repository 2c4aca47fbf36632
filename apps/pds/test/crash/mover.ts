import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { formatCid, type DataObject } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'

import { archiveOf } from '../archives.ts'
import type { TestDirectory } from '../directory.ts'
import { signingKeyOf } from '../firehose.ts'
import { newKnown, type Known } from './book.ts'
import type { Random } from './random.ts'
import { expectSame, expectSameEntries } from './same.ts'
import type { CrashServer } from './server.ts'
import type { Stepper } from './steps.ts'
import { recordCid } from './writer.ts'

/** What a client needs that makes accounts and takes them through their life. */
export interface MoverParts {
  readonly server: CrashServer
  readonly directory: TestDirectory
  readonly steps: Stepper
  readonly random: Random
  /** Handles of its accounts begin so. */
  readonly name: string
  /** Told of each account once it is there. */
  readonly keep: (known: Known) => void
}

interface Session {
  readonly did: string
  readonly handle: string
  readonly accessJwt: string
  readonly active?: boolean
}

export const PASSWORD = 'correct horse'

/** The session of an account, null when its password is refused. */
export async function signIn(
  server: CrashServer,
  identifier: string,
  password = PASSWORD,
): Promise<Session | null> {
  const { status, body } = await server.call('com.atproto.server.createSession', {
    input: { identifier, password },
  })
  if (status === 200) return body as Session
  expectSame([status, body.error], [401, 'AuthenticationRequired'], `createSession of ${identifier}`)
  return null
}

/** Makes an account; asked again after a kill that left nothing of it, with the same handle and address. */
export function makeAccount(server: CrashServer, steps: Stepper, handle: string): Promise<Session> {
  const input = { handle, email: `${handle.split('.')[0]}@example.com`, password: PASSWORD }
  return steps.run({
    kind: 'createAccount',
    send: () => server.ask('com.atproto.server.createAccount', { input }) as Promise<Session>,
    look: () => signIn(server, handle),
  })
}

/** Every entry of a repository, verified against the key of its identity. */
export async function readEntries(
  server: CrashServer,
  directory: TestDirectory,
  did: string,
  token?: string,
): Promise<{ rev: string; data: string; entries: Map<string, string> }> {
  const car = await server.fetchBytes(`/xrpc/com.atproto.sync.getRepo?did=${did}`, token)
  await using reader = await readRepo(car, { did: did as Did, key: signingKeyOf(directory.log(did)) })
  const entries = new Map<string, string>()
  for await (const { path, cid } of reader.entries) entries.set(path, formatCid(cid))
  return { rev: reader.rev, data: formatCid(reader.data), entries }
}

/** One account from its making to its end, or as far as chance has it. */
export async function live({ server, directory, steps, random, name, keep }: MoverParts): Promise<void> {
  let handle = `${name}.test`
  const session = await makeAccount(server, steps, handle)
  const { did, accessJwt: token } = session
  const known = newKnown(did)
  keep(known)
  const isActive = async (): Promise<boolean> =>
    (await server.ask('com.atproto.server.checkAccountStatus', { token })).activated as boolean

  const turn = (kind: 'activateAccount' | 'deactivateAccount'): Promise<boolean> =>
    steps.run({
      kind,
      send: async () => {
        const input = kind === 'activateAccount' ? null : {}
        await server.ask(`com.atproto.server.${kind}`, { token, input })
        return true
      },
      look: async () => ((await isActive()) === (kind === 'activateAccount') ? true : null),
    })

  const moveIn = async (): Promise<void> => {
    const records: Record<string, DataObject> = {}
    const entries = new Map<string, string>()
    const count = 20 + random.below(300)
    for (let i = 0; i < count; i++) {
      const record = { $type: 'com.example.crash', n: i, name, text: 'y'.repeat(random.below(200)) }
      const path = `com.example.crash/import-${i}`
      records[path] = record
      entries.set(path, recordCid(record))
    }
    const car = await archiveOf(did, records)
    const before = new Map(known.records)
    await steps.run({
      kind: 'importRepo',
      send: async () => {
        const type = 'application/vnd.ipld.car'
        for (;;) {
          const { status, body } = await server.call('com.atproto.repo.importRepo', {
            token,
            bytes: car,
            type,
          })
          if (status === 200) return true
          // From one address only some at a time.
          expectSame([status, body.error], [429, 'RateLimitExceeded'], 'importRepo')
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      },
      look: async () => {
        const found = (await readEntries(server, directory, did, token)).entries
        if (found.size === entries.size && found.has('com.example.crash/import-0')) {
          expectSameEntries(found, entries, `an import without an answer; did=${did}`)
          return true
        }
        expectSameEntries(found, before, `before an import without an answer; did=${did}`)
        return null
      },
    })
    known.records.clear()
    for (const [path, cid] of entries) known.records.set(path, cid)
    const { rev } = await steps.run({
      kind: 'getRepo after an import',
      send: () => readEntries(server, directory, did, token),
      look: () => Promise.resolve(null),
    })
    known.imported.set(rev, entries)
  }

  const rename = async (): Promise<void> => {
    const next = `${name}-again.test`
    await steps.run({
      kind: 'updateHandle',
      send: async () => {
        await server.ask('com.atproto.identity.updateHandle', { token, input: { handle: next } })
        return true
      },
      look: async () => {
        const here = await settledHandle()
        expectSame([handle, next].includes(here), true, `the handle after a kill, ${here}`)
        return here === next ? true : null
      },
    })
    handle = next
    expectSame(
      await steps.run({ kind: 'getSession', send: settledHandle, look: settledHandle }),
      next,
      'handle',
    )
  }

  /** The handle here, which is that of the directory soon after a start. */
  const settledHandle = async (): Promise<string> => {
    for (let tries = 0; ; tries++) {
      const { handle: here } = await server.ask('com.atproto.server.getSession', { token })
      const last = directory.log(did).at(-1) as { alsoKnownAs?: string[] }
      const told = last.alsoKnownAs?.[0]?.slice('at://'.length)
      if (here === told) return here as string
      if (tries === 100) throw new Error(`the directory says ${told}, the server ${here}; did=${did}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  const useAppPassword = async (): Promise<void> => {
    const label = 'app'
    const make = async (): Promise<string> =>
      (await server.ask('com.atproto.server.createAppPassword', { token, input: { name: label } })).password
    const revoke = async (): Promise<true> => {
      await server.ask('com.atproto.server.revokeAppPassword', { token, input: { name: label } })
      return true
    }
    const isListed = async (): Promise<boolean> => {
      const { passwords } = await server.ask('com.atproto.server.listAppPasswords', { token })
      return passwords.some(({ name: listed }: { name: string }) => listed === label)
    }
    // One whose answer was lost is of no use to anybody: it is revoked, and made again.
    const again = async (): Promise<null> => {
      if (await isListed()) await revoke()
      return null
    }
    const password = await steps.run({ kind: 'createAppPassword', send: make, look: again })
    const use = async (): Promise<boolean> => (await signIn(server, did, password)) !== null
    expectSame(
      await steps.run({ kind: 'createSession', send: use, look: use }),
      true,
      'an app password signs in',
    )
    const done = async (): Promise<true | null> => ((await isListed()) ? null : true)
    await steps.run({ kind: 'revokeAppPassword', send: revoke, look: done })
    expectSame(
      await steps.run({ kind: 'createSession', send: use, look: use }),
      false,
      'a revoked one does not',
    )
  }

  const leave = async (): Promise<void> => {
    const send = async (): Promise<true> => {
      await server.ask('com.atproto.server.requestAccountDelete', { token, input: null })
      const code = await mailedCode(join(server.folder, 'mail'), `${name}@example.com`)
      await server.ask('com.atproto.server.deleteAccount', {
        input: { did, password: PASSWORD, token: code },
      })
      return true
    }
    const look = async (): Promise<true | null> => ((await signIn(server, did)) === null ? true : null)
    await steps.run({ kind: 'deleteAccount', send, look })
    known.state = 'deleted'
  }

  if (random.once(2)) await useAppPassword()
  await turn('deactivateAccount')
  known.state = 'deactivated'
  await moveIn()
  if (random.once(6)) return
  await turn('activateAccount')
  known.state = 'active'
  await rename()
  if (!random.once(5)) await leave()
}

/** The code of the newest letter to an address. */
async function mailedCode(folder: string, to: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml'))
  let newest: { at: number; code: string } | null = null
  for (const name of names) {
    const { mtimeMs } = await stat(join(folder, name))
    if (newest !== null && mtimeMs < newest.at) continue
    const text = await readFile(join(folder, name), 'utf8')
    const code = /^ {4}([A-Z0-9]{5}-[A-Z0-9]{5})$/m.exec(text)?.[1]
    if (text.includes(`To: ${to}\n`) && code !== undefined) newest = { at: mtimeMs, code }
  }
  if (newest === null) throw new Error(`no letter to ${to}`)
  return newest.code
}
