import type { PdsOptions } from '../config/config.ts'
import type { AccountPage } from '../operator/account-reads.ts'
import type { Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'
import type { StateSubject } from './state-subjects.ts'

/** Prints the state of the running server: JSON, or a line for each entry of a list. @throws CommandError */
export async function printState(
  options: PdsOptions,
  { path, list }: StateSubject,
  isJson: boolean,
  print: Print,
): Promise<void> {
  const answer = await askOperatorPage(options, path)
  if (list === undefined) return print(JSON.stringify(answer, null, 2))
  for (const entry of answer[list] as Record<string, unknown>[]) {
    if (isJson) print(JSON.stringify(entry))
    else
      print(
        Object.values(entry)
          .map((value) =>
            value === null || value === '' ? '-' : typeof value === 'string' ? value : JSON.stringify(value),
          )
          .join('\t'),
      )
  }
}

/** Prints accounts whose DID, handle or address begins with a text: DID, handle, address, status. @throws CommandError */
export async function searchAccounts(
  options: PdsOptions,
  text: string,
  limit: number,
  print: Print,
): Promise<void> {
  for (let [after, left] = ['', limit]; left > 0;) {
    const query = new URLSearchParams({ q: text, after, limit: String(Math.min(left, 100)) })
    const page = (await askOperatorPage(
      options,
      `/operator/accounts?${query.toString()}`,
    )) as unknown as AccountPage
    for (const { did, handle, email, status } of page.accounts) {
      print([did, handle ?? '-', email ?? '-', status].join('\t'))
    }
    if (page.next === null) return
    after = page.next
    left -= page.accounts.length
  }
}

/** An act about an account that has no method of the protocol. @throws CommandError */
export function actOnAccount(
  options: PdsOptions,
  path: '/operator/reset-mail' | '/operator/plan-deletion' | '/operator/keep',
  account: string,
): Promise<Record<string, unknown>> {
  return askOperatorPage(options, path, { account })
}
