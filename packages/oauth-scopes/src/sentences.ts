import { nsidAuthority, nsidName } from '@avocet/syntax'

import { ANY_TYPE } from './media-type.ts'
import type { RepoAction } from './scope.ts'
import type { NameGroup, ServiceName, Subject } from './subject.ts'

/** Names said in a sentence before the rest of them is counted. */
const MAX_NAMES = 5

/** A subject in plain English, one sentence. */
export function sentence(subject: Subject): string {
  switch (subject.kind) {
    case 'sign-in':
      return 'Know which account is yours.'
    case 'app-password':
      return subject.chat
        ? `${APP_PASSWORD}, private messages too.`
        : `${APP_PASSWORD}, but not private messages.`
    case 'records':
      return `${sayActions(subject.actions)} ${sayRecords(subject.names)} in your public repository.`
    case 'calls':
      return `Make requests in your name to ${sayService(subject.service)}: ${sayMethods(subject.names)}.`
    case 'uploads':
      return `Upload ${sayTypes(subject.types)}.`
    case 'email':
      return subject.manage
        ? 'See and change your e-mail address.'
        : 'See your e-mail address, and whether it is confirmed.'
    case 'archive':
      return subject.manage
        ? 'Replace your whole public repository by an archive.'
        : 'Read your public repository, as everyone can.'
    case 'identity':
      return subject.whole
        ? 'Control your whole identity: your handle, your keys and where your account is hosted.'
        : 'Change your handle.'
    default:
      return saySet(subject)
  }
}

const APP_PASSWORD =
  'Use your account as an app password does: write and delete any record, upload any file, read and change your preferences, ' +
  'and make requests in your name to any service'

function sayActions(actions: readonly RepoAction[]): string {
  const words = sayList(actions)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function sayRecords(names: NameGroup): string {
  return names === '*' ? 'records of every kind' : `records of ${sayNames(names)}`
}

function sayMethods(names: NameGroup): string {
  return names === '*' ? 'every method' : sayNames(names)
}

/** The domain that a group belongs to, and the last parts of the names. */
function sayNames({ nsids }: Exclude<NameGroup, '*'>): string {
  return `${nsidAuthority(nsids[0]!)} (${sayList(nsids.map(nsidName))})`
}

function sayService(service: ServiceName | null): string {
  if (service === null) return 'any service'
  const { did, id } = service
  return `${did.startsWith('did:web:') ? did.slice(8).replace('%3A', ':') : did} (${id})`
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['image/*', 'images'],
  ['video/*', 'videos'],
  ['audio/*', 'sound files'],
  ['text/*', 'text files'],
])

function sayTypes(types: readonly string[]): string {
  if (types.includes(ANY_TYPE)) return 'files of any type'
  return sayList(types.map((type) => TYPES.get(type) ?? `${type} files`))
}

function saySet({ nsid, title, detail }: Extract<Subject, { kind: 'set' }>): string {
  const authority = nsidAuthority(nsid)
  if (title === null) return `The permissions ${nsidName(nsid)} of ${authority}.`
  return detail === null ? `${title} (${authority})` : `${title} (${authority}): ${detail}`
}

/** `a`, `a and b`, `a, b and c`, `a, b, c, d, e and 3 more`. */
function sayList(words: readonly string[]): string {
  const said = words.length > MAX_NAMES + 1 ? words.slice(0, MAX_NAMES) : words
  const rest = words.length - said.length
  const all = rest === 0 ? said : [...said, `${rest} more`]
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} and ${all.at(-1)!}`
}
