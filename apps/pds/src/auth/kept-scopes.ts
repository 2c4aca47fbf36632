import { createScopeSet, type ScopeSet } from '@avocet/oauth-scopes'

/** Characters of all texts that are kept: the sets of a thousand apps, or of sixteen with the longest that are granted. */
const KEPT_CHARACTERS = 1024 * 1024

/**
 * Scopes by their text, which comes with every call of an app: permission sets expand to hundreds, whose reading takes longer than
 * the check of a signature (3 ms for 60 KB). When there are too many the oldest are read again.
 */
export function createKeptScopes(max: number = KEPT_CHARACTERS): (text: string) => ScopeSet {
  const kept = new Map<string, ScopeSet>()
  let characters = 0
  return (text) => {
    const known = kept.get(text)
    if (known !== undefined) return known
    const scopes = createScopeSet(text)
    kept.set(text, scopes)
    characters += text.length
    for (const oldest of kept.keys()) {
      if (characters <= max) break
      kept.delete(oldest)
      characters -= oldest.length
    }
    return scopes
  }
}
