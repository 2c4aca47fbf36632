// Which value of one server stands for which of the other: DIDs, CIDs, TIDs and codes differ between two servers that did the
// same, but each must keep its identity. The first meeting of two values pairs them; they have to meet again as a pair.

/** What is the same thing under another value on each side. The first that matches a piece of text names its kind. */
const KINDS: readonly (readonly [kind: string, pattern: string])[] = [
  ['jwt', String.raw`eyJ[\w-]+\.[\w-]+\.[\w-]+`],
  ['url', String.raw`(?:https?|wss?)://(?:localhost|127\.0\.0\.1):\d+`],
  ['did', String.raw`did:plc:[a-z2-7]{24}`],
  ['did', String.raw`did:web:localhost%3A\d+`],
  ['key', String.raw`did:key:z[1-9A-HJ-NP-Za-km-z]+|\bz[1-9A-HJ-NP-Za-km-z]{44,}`],
  ['cid', String.raw`\bbaf[a-z2-7]{56}\b`],
  ['time', String.raw`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`],
  ['code', String.raw`\b[a-z2-7]{5}-[a-z2-7]{5}\b`],
  ['password', String.raw`\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b`],
  ['tid', String.raw`\b3[2-7a-z]{12}\b`],
  ['host', String.raw`\blocalhost:\d+`],
  ['signature', String.raw`(?<![\w-])[\w-]{86}(?![\w-])`],
]
const TOKEN = new RegExp(KINDS.map(([, pattern]) => `(${pattern})`).join('|'), 'g')
/** Two of these never have to be the same thing twice. */
const FLEETING: ReadonlySet<string> = new Set(['time', 'jwt', 'signature'])

/** A difference between two texts, if there is one, and the tokens that need a closer look. */
export interface TextMatch {
  readonly equal: boolean
  readonly jwts: readonly (readonly [string, string])[]
}

/** The pairs met so far. */
export class Correspondence {
  readonly #there = new Map<string, string>()
  readonly #back = new Map<string, string>()

  /** Whether the texts are the same but for values that stand for one another. */
  match(reference: string, avocet: string): TextMatch {
    const [ours, theirs] = [split(avocet), split(reference)]
    if (ours.skeleton !== theirs.skeleton) return { equal: false, jwts: [] }
    const jwts: [string, string][] = []
    let equal = true
    for (const [i, { kind, value }] of theirs.tokens.entries()) {
      const other = ours.tokens[i]!.value
      if (kind === 'jwt') jwts.push([value, other])
      if (!FLEETING.has(kind)) equal = this.#pair(`${kind} ${value}`, `${kind} ${other}`) && equal
    }
    return { equal, jwts }
  }

  #pair(reference: string, avocet: string): boolean {
    const there = this.#there.get(reference)
    const back = this.#back.get(avocet)
    if (there === undefined && back === undefined) {
      this.#there.set(reference, avocet)
      this.#back.set(avocet, reference)
      return true
    }
    return there === avocet && back === reference
  }
}

/** The text with each token's kind in its place, and the tokens in order. */
export function split(text: string): { skeleton: string; tokens: { kind: string; value: string }[] } {
  const tokens: { kind: string; value: string }[] = []
  const skeleton = text.replace(TOKEN, (value: string, ...groups: unknown[]) => {
    const kind = KINDS[groups.findIndex((group) => group === value)]![0]
    tokens.push({ kind, value })
    return `<${kind}>`
  })
  return { skeleton, tokens }
}
