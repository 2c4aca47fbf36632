import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { readSecrets } from '../config/secrets.ts'
import { factorProofText } from '../operator/factor-pages.ts'
import type { OperatorFactorState } from '../operator/operator-factor.ts'
import { makeServerProof } from '../operator/server-proof.ts'
import { CommandError, type Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'

/** What to do about the factor of the operator's page; nothing to tell how it stands. */
export interface OperatorFactorFlags {
  readonly add?: boolean
  /** The first code of an app that was added. */
  readonly confirm?: string
  readonly remove?: boolean
  readonly recoveryCodes?: boolean
}

/**
 * Tells how the operator's page is guarded, or changes it: adds an authenticator app, confirms it by a code, removes it, makes new
 * recovery codes. Changes take the secrets of the server, which are in its data directory or its settings.
 * @throws CommandError
 */
export async function operatorFactor(
  options: PdsOptions,
  flags: OperatorFactorFlags,
  print: Print,
): Promise<void> {
  const wanted = [
    ...(flags.add === true ? ['add'] : []),
    ...(flags.confirm === undefined ? [] : ['confirm']),
    ...(flags.remove === true ? ['remove'] : []),
    ...(flags.recoveryCodes === true ? ['recovery-codes'] : []),
  ]
  if (wanted.length > 1) throw new CommandError(`one at a time: ${wanted.join(', ')}`)
  const [change] = wanted
  if (change === undefined) return show(options, print)
  const { jwtSecret } = readSecrets(resolveConfig(options))
  if (jwtSecret === null) {
    throw new CommandError("the server's secrets are not here: give its --data, or PDS_JWT_SECRET")
  }
  const code = flags.confirm ?? ''
  const proof = makeServerProof(jwtSecret, factorProofText(change, code))
  const answer = await askOperatorPage(options, '/operator/factor', { change, code, proof })
  if (change === 'add') {
    print(`secret ${String(answer['secret'])}`)
    print(`url ${String(answer['uri'])}`)
    print('Add one of them to an authenticator app, then run: avocet-pds operator factor --confirm <code>')
    return
  }
  if (change === 'remove') {
    print("removed: the operator's password alone opens the page")
    return
  }
  print(
    change === 'confirm'
      ? 'added: the page asks for a code from now on'
      : 'made: those before are not good any more',
  )
  print('Recovery codes, each good once. They are not shown again:')
  for (const recoveryCode of answer['recoveryCodes'] as string[]) print(recoveryCode)
}

async function show(options: PdsOptions, print: Print): Promise<void> {
  const state = (await askOperatorPage(options, '/operator/factor')) as unknown as OperatorFactorState
  const { active, isPending, recoveryCodes } = state
  if (active === null) print("no factor: the operator's password alone opens the page (--add adds one)")
  else print(`authenticator app\tadded ${active.addedAt}\tused ${active.lastUsedAt ?? 'never'}`)
  if (active !== null) print(`recovery-codes\t${recoveryCodes} left`)
  if (isPending) print('one more waits for its first code: --confirm <code>')
}
