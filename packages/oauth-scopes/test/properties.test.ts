import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createScopeSet,
  EXPANDED_LIMITS,
  formatScope,
  formatScopes,
  intersectScopes,
  isSubset,
  parseScope,
  parseScopes,
  type Scope,
  type ScopeSet,
} from '../src/index.ts'
import { NEEDS, RUNS, scope } from './arbitraries.ts'
import { modelAllows } from './model.ts'

const scopes = fc.array(scope, { maxLength: 8 })
const ATPROTO: Scope = { resource: 'atproto' }
const withAtproto = scopes.map((list) => [ATPROTO, ...list])
const allowed = (set: ScopeSet): string[] =>
  NEEDS.filter((need) => set.allows(need)).map((need) => JSON.stringify(need))
const check = <T extends [unknown, ...unknown[]]>(...args: Parameters<typeof fc.property<T>>): void => {
  fc.assert(fc.property<T>(...args), { numRuns: RUNS })
}
/** `transition:chat.bsky` gives nothing by itself, and is a scope all the same. */
const isLoneChat = (list: readonly Scope[]): boolean =>
  list.some((item) => item.resource === 'transition' && item.name === 'chat.bsky')

describe('a scope', () => {
  it('printed and parsed is itself, in canonical form', () => {
    check(scope, (given) => {
      const text = formatScope(given)
      const parsed = parseScope(text, EXPANDED_LIMITS)
      if (parsed.kind !== 'known') throw new Error(`${text} is ${parsed.kind}`)
      expect(formatScope(parsed.scope)).toBe(text)
      expect(parseScope(formatScope(parsed.scope))).toEqual(parsed)
    })
  })

  it('is the same however its parameters are ordered and encoded', () => {
    check(scope, fc.integer({ min: 0 }), (given, seed) => {
      const text = formatScope(given)
      const [head = '', query = ''] = text.split('?')
      const escaped = head
        .slice(head.indexOf(':') + 1)
        .split('')
        .map((char, i) =>
          (seed >> (i % 31)) & 1 && char !== '%'
            ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`
            : char,
        )
      const params = query.split('&').filter((param) => param !== '')
      const turned = seed & 1 ? params.toReversed() : params
      if (!head.includes(':') || head.includes('%') || text.startsWith('transition')) return
      const other = `${head.slice(0, head.indexOf(':') + 1)}${escaped.join('')}?${turned.join('&')}`
      expect(parseScope(other)).toMatchObject({ scope: (parseScope(text) as { scope: Scope }).scope })
    })
  })
})

describe('any text', () => {
  const PIECES = [
    'repo rpc blob account identity include atproto transition : ? & = % %2 %2a * / # + " é \ud800 \u0000 collection action lxm',
    'aud accept attr nsid create com.example.a did:web:a.b#c image/png email manage __proto__ constructor',
  ]
  const pieces = fc.constantFrom(' ', ...PIECES.join(' ').split(' '))
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(pieces, { maxLength: 30 }).map((list) => list.join('')),
  )

  it('is read without an error, and what is known of it is canonical', () => {
    check(text, (given) => {
      const parsed = parseScopes(given)
      if (!parsed.ok) throw new Error(parsed.error.message)
      expect(parsed.value.map((item) => item.text)).toEqual(given.split(' ').filter((item) => item !== ''))
      for (const item of parsed.value) {
        if (item.kind !== 'known') continue
        const again = parseScope(formatScope(item.scope))
        expect(again).toEqual({ kind: 'known', text: formatScope(item.scope), scope: item.scope })
      }
      const set = createScopeSet(given)
      expect(createScopeSet(set.toString()).toString()).toBe(set.toString())
    })
  })
})

describe('a set', () => {
  it('allows what the model allows', () => {
    check(scopes, (list) => {
      const set = createScopeSet(list)
      expect(allowed(set)).toEqual(
        NEEDS.filter((need) => modelAllows(list, need)).map((need) => JSON.stringify(need)),
      )
    })
  })

  it('is the same from its text, whatever the order', () => {
    check(scopes, (list) => {
      const set = createScopeSet(list)
      expect(createScopeSet(formatScopes(list.toReversed())).scopes.map(formatScope)).toEqual(
        set.scopes.map(formatScope),
      )
      expect(allowed(createScopeSet(set.toString()))).toEqual(allowed(set))
    })
  })

  it('keeps no permission that another one covers, and only what was given', () => {
    check(scopes, (list) => {
      const kept = createScopeSet(list).scopes.map(formatScope)
      const given = list.map(formatScope)
      for (const text of kept) {
        expect(given).toContain(text)
        if (text.startsWith('transition')) continue
        const others = kept.filter((other) => other !== text && !other.startsWith('transition'))
        for (const other of others)
          expect(createScopeSet(other).covers((parseScope(text) as { scope: Scope }).scope)).toBe(false)
      }
    })
  })

  it('covers what it allows, and allows what it covers', () => {
    check(withAtproto, scope, (list, other) => {
      if (other.resource === 'include' || isLoneChat([other])) return
      const set = createScopeSet(list)
      const isWithin = NEEDS.filter((need) => modelAllows([ATPROTO, other], need)).every((need) =>
        set.allows(need),
      )
      expect(set.covers(other)).toBe(isWithin)
    })
  })
})

describe('the order of sets', () => {
  it('is one: reflexive, transitive, and equal both ways only where the same is allowed', () => {
    check(scopes, scopes, scopes, (a, b, c) => {
      const [first, second, third] = [a, [...a, ...b], [...a, ...b, ...c]].map((list) => createScopeSet(list))
      expect(isSubset(first!, first!)).toBe(true)
      expect(isSubset(first!, second!)).toBe(true)
      expect(isSubset(second!, third!)).toBe(true)
      expect(isSubset(first!, third!)).toBe(true)
      if (isSubset(third!, first!)) expect(allowed(third!)).toEqual(allowed(first!))
      const [x, y, z] = [a, b, c].map((list) => createScopeSet(list))
      if (isSubset(x!, y!) && isSubset(y!, z!)) expect(isSubset(x!, z!)).toBe(true)
    })
  })

  it('agrees with what is allowed', () => {
    check(withAtproto, withAtproto, (a, b) => {
      if ([...a, ...b].some(({ resource }) => resource === 'include') || isLoneChat(a)) return
      const [inner, outer] = [createScopeSet(a), createScopeSet(b)]
      const within = new Set(allowed(outer))
      expect(isSubset(inner, outer)).toBe(allowed(inner).every((need) => within.has(need)))
    })
  })
})

describe('the intersection', () => {
  it('is within both, the same both ways, and all of the smaller one', () => {
    check(scopes, scopes, (a, b) => {
      const [first, second] = [createScopeSet(a), createScopeSet(b)]
      const both = intersectScopes(first, second)
      expect(isSubset(both, first)).toBe(true)
      expect(isSubset(both, second)).toBe(true)
      expect(allowed(intersectScopes(second, first))).toEqual(allowed(both))
      const union = createScopeSet([...a, ...b])
      expect(allowed(intersectScopes(first, union))).toEqual(allowed(first))
    })
  })

  it('allows what both allow', () => {
    check(withAtproto, withAtproto, (a, b) => {
      // What is left of "all but private messages" at one service, no scope can say.
      if ([...a, ...b].some((item) => item.resource === 'transition' && item.name === 'generic')) return
      const [first, second] = [createScopeSet(a), createScopeSet(b)]
      const within = new Set(allowed(second))
      expect(allowed(intersectScopes(first, second))).toEqual(
        allowed(first).filter((need) => within.has(need)),
      )
    })
  })
})
