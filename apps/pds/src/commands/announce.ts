import type { PdsOptions } from '../config/config.ts'
import { CommandError, counted, type Print } from '../terminal.ts'
import { allAccounts, askOperatorPage } from './operator.ts'

/**
 * Tells relays where accounts stand, with a new revision of each repository: on the running server. Goes on after an account
 * that fails.
 * @param account null for all
 * @throws CommandError
 */
export async function announceAccounts(
  options: PdsOptions,
  account: string | null,
  print: Print,
): Promise<void> {
  const one = async (name: string): Promise<void> => {
    const { did, status } = await askOperatorPage(options, '/announce', { account: name })
    print(`announced ${did as string} (${status as string})`)
  }
  if (account !== null) return one(account)
  let failed = 0
  for await (const did of allAccounts(options)) {
    try {
      await one(did)
    } catch (error) {
      failed += 1
      print(`${did} FAILED: ${(error as Error).message}`)
    }
  }
  if (failed > 0) throw new CommandError(`${counted(failed, 'account')} not announced; run it for them again`)
}
