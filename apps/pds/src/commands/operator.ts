import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ComAtprotoServerDescribeServer } from '@avocet/lexicons/com.atproto'
import { createClient, XrpcClientError, type Client } from '@avocet/xrpc-client'

import { COMMAND_AGENT } from '../audit/command-agent.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'

/** A command that could not do what it was asked; the message says why. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/**
 * A client of the running server with the operator's rights: the password of the settings, else the one in the data
 * directory. Commands go through the server, so that what they change takes effect, and is announced, at once.
 * @throws CommandError when there is no password, or no server answers
 */
export async function connectOperator(options: PdsOptions): Promise<Client> {
  const { adminPassword, dataDirectory, host, port } = resolveConfig(options)
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const service = `http://${address.includes(':') ? `[${address}]` : address}:${port}`
  const password = adminPassword ?? storedPassword(dataDirectory)
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  const client = createClient({ service, headers: { authorization, 'user-agent': COMMAND_AGENT } })
  const described = await client.call(ComAtprotoServerDescribeServer.main, {})
  if (!described.ok) {
    throw new CommandError(`no server answers; url=${service} (start it, or give its --host and --port)`)
  }
  return client
}

function storedPassword(dataDirectory: string): string {
  const path = join(dataDirectory, 'secrets.json')
  try {
    const { adminPassword } = JSON.parse(readFileSync(path, 'utf8')) as { adminPassword?: unknown }
    if (typeof adminPassword === 'string') return adminPassword
  } catch {
    // No file, or none of ours: the message below says what would help.
  }
  throw new CommandError(
    `no admin password; give PDS_ADMIN_PASSWORD or the --data of the server (looked in ${path})`,
  )
}

/** The answer of a call, or what the server said against it. @throws CommandError */
export async function answered<T>(
  call: Promise<{ ok: true; value: T } | { ok: false; error: XrpcClientError }>,
): Promise<T> {
  const result = await call
  if (result.ok) return result.value
  throw new CommandError(`${result.error.error ?? result.error.code}: ${result.error.message}`)
}
