import { passwordSession, type PasswordSessionOptions, type Session } from '@avocet/xrpc-client'

import { spoken } from './error.ts'
import { resolve, type ReadOptions } from './identity.ts'

/** What a sign-in by password may be told besides. */
export type SignInOptions = ReadOptions &
  Omit<PasswordSessionOptions, 'identifier' | 'password' | 'resolveService'>

/**
 * Signs in by an app password, at the PDS that the account's DID names.
 * @param identifier a handle or a DID; an email address where `service` is given
 * @throws {AtprotoError} of `@avocet/did` and `@avocet/xrpc-client`
 */
export async function signIn(
  identifier: string,
  password: string,
  options: SignInOptions = {},
): Promise<Session> {
  const { identity: _, signal: __, ...rest } = options
  const resolveService = async (actor: string): Promise<string> => (await resolve(actor, options)).pds
  try {
    return await passwordSession({ ...rest, identifier, password, resolveService })
  } catch (cause) {
    throw spoken('@avocet/xrpc-client', cause)
  }
}
