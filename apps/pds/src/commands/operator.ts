import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ComAtprotoAdminSearchAccounts, ComAtprotoServerDescribeServer } from '@avocet/lexicons/com.atproto'
import type { Did } from '@avocet/syntax'
import { createClient, XrpcClientError, type Client } from '@avocet/xrpc-client'

import { COMMAND_AGENT } from '../audit/command-agent.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { CommandError } from '../terminal.ts'

/** Where the server is, and the header that makes a request the operator's. @throws CommandError when there is no password */
function operatorAccess(options: PdsOptions): { service: string; headers: Record<string, string> } {
  const { adminPassword, dataDirectory, host, port } = resolveConfig(options)
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const password = adminPassword ?? storedPassword(dataDirectory)
  return {
    service: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
      'user-agent': COMMAND_AGENT,
    },
  }
}

/**
 * A client of the running server with the operator's rights: the password of the settings, else the one in the data
 * directory. Commands go through the server, so that what they change takes effect, and is announced, at once.
 * @throws CommandError when there is no password, or no server answers
 */
export async function connectOperator(options: PdsOptions): Promise<Client> {
  const { service, headers } = operatorAccess(options)
  const client = createClient({ service, headers })
  const described = await client.call(ComAtprotoServerDescribeServer.main, {})
  if (!described.ok) {
    throw new CommandError(`no server answers; url=${service} (start it, or give its --host and --port)`)
  }
  return client
}

/**
 * Asks one of the operator's pages of the running server: by POST when there is a body, JSON or the stream of an archive.
 * @throws CommandError with what the server said against it, or when none answers
 */
export async function askOperatorPage(
  options: PdsOptions,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const { service, headers } = operatorAccess(options)
  const isArchive = body instanceof ReadableStream
  const type = isArchive ? 'application/vnd.ipld.car' : 'application/json'
  let response: Response
  try {
    response = await fetch(`${service}${path}`, {
      headers: body === undefined ? headers : { ...headers, 'content-type': type },
      ...(body === undefined
        ? {}
        : { method: 'POST', body: isArchive ? body : JSON.stringify(body), duplex: 'half' }),
    })
  } catch (cause) {
    throw new CommandError(`no server answers; url=${service} (start it, or give its --host and --port)`, {
      cause,
    })
  }
  const text = await response.text()
  const json: unknown = text.startsWith('{') ? JSON.parse(text) : { message: text }
  if (response.ok) return json as Record<string, unknown>
  const { error = String(response.status), message = '' } = json as { error?: string; message?: string }
  throw new CommandError(`${error}: ${message}`)
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

/** Every account of the running server. @throws CommandError */
export async function* allAccounts(options: PdsOptions): AsyncGenerator<Did> {
  const client = await connectOperator(options)
  for (let cursor: string | undefined; ;) {
    const params = { limit: 100, ...(cursor === undefined ? {} : { cursor }) }
    const page = await answered(client.call(ComAtprotoAdminSearchAccounts.main, { params }))
    for (const { did } of page.accounts) yield did
    cursor = page.cursor
    if (cursor === undefined) return
  }
}

/** The answer of a call, or what the server said against it. @throws CommandError */
export async function answered<T>(
  call: Promise<{ ok: true; value: T } | { ok: false; error: XrpcClientError }>,
): Promise<T> {
  const result = await call
  if (result.ok) return result.value
  throw new CommandError(`${result.error.error ?? result.error.code}: ${result.error.message}`)
}
