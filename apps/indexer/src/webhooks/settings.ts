// Webhooks as an operator writes them down: a file in JSON. Secrets may stand in the environment.

import { readFileSync } from 'node:fs'
import { type Filter, parseV2Request } from '@avocet/jetstream/wire'
import { GROUP_STARTS, type GroupStart, isGroupStart } from '@avocet/tap/wire'
import { IndexerError } from '../errors.ts'
import { isGroupName } from '../delivery/groups.ts'

/** One webhook. */
export type WebhookConfig = {
  /** Names its place: one with another name begins anew. */
  readonly name: string
  readonly url: string
  /** `batch` (default): `{ events, cursor }`, events as `/listEvents` gives them. `tap`: one event of Tap a request. */
  readonly format?: 'batch' | 'tap'
  /** Signs by Standard Webhooks: `whsec_…` or `whsk_…`, the newest first. */
  readonly secrets?: readonly string[]
  /** Sent as Tap's admin password: HTTP Basic, user `admin`. */
  readonly password?: string
  readonly filter?: Omit<Filter, 'maxMessageSizeBytes'>
  /** Whether what exports brought is sent too. Default true. */
  readonly historical?: boolean
  /**
   * Where it begins the first time. Default `oldest`: at the first event that the log has. One that began with `snapshot` or `all` is given
   * the whole index again after it lost events.
   */
  readonly start?: GroupStart
  /** Failures after which an event is given up. Default 6. */
  readonly tries?: number
  /** For an answer to begin, ms. Default 30 000. */
  readonly timeoutMs?: number
  /** Events of one request. Default 100. */
  readonly maxEvents?: number
  /** Whether it may be at an address of this machine, or of a private network, over plain http too. Default false. */
  readonly allowLoopback?: boolean
  readonly allowPrivate?: boolean
}

const MAX_WEBHOOKS = 32
const MAX_FILE = 4 * 1024 * 1024
const MEMBERS = new Set<string>(
  (
    'name url format secrets password kinds dids collections historical start tries timeoutSeconds maxEvents ' +
    'allowLoopback allowPrivate'
  ).split(' '),
)

/**
 * Reads a file of webhooks: a list of objects. `env:NAME` in place of a secret or a password stands for that of the environment.
 * @throws IndexerError `bad-config`, with no secret in its message
 */
export function readWebhooks(file: string, env: NodeJS.ProcessEnv): WebhookConfig[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new IndexerError('bad-config', `Cannot read the webhooks in ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (text.length > MAX_FILE)
    throw new IndexerError('bad-config', `Too large for a list of webhooks: ${file}`)
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    // The parser's message repeats a part of the text, which may hold a secret.
    throw new IndexerError('bad-config', `Not JSON: ${file}`)
  }
  if (!Array.isArray(list) || list.length > MAX_WEBHOOKS)
    throw new IndexerError('bad-config', `Not a list of at most ${MAX_WEBHOOKS} webhooks: ${file}`)
  const hooks = list.map((item, i) => readWebhook(item, `webhook ${i + 1} of ${file}`, env))
  const twice = hooks.find(({ name }, i) => hooks.findIndex((other) => other.name === name) < i)
  if (twice !== undefined) throw new IndexerError('bad-config', `Two webhooks have the name ${twice.name}`)
  return hooks
}

function readWebhook(item: unknown, where: string, env: NodeJS.ProcessEnv): WebhookConfig {
  const refuse = (why: string): never => {
    throw new IndexerError('bad-config', `${where}: ${why}`)
  }
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return refuse('not an object')
  const hook = item as Record<string, unknown>
  const odd = Object.keys(hook).find((member) => !MEMBERS.has(member))
  if (odd !== undefined) refuse(`unknown member ${odd.slice(0, 64)}`)

  const given = <T>(member: string, what: string, is: (value: unknown) => value is T): T | undefined => {
    const value = hook[member]
    return value === undefined || is(value) ? value : refuse(`${member}: not ${what}`)
  }
  const count = (member: string, most: number): number | undefined =>
    given(
      member,
      `a whole number from 1 to ${most}`,
      (value): value is number => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most,
    )
  const words = (member: string): string[] | undefined => given(member, 'a list of texts', isTexts)
  const flag = (member: string): boolean | undefined => given(member, 'true or false', isBoolean)
  const secret = (value: string): string => {
    if (!value.startsWith('env:')) return value
    const name = value.slice('env:'.length)
    return env[name] || refuse(`${name} is not in the environment`)
  }

  const name = given('name', 'a text', isText) ?? ''
  if (!isGroupName(name)) refuse('name: letters, digits, - and _, at most 64')
  const url = given('url', 'a text', isText) ?? ''
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) refuse('url: not an http(s) URL')
  const format = given('format', 'batch or tap', (value) => value === 'batch' || value === 'tap')
  const start = given('start', GROUP_STARTS.join(', '), isGroupStart)
  const historical = flag('historical')
  if (historical === false && (start === 'snapshot' || start === 'all'))
    refuse(`start: ${start} tells what was there, which "historical": false leaves out`)
  const password = given('password', 'a text', isText)
  const secrets = words('secrets')
  const query = new URLSearchParams()
  for (const member of ['kinds', 'dids', 'collections'])
    for (const value of words(member) ?? []) query.append(member, value)
  const asked = parseV2Request(query)
  if (!asked.ok) return refuse(asked.error)
  const timeout = count('timeoutSeconds', 300)
  const optional = {
    format,
    start,
    password: password === undefined ? undefined : secret(password),
    secrets: secrets?.map(secret),
    historical,
    tries: count('tries', 1000),
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
    maxEvents: count('maxEvents', 1000),
    allowLoopback: flag('allowLoopback'),
    allowPrivate: flag('allowPrivate'),
  }
  const there = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { name, url, filter: asked.value.filter, ...Object.fromEntries(there) }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
