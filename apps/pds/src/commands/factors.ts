import type { PdsOptions } from '../config/config.ts'
import type { FactorList } from '../factors/factors.ts'
import type { Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'

/** Whose factors, and what of them to remove; nothing to list them. */
export interface FactorFlags {
  readonly actor: string
  readonly remove?: string | undefined
}

/**
 * Lists the second factors of an account of the running server, or removes some for an owner who lost theirs. The owner is told by mail.
 * @throws CommandError
 */
export async function factors(
  options: PdsOptions,
  { actor, remove }: FactorFlags,
  print: Print,
): Promise<void> {
  if (remove !== undefined) {
    const { removed } = (await askOperatorPage(options, '/factors', { account: actor, remove })) as {
      removed: string[]
    }
    for (const what of removed) print(`removed ${what}`)
    return
  }
  const path = `/factors?account=${encodeURIComponent(actor)}`
  const found = (await askOperatorPage(options, path)) as unknown as FactorList
  for (const { id, kind, name, createdAt, lastUsedAt } of found.factors) {
    print([id, kind, name, `added ${createdAt}`, `used ${lastUsedAt ?? 'never'}`].join('\t'))
  }
  if (found.email) print('email\tcodes by mail')
  if (found.recoveryCodes > 0) print(`recovery-codes\t${found.recoveryCodes} left`)
  if (found.factors.length === 0 && !found.email) print('no second factor')
}
