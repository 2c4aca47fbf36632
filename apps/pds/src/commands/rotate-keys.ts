import type { RotationReport } from '../accounts/key-rotations.ts'
import type { PdsOptions } from '../config/config.ts'
import { CommandError, type Print } from '../terminal.ts'
import { allAccounts, askOperatorPage } from './operator.ts'

/** Whose keys, and which. */
export interface RotateFlags {
  readonly account?: string | undefined
  readonly all?: boolean
  readonly rotationKey?: boolean
  readonly dryRun?: boolean
}

/** With `--all` an account whose key is younger than this was done by the run that was cut off. */
const DONE_MS = 24 * 60 * 60 * 1000

/**
 * Rotates the signing keys of accounts, or the rotation key of the server in their identities, on the running server. Goes
 * on after an account that fails; run again, it does what is left.
 * @throws CommandError
 */
export async function rotateKeys(options: PdsOptions, flags: RotateFlags, print: Print): Promise<void> {
  const { account, all = false, rotationKey = false, dryRun = false } = flags
  if ((account === undefined) !== all) throw new CommandError('give an account, or --all')
  const begun = Date.now()
  let failed = 0
  const one = async (name: string): Promise<void> => {
    try {
      const report = (await askOperatorPage(options, '/rotate-keys', {
        account: name,
        apply: !dryRun,
        rotationKey,
        ...(all ? { unlessSince: begun - DONE_MS } : {}),
      })) as unknown as RotationReport
      print(`${report.did} ${report.detail}${report.to === null ? '' : ` ${report.to}`}`)
    } catch (error) {
      if (!all) throw error
      failed += 1
      print(`${name} FAILED: ${(error as Error).message}`)
    }
  }
  if (account !== undefined) return one(account)
  for await (const did of allAccounts(options)) await one(did)
  if (failed > 0) throw new CommandError(`${failed} accounts failed; run it again when the reason is gone`)
}
