import type { PdsOptions } from '../config/config.ts'
import { CommandError, type Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'

/** What of an account to bound; nothing to show how it stands. */
export interface QuotaFlags {
  readonly actor: string
  readonly bytes?: string | undefined
  readonly records?: string | undefined
}

/** Shows or sets the bounds of one account on the running server. @throws CommandError */
export async function quota(options: PdsOptions, flags: QuotaFlags, print: Print): Promise<void> {
  const { actor, bytes, records } = flags
  const change = {
    ...(bytes === undefined ? {} : { blobBytes: bound(bytes) }),
    ...(records === undefined ? {} : { records: bound(records) }),
  }
  const answer =
    Object.keys(change).length === 0
      ? await askOperatorPage(options, `/quota?account=${encodeURIComponent(actor)}`)
      : await askOperatorPage(options, '/quota', { account: actor, ...change })
  print(JSON.stringify(answer, null, 2))
}

function bound(text: string): number | null {
  if (text === 'default') return null
  if (!/^\d{1,15}$/.test(text)) throw new CommandError(`not a number of bytes or records: ${text}`)
  return Number(text)
}
