import { definePermissionSet, linkDef } from '../define.ts'
import type { PermissionSet } from '../schema.ts'
import type { LexiconResolver, ResolveResult } from './types.ts'

/**
 * Resolves the permission set that an `include:` scope names.
 *
 * @returns also `invalid-lexicon` for a lexicon that is no permission set
 */
export async function resolvePermissionSet(
  resolver: LexiconResolver,
  nsid: string,
  options?: Parameters<LexiconResolver['resolve']>[1],
): Promise<ResolveResult<PermissionSet>> {
  const resolved = await resolver.resolve(nsid, options)
  if (!resolved.ok) return resolved
  const { document } = resolved.value
  const main = document.defs['main']
  if (main?.type !== 'permission-set') {
    const message = `not a permission set; nsid=${nsid} type=${main?.type ?? 'none'}`
    return { ok: false, error: { code: 'invalid-lexicon', message, nsid } }
  }
  return { ok: true, value: definePermissionSet(linkDef(document.id, main)) }
}
