// What differs between two answers to one call, aspect by aspect.
import type { Answer } from './answers.ts'
import { Correspondence, split } from './correspondence.ts'

/** One aspect in which the servers differ. */
export interface Difference {
  readonly call: string
  /** `outcome`, `header <name>`, or a path in the body: `body.codes[0].uses`. */
  readonly aspect: string
  /** The values as short text, with `<did>` and the like in the place of what no two runs share; `absent` where there is none. */
  readonly reference: string
  readonly avocet: string
}

/** Compares answers; remembers which values of the two servers stand for one another. */
export class Comparer {
  readonly #pairs = new Correspondence()

  /** The differences of one call. Where the outcomes differ, nothing else is looked at. */
  answers(call: string, reference: Answer, avocet: Answer, unordered: readonly string[] = []): Difference[] {
    const found = new Findings(call)
    if (reference.outcome !== avocet.outcome) {
      found.add('outcome', reference.outcome, avocet.outcome)
      return found.all
    }
    for (const name of new Set([...Object.keys(reference.headers), ...Object.keys(avocet.headers)])) {
      this.#values(found, `header ${name}`, reference.headers[name], avocet.headers[name], unordered)
    }
    this.#values(found, 'body', reference.body, avocet.body, unordered)
    return found.all
  }

  /** The differences of two values that are no answers. */
  values(call: string, aspect: string, reference: unknown, avocet: unknown): Difference[] {
    const found = new Findings(call)
    this.#values(found, aspect, reference, avocet, [])
    return found.all
  }

  #values(found: Findings, path: string, a: unknown, b: unknown, unordered: readonly string[]): void {
    // The wording of errors is each server's own; only whether there is any counts.
    if (/^body\.(message|error_description)$/.test(path) && isText(a) && isText(b)) return
    if (typeof a === 'string' && typeof b === 'string') return this.#texts(found, path, a, b)
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) found.add(`${path}.length`, a.length, b.length)
      if (unordered.includes(path)) return this.#bags(found, path, a, b)
      for (let i = 0; i < Math.min(a.length, b.length); i++) {
        this.#values(found, `${path}[${i}]`, a[i], b[i], unordered)
      }
      return
    }
    if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        this.#values(found, `${path}.${key}`, a[key], b[key], unordered)
      }
      return
    }
    if (!Object.is(a, b)) found.add(path, a, b)
  }

  /** Lists without an order: which item stands for which cannot be told, so identities are not looked at. */
  #bags(found: Findings, path: string, a: readonly unknown[], b: readonly unknown[]): void {
    const [left, right] = [a, b].map((list) => list.map((item) => split(stable(item)).skeleton).toSorted())
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (left![i] !== right![i]) found.add(`${path}[]`, left![i], right![i])
    }
  }

  #texts(found: Findings, path: string, a: string, b: string): void {
    const { equal, jwts } = this.#pairs.match(a, b)
    if (!equal) found.add(path, a, b)
    for (const [theirs, ours] of jwts) this.#values(found, `${path}:jwt`, readJwt(theirs), readJwt(ours), [])
  }
}

/** Header and claims; times as the time they leave, and the token's own id as its presence. */
function readJwt(jwt: string): object {
  const [header, payload] = jwt
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, any>)
  const { iat, exp, jti, ...claims } = payload!
  // A second may pass between the two times; nobody counts on it.
  const lifetime = Math.round((exp - iat) / 5) * 5
  return { header, claims, lifetime, jti: jti === undefined ? 'absent' : 'present' }
}

class Findings {
  readonly all: Difference[] = []
  readonly #call: string
  constructor(call: string) {
    this.#call = call
  }
  add(aspect: string, reference: unknown, avocet: unknown): void {
    this.all.push({ call: this.#call, aspect, reference: show(reference), avocet: show(avocet) })
  }
}

const show = (value: unknown): string => {
  if (value === undefined) return 'absent'
  const text = split(typeof value === 'string' ? value : JSON.stringify(value)).skeleton
  return text.length > 160 ? `${text.slice(0, 159)}…` : text
}
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
/** JSON whose keys are in order. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    isObject(item) && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )

/** The differences of two stretches of a firehose: the types in their order, then the events of each type one by one. */
export function compareEvents(
  comparer: Comparer,
  step: string,
  reference: readonly Happening[],
  avocet: readonly Happening[],
): Difference[] {
  const types = (events: readonly Happening[]): string => events.map(({ type }) => type).join(' ') || 'none'
  const found = comparer.values(step, 'events', types(reference), types(avocet))
  const met = new Map<string, number>()
  for (const { type, body } of reference) {
    const nth = met.get(type) ?? 0
    met.set(type, nth + 1)
    const other = avocet.filter((event) => event.type === type)[nth]
    if (other !== undefined) found.push(...comparer.values(step, `${type}[${nth}]`, body, other.body))
  }
  return found
}

/** An event by its type. */
interface Happening {
  readonly type: string
  readonly body: unknown
}
