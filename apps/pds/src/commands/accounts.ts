import type { Print } from '../terminal.ts'
import { randomBytes } from 'node:crypto'

import {
  ComAtprotoAdminDeleteAccount,
  ComAtprotoAdminGetAccountInfo,
  ComAtprotoAdminGetSubjectStatus,
  ComAtprotoAdminSearchAccounts,
  ComAtprotoAdminUpdateAccountHandle,
  ComAtprotoAdminUpdateAccountPassword,
  ComAtprotoAdminUpdateSubjectStatus,
  ComAtprotoIdentityResolveHandle,
  ComAtprotoServerCreateAccount,
  ComAtprotoServerCreateInviteCode,
  ComAtprotoServerDescribeServer,
} from '@avocet/lexicons/com.atproto'
import type { Did, Handle } from '@avocet/syntax'
import type { Client } from '@avocet/xrpc-client'

import { answered } from './operator.ts'

/** Makes an account; without a password one is made up and printed. */
export async function createAccount(
  client: Client,
  input: { handle: string; email: string; password?: string | undefined },
  print: Print,
): Promise<void> {
  const password = input.password ?? randomBytes(12).toString('base64url')
  const { inviteCodeRequired = false } = await answered(client.call(ComAtprotoServerDescribeServer.main, {}))
  const inviteCode = inviteCodeRequired ? await createInvite(client, 1) : undefined
  const { did, handle } = await answered(
    client.call(ComAtprotoServerCreateAccount.main, {
      input: {
        handle: input.handle as Handle,
        email: input.email,
        password,
        ...(inviteCode === undefined ? {} : { inviteCode }),
      },
    }),
  )
  print(`created ${handle} ${did}`)
  if (input.password === undefined) print(`password ${password}`)
}

/** Prints every account: DID, handle, email address, what is off. */
export async function listAccounts(client: Client, print: Print): Promise<void> {
  for (let cursor: string | undefined; ;) {
    const params = { limit: 100, ...(cursor === undefined ? {} : { cursor }) }
    const page = await answered(client.call(ComAtprotoAdminSearchAccounts.main, { params }))
    for (const { did, handle, email = '-', deactivatedAt } of page.accounts) {
      print([did, handle, email, ...(deactivatedAt === undefined ? [] : ['deactivated'])].join('\t'))
    }
    cursor = page.cursor
    if (cursor === undefined) return
  }
}

/** Prints what is known of an account, as JSON: with what it has and may have, as `holdings` tells. */
export async function showAccount(
  client: Client,
  actor: string,
  holdings: (did: Did) => Promise<object>,
  print: Print,
): Promise<void> {
  const did = await didOf(client, actor)
  const info = await answered(client.call(ComAtprotoAdminGetAccountInfo.main, { params: { did } }))
  const status = await answered(client.call(ComAtprotoAdminGetSubjectStatus.main, { params: { did } }))
  const { takedown, deactivated } = status
  print(JSON.stringify({ ...(await holdings(did)), ...info, takedown, deactivated }, null, 2))
}

/** Takes an account down, or puts it back. */
export async function takeDown(client: Client, actor: string, applied: boolean, print: Print): Promise<void> {
  const did = await didOf(client, actor)
  const subject = { $type: 'com.atproto.admin.defs#repoRef' as const, did }
  await answered(
    client.call(ComAtprotoAdminUpdateSubjectStatus.main, { input: { subject, takedown: { applied } } }),
  )
  print(`${applied ? 'taken down' : 'put back'} ${did}`)
}

/** Announces an account's identity again, so that the network looks at its DID document anew. */
export async function publishIdentity(client: Client, actor: string, print: Print): Promise<void> {
  const did = await didOf(client, actor)
  const { handle } = await answered(client.call(ComAtprotoAdminGetAccountInfo.main, { params: { did } }))
  await answered(client.call(ComAtprotoAdminUpdateAccountHandle.main, { input: { did, handle } }))
  print(`announced ${handle} ${did}`)
}

/** Deletes an account and all it has. */
export async function deleteAccount(client: Client, actor: string, print: Print): Promise<void> {
  const did = await didOf(client, actor)
  await answered(client.call(ComAtprotoAdminDeleteAccount.main, { input: { did } }))
  print(`deleted ${did}`)
}

/** Sets a new password, made up, and prints it. */
export async function resetPassword(client: Client, actor: string, print: Print): Promise<void> {
  const did = await didOf(client, actor)
  const password = randomBytes(12).toString('base64url')
  await answered(client.call(ComAtprotoAdminUpdateAccountPassword.main, { input: { did, password } }))
  print(`password ${password}`)
}

/** An invite code for so many accounts. */
export async function createInvite(client: Client, useCount: number): Promise<string> {
  const { code } = await answered(client.call(ComAtprotoServerCreateInviteCode.main, { input: { useCount } }))
  return code
}

/** The DID of an account that is named by it or by its handle. @throws CommandError */
export async function didOf(client: Client, actor: string): Promise<Did> {
  if (actor.startsWith('did:')) return actor as Did
  const params = { handle: actor as Handle }
  const resolved = await client.call(ComAtprotoIdentityResolveHandle.main, { params })
  if (resolved.ok) return resolved.value.did
  // The public is not told of an account that was taken down; the operator has to find it all the same.
  for (let cursor: string | undefined; ;) {
    const page = await answered(
      client.call(ComAtprotoAdminSearchAccounts.main, {
        params: { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
      }),
    )
    const found = page.accounts.find(({ handle }) => handle === actor.toLowerCase())
    if (found !== undefined) return found.did
    cursor = page.cursor
    if (cursor === undefined) return answered<never>(Promise.resolve(resolved))
  }
}
